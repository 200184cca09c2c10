// Package sheafv1connect holds the clients and the handlers of the control
// plane's services, generated from the .proto files. It links an HTTP server, so
// it is apart from the messages: a worker speaks those without it.
package sheafv1connect

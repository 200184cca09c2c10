package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
)

// connection are the flags that say where a cluster is and what to show there.
type connection struct {
	console      *console
	cluster      string
	tokenFile    string
	certificates secure.Certificates
}

// defaultCluster is where "sheaf coordinator" listens unless told otherwise.
var defaultCluster = net.JoinHostPort("127.0.0.1", client.DefaultPort)

func (c *console) connection(cmd *cobra.Command) *connection {
	n := &connection{console: c}
	f := cmd.Flags()
	f.StringVar(&n.cluster, "cluster", "", "coordinator's `address`, or several with commas between them\n(else $SHEAF_CLUSTER, else "+defaultCluster+")")
	f.StringVar(&n.tokenFile, "token-file", "", "`file` with the token to show (else $SHEAF_TOKEN_FILE, else the token in $SHEAF_TOKEN)")
	f.StringVar(&n.certificates.Cert, "tls-cert", "", "`file` with the certificate to show (else $SHEAF_TLS_CERT)")
	f.StringVar(&n.certificates.Key, "tls-key", "", "`file` with its private key (else $SHEAF_TLS_KEY)")
	f.StringVar(&n.certificates.CA, "tls-ca", "", "`file` with the certificate of the cluster's authority (else $SHEAF_TLS_CA)")
	return n
}

// dial connects with the cluster. The caller closes the client.
func (n *connection) dial(ctx context.Context) (*client.Client, error) {
	o := client.Options{Addresses: strings.Split(n.address(), ",")}
	var err error
	if o.Token, err = n.token(); err != nil {
		return nil, err
	}
	if o.TLS, err = n.tls(); err != nil {
		return nil, err
	}
	api, err := client.Dial(ctx, o)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Reason == client.Unreachable {
		err = &client.Error{Reason: e.Reason, Err: fmt.Errorf("%w: start one by \"sheaf coordinator\", or name its address by --cluster", e.Err)}
	}
	return api, err
}

// or returns a flag's value, else the environment's.
func (n *connection) or(value, variable string) string {
	if value == "" {
		return n.console.getenv(variable)
	}
	return value
}

func (n *connection) address() string {
	if address := n.or(n.cluster, "SHEAF_CLUSTER"); address != "" {
		return address
	}
	return defaultCluster
}

func (n *connection) token() (secure.Secret, error) {
	if path := n.or(n.tokenFile, "SHEAF_TOKEN_FILE"); path != "" {
		return secure.ReadToken(path)
	}
	text := n.console.getenv("SHEAF_TOKEN")
	if text == "" {
		return secure.Secret{}, nil
	}
	token, err := secure.ParseToken(text)
	if err != nil {
		return secure.Secret{}, fault.New(fault.Invalid, "SHEAF_TOKEN: %w", err)
	}
	return token, nil
}

func (n *connection) tls() (*tls.Config, error) {
	files := secure.Certificates{
		Cert: n.or(n.certificates.Cert, "SHEAF_TLS_CERT"),
		Key:  n.or(n.certificates.Key, "SHEAF_TLS_KEY"),
		CA:   n.or(n.certificates.CA, "SHEAF_TLS_CA"),
	}
	if !files.Given() {
		return nil, nil
	}
	return files.Client()
}

// hint is how a command is written that speaks to the same cluster.
func (n *connection) hint(command string) string {
	if n.cluster != "" {
		return "sheaf " + command + " --cluster " + n.cluster
	}
	return "sheaf " + command
}

package executor

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/shuffle/transfer"
)

// relay is how workers read map outputs of other executors where those speak
// TLS: a worker holds no certificate, so it asks its executor, over loopback, at
// a path that only the executor's workers are told.
type relay struct {
	port   *port
	prefix string // of paths: a slash and a secret
	proxy  *httputil.ReverseProxy

	mu        sync.Mutex // guards what follows
	addresses map[string]string
}

// openRelay opens the relay, or returns nil where workers need none.
func (e *Executor) openRelay() (*relay, error) {
	if !e.cfg.Certificates.Given() {
		return nil, nil
	}
	l, err := secure.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	var secret [16]byte
	rand.Read(secret[:])
	r := &relay{prefix: "/" + hex.EncodeToString(secret[:]), addresses: map[string]string{}}
	r.proxy = &httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {}, // ServeHTTP has seen to it
		Transport: e.dialer.plain(),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	r.port = &port{
		listener: transfer.Limit(l, e.cfg.Limits.Connections, e.cfg.Limits.Connections),
		server:   transfer.NewServer(r, nil), advertised: l.Addr().String(),
	}
	return r, nil
}

// ServeHTTP passes a request on to the executor that its path names.
func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	rest, ok := strings.CutPrefix(request.URL.Path, r.prefix+"/")
	name, path, cut := strings.Cut(rest, "/")
	r.mu.Lock()
	address := r.addresses[name]
	r.mu.Unlock()
	if !ok || !cut || address == "" || !strings.HasPrefix(path, "v1/outputs/") {
		http.NotFound(w, request)
		return
	}
	out := request.Clone(request.Context())
	out.URL = &url.URL{Scheme: "https", Host: address, Path: "/" + path, RawQuery: request.URL.RawQuery}
	out.Host = address
	r.proxy.ServeHTTP(w, out)
}

// set says where an executor serves map outputs, empty for nowhere, and returns
// what its workers are told.
func (r *relay) set(id plan.ExecutorID, address string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if address == "" {
		delete(r.addresses, string(id))
		return ""
	}
	r.addresses[string(id)] = address
	return "http://" + r.port.advertised + r.prefix + "/" + string(id)
}

func (r *relay) serve() { r.port.serve() }

func (r *relay) close() error { return r.port.close() }

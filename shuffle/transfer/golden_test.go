package transfer

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// TestWire holds a request for pieces and its answer to what they were.
func TestWire(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 40)
	var request []byte
	for _, p := range []piece{{out.ID, out.Digest, 0, 8}, {outputID(2), out.Digest, 1, 3}, {out.ID, out.Digest, out.Bytes - 4, out.Bytes}} {
		request = p.appendLine(request)
	}
	w := httptest.NewRecorder()
	NewHandler(st, allow, HandlerOptions{}).ServeHTTP(w, httptest.NewRequest("POST", root+job.String(), strings.NewReader(string(request))))
	golden.Check(t, "testdata/pieces.request.golden", request)
	golden.Check(t, "testdata/pieces.answer.golden", w.Body.Bytes())
	golden.Check(t, "testdata/path.golden", appendPath(nil, out.ID))
}

// TestTLS reads by TLS, from a server that speaks HTTP/1.1 and nothing else.
func TestTLS(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 3<<20)
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	defer certified.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proto := make(chan string, 100)
	server := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto <- r.Proto
		NewHandler(st, allow, HandlerOptions{}).ServeHTTP(w, r)
	}), &tls.Config{Certificates: certified.TLS.Certificates})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.ServeTLS(Limit(l, 9, 9), "", ""); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("ServeTLS: %v", err)
		}
	})
	defer wg.Wait()
	defer server.Close()
	o := quick()
	o.TLS = certified.Client().Transport.(*http.Transport).TLSClientConfig
	c := newClient(t, "https://"+l.Addr().String(), o)
	defer c.Close()
	equal(t, "by TLS", contents(t, c, out), contents(t, st, out))
	if p := <-proto; p != "HTTP/1.1" {
		t.Errorf("protocol %s, want HTTP/1.1", p)
	}
	o.TLS = nil
	o.Attempts = 1
	stranger := newClient(t, "https://"+l.Addr().String(), o)
	_, err = readAll(stranger, out)
	wantFailure(t, "an unknown certificate", err, fault.Unreachable, Unreachable)
}

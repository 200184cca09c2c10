package main

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/secure/securetest"
)

const (
	readerToken  = "reader-0123456789-0123456789"
	unknownToken = "unknown-0123456789-0123456789"
)

// TestReach holds how a command ends that does not come through.
func TestReach(t *testing.T) {
	guard := func(t *testing.T) *secure.Authorizer {
		tokens, err := secure.ReadTokens(securetest.File(t, "tokens", "bob read "+readerToken))
		if err != nil {
			t.Fatal(err)
		}
		a, err := secure.NewAuthorizer("127.0.0.1:0", tokens)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	failing := func(procedure string, err error) func(*testing.T) string {
		return func(t *testing.T) string {
			s := listed()
			s.fail = map[string]error{procedure: err}
			return s.serve(t, nil, nil)
		}
	}
	speaking := func(lowest, highest int32) func(*testing.T) string {
		return func(t *testing.T) string {
			s := newCoordinator()
			s.version = &pb.GetVersionResponse{BuildVersion: "v9.9.9", ProtocolMin: lowest, ProtocolMax: highest}
			return s.serve(t, nil, nil)
		}
	}
	web := func(handler http.HandlerFunc) func(*testing.T) string {
		return func(t *testing.T) string {
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			return server.Listener.Addr().String()
		}
	}
	tests := []struct {
		name    string
		address func(t *testing.T) string
		token   string
		args    []string
		code    int
		want    string
	}{
		{name: "nobody there", address: func(t *testing.T) string { return closedAddress(t) }, code: exitUnreachable, want: "connection refused: start one by"},
		{name: "nobody at two addresses", address: func(t *testing.T) string { return closedAddress(t) + "," + closedAddress(t) }, code: exitUnreachable, want: "connection refused; 127.0.0.1:"},
		{name: "the second address", address: func(t *testing.T) string { return closedAddress(t) + "," + listed().serve(t, nil, nil) }, code: exitOK},
		{name: "a web server", address: web(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }), code: exitFailed, want: "is it a coordinator of Sheaf?"},
		{name: "a web server without such a page", address: web(http.NotFound), code: exitUsage, want: "is it a coordinator of Sheaf, and no older than this program?"},
		{name: "a redirect", address: web(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}), code: exitFailed, want: "is it a coordinator of Sheaf?"},
		{name: "a token that opens", address: func(t *testing.T) string { return listed().serve(t, guard(t), nil) }, token: readerToken, code: exitOK},
		{name: "no token", address: func(t *testing.T) string { return listed().serve(t, guard(t), nil) }, code: exitUsage, want: "this cluster asks for a token: give one by --token-file FILE or in SHEAF_TOKEN"},
		{name: "wrong token", address: func(t *testing.T) string { return listed().serve(t, guard(t), nil) }, token: unknownToken, code: exitUsage, want: "the token is not known here"},
		{name: "no token at all", address: func(t *testing.T) string { return listed().serve(t, guard(t), nil) }, token: "short", code: exitUsage, want: "SHEAF_TOKEN: the token has 5 bytes"},
		{name: "a token of a lower role", address: func(t *testing.T) string { return listed().serve(t, guard(t), nil) }, token: readerToken, args: []string{"drain", "e1"},
			code: exitUsage, want: "bob (role read) may not call DrainNode: that needs a token with the role admin"},
		{name: "a newer coordinator", address: speaking(2, 3), code: exitUsage, want: "(v9.9.9) speaks protocol 2 to 3 and this program 1: build this program with a newer Sheaf"},
		{name: "no protocol at all", address: speaking(0, 0), code: exitUsage, want: "speaks protocol 0 and this program 1"},
		{name: "a range that holds ours", address: speaking(1, 4), code: exitOK},
		{name: "unknown job", address: func(t *testing.T) string { return listed().serve(t, nil, nil) }, args: []string{"job", "ffff"}, code: exitUsage, want: "sheaf job: there is no job ffff"},
		{name: "a bug there", address: failing("ListJobs", failure(connect.CodeInternal, pb.FaultKind_FAULT_KIND_INTERNAL, "the journal is odd")), code: exitFailed, want: "the journal is odd"},
		{name: "no room", address: failing("ListJobs", failure(connect.CodeResourceExhausted, pb.FaultKind_FAULT_KIND_RESOURCE, "too many jobs wait")), code: exitUnreachable, want: "too many jobs wait"},
		{name: "an older coordinator", address: failing("ListJobs", connect.NewError(connect.CodeUnimplemented, nil)), code: exitFailed},
		{name: "no leader", address: failing("GetVersion", notLeader("")), code: exitUnreachable, want: "it does not lead, and no leader is known"},
		{name: "it speaks TLS", address: func(t *testing.T) string {
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			t.Cleanup(server.Close)
			return server.Listener.Addr().String()
		}, code: exitUsage, want: "it seems to ask for certificates: give --tls-cert"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			args := test.args
			if args == nil {
				args = []string{"jobs"}
			}
			got := sheafEnv(t, map[string]string{"SHEAF_CLUSTER": test.address(t), "SHEAF_TOKEN": test.token}, args...)
			got.want(t, test.code, test.want)
			if test.token != "" && strings.Contains(got.stderr+got.stdout, test.token) {
				t.Errorf("the token is shown: %s%s", got.stdout, got.stderr)
			}
		})
	}
}

func TestTheLeaderIsFollowed(t *testing.T) {
	leading, following := listed(), listed()
	following.fail = map[string]error{"ListJobs": notLeader(leading.serve(t, nil, nil))}
	sheaf(t, "jobs", "--cluster", following.serve(t, nil, nil)).want(t, exitOK)
	if n := leading.called()["ListJobs"]; n != 1 {
		t.Errorf("the leader was asked %d times, want 1", n)
	}
}

// TestMutualTLS speaks to a coordinator as from another machine.
func TestMutualTLS(t *testing.T) {
	ours, other := securetest.New(t, "ours"), securetest.New(t, "other")
	files := func(a *securetest.Authority, name string, change func(*x509.Certificate)) secure.Certificates {
		cert, key := a.Issue(t, name, "", change)
		return secure.Certificates{Cert: cert, Key: key, CA: a.File}
	}
	serve := func(c secure.Certificates) string {
		config, err := c.Server()
		if err != nil {
			t.Fatal(err)
		}
		return listed().serve(t, nil, config)
	}
	server := files(ours, "server", nil)
	address := serve(server)
	elsewhere := serve(files(ours, "elsewhere", func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"elsewhere.example"}, nil }))
	client, foreign := files(ours, "client", nil), files(other, "client", nil)
	// It believes the server, which does not believe it.
	trusting := foreign
	trusting.CA = securetest.File(t, "both.pem", read(t, ours.File)+read(t, other.File))
	tests := []struct {
		name    string
		address string
		c       secure.Certificates
		code    int
		want    string
	}{
		{"good", address, client, exitOK, ""},
		{"another cluster", address, foreign, exitUsage, "its certificate was not signed by the authority in --tls-ca"},
		{"a certificate of another cluster", address, trusting, exitUsage, "it refuses the certificate in --tls-cert"},
		{"another name", elsewhere, client, exitUsage, "its certificate is not for 127.0.0.1"},
		{"no TLS there", listed().serve(t, nil, nil), client, exitUsage, "it does not speak TLS"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := sheaf(t, "jobs", "--cluster", test.address, "--tls-cert", test.c.Cert, "--tls-key", test.c.Key, "--tls-ca", test.c.CA)
			got.want(t, test.code, test.want)
		})
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

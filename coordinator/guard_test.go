package coordinator

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/secure/securetest"
	"github.com/sheafdata/sheaf/internal/wire"
)

// TestGuard: every call is authorised before anything of it is looked at, and the
// host must name loopback.
func TestGuard(t *testing.T) {
	tokens, err := secure.ReadTokens(securetest.File(t, "tokens", "ada read "+strings.Repeat("s", 32)+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t.TempDir())
	cfg.Tokens = tokens
	c := start(t, cfg)
	shown := "Bearer " + strings.Repeat("s", 32)
	ask := func(path, token, host string) (int, string) {
		req, err := http.NewRequestWithContext(within(t), http.MethodPost, "http://"+c.Address()+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", token)
		}
		if host != "" {
			req.Host = host
		}
		resp, err := client(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	for _, tc := range []struct {
		name, path, token, host string
		code                    int
		want                    string
	}{
		{"allowed", sheafv1connect.ClusterServiceGetVersionProcedure, shown, "", 200, c.ClusterID()},
		{"another name of loopback", sheafv1connect.ClusterServiceGetVersionProcedure, shown, "localhost:1", 200, c.ClusterID()},
		{"no token", sheafv1connect.ClusterServiceGetVersionProcedure, "", "", 401, "asks for a token"},
		{"unknown token", sheafv1connect.ClusterServiceGetVersionProcedure, "Bearer " + strings.Repeat("x", 32), "", 401, "not known here"},
		{"not allowed", sheafv1connect.ClusterServiceDrainNodeProcedure, shown, "", 403, "role admin"},
		{"executors' door", sheafv1connect.ExecutorServiceFetchArtifactProcedure, shown, "", 403, "for executors"},
		{"unknown", "/sheaf.v1.ClusterService/Other", shown, "", 403, "nothing here"},
		{"rebound name", sheafv1connect.ClusterServiceGetVersionProcedure, shown, "evil.example:80", 403, "must name this machine"},
	} {
		if code, body := ask(tc.path, tc.token, tc.host); code != tc.code || !strings.Contains(body, tc.want) {
			t.Errorf("%s: %d %q, want %d %q", tc.name, code, body, tc.code, tc.want)
		}
	}
}

// TestCertificates: over TLS an executor registers only under the name and for
// the cluster in its certificate.
func TestCertificates(t *testing.T) {
	authority := securetest.New(t, "cluster")
	files := func(name, uri string) secure.Certificates {
		cert, key := authority.Issue(t, name, uri, nil)
		return secure.Certificates{Cert: cert, Key: key, CA: authority.File}
	}
	server, err := files("coordinator", "").Server()
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := secure.ReadTokens(securetest.File(t, "tokens", "ada read "+strings.Repeat("s", 32)+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t.TempDir())
	cfg.TLS, cfg.Tokens, cfg.Log = server, tokens, slog.New(slog.DiscardHandler)
	c := start(t, cfg)
	for _, tc := range []struct {
		name, uri, want string
	}{
		{"its own", "sheaf://" + c.ClusterID() + "/executor/a", ""},
		{"another's", "sheaf://" + c.ClusterID() + "/executor/b", `for executor "b"`},
		{"another cluster's", "sheaf://0123/executor/a", "of cluster 0123"},
		{"a client's", "", "asks for a token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config, err := files("node", tc.uri).Client()
			if err != nil {
				t.Fatal(err)
			}
			m, err := registerOver(t, c, config)
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) || tc.want == "" && (err != nil || m != c.ClusterID()) {
				t.Errorf("registering gives %q, %v, want %q", m, err, tc.want)
			}
		})
	}
}

// registerOver registers executor "a" over TLS and returns the cluster's id.
func registerOver(t *testing.T, c *Coordinator, config *tls.Config) (string, error) {
	tr := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	stream := sheafv1connect.NewExecutorServiceClient(&http.Client{Transport: tr}, "https://"+c.Address(), connect.WithCodec(wire.Codec{})).Connect(within(t))
	defer stream.CloseResponse()
	defer stream.CloseRequest()
	f := newFake(t, c, "a", 1, 1)
	// A stream that is refused fails in Send with io.EOF, and Receive says why.
	if err := stream.Send(f.registration()); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	m, err := stream.Receive()
	if err != nil {
		return "", err
	}
	return m.GetRegistered().GetClusterId(), nil
}

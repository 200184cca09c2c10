package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
)

// declared lists the procedures of every service of the schema.
func declared() []string {
	var all []string
	protoregistry.GlobalFiles.RangeFilesByPackage(pb.File_sheaf_v1_cluster_proto.Package(), func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				all = append(all, "/"+string(service.FullName())+"/"+string(service.Methods().Get(j).Name()))
			}
		}
		return true
	})
	slices.Sort(all)
	return all
}

func TestEveryProcedureHasItsLine(t *testing.T) {
	want, got := declared(), slices.Sorted(maps.Keys(procedures))
	if !slices.Equal(got, want) {
		t.Errorf("the table names %q, want those of the schema: %q", got, want)
	}
	if len(want) < 13 {
		t.Errorf("the schema declares %d procedures, want 13 or more", len(want))
	}
	for name, needs := range procedures {
		if needs.role == None && !needs.executor {
			t.Errorf("nobody may call %s", name)
		}
	}
}

// certified is the state of a connection whose client showed a verified
// certificate with a URI.
func certifiedState(uri string) *tls.ConnectionState {
	cert := &x509.Certificate{}
	if uri != "" {
		u, err := url.Parse(uri)
		if err != nil {
			panic(err)
		}
		cert.URIs = []*url.URL{u}
	}
	return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert}}}
}

// callers are who may knock, on loopback without tokens, on loopback with
// tokens, and elsewhere; allowed says of each which procedures are open: none,
// version (GetVersion), read, submit, admin, executor, or all.
var callers = []struct {
	name             string
	token            string
	state            *tls.ConnectionState
	local, own, away string
}{
	{name: "nobody", local: "all", own: "none", away: "none"},
	{name: "reader", token: bobToken, state: certifiedState(""), local: "all", own: "read", away: "read"},
	{name: "reader in the clear", token: bobToken, local: "all", own: "read", away: "none"},
	{name: "admin in the clear", token: opsToken, local: "all", own: "all", away: "none"},
	{name: "admin without a certificate", token: opsToken, state: &tls.ConnectionState{}, local: "all", own: "all", away: "none"},
	{name: "submitter", token: adaToken, state: certifiedState(""), local: "all", own: "submit", away: "submit"},
	{name: "admin", token: opsToken, state: certifiedState(""), local: "all", own: "all", away: "admin"},
	{name: "unknown token", token: eveToken, state: certifiedState(""), local: "all", own: "none", away: "none"},
	{name: "executor", state: certifiedState("sheaf://cluster/executor/e1"), local: "all", own: "executor", away: "executor"},
	{name: "executor with unknown token", token: eveToken, state: certifiedState("sheaf://cluster/executor/e1"), local: "all", own: "none", away: "none"},
	{name: "executor with an admin's token", token: opsToken, state: certifiedState("sheaf://cluster/executor/e1"), local: "all", own: "all", away: "all"},
	{name: "client's certificate", state: certifiedState(""), local: "all", own: "none", away: "none"},
	{name: "coordinator's certificate", state: certifiedState("sheaf://cluster/coordinator/c1"), local: "all", own: "none", away: "none"},
	{name: "executor of another scheme", state: certifiedState("spiffe://cluster/executor/e1"), local: "all", own: "none", away: "none"},
	{name: "executor without a name", state: certifiedState("sheaf://cluster/executor/"), local: "all", own: "none", away: "none"},
	{name: "executor with a path for a name", state: certifiedState("sheaf://cluster/executor/e1/e2"), local: "all", own: "none", away: "none"},
	{name: "executor with a hidden path", state: certifiedState("sheaf://cluster/executor/e1%2Fe2"), local: "all", own: "none", away: "none"},
	{name: "certificate not verified", state: &tls.ConnectionState{PeerCertificates: certifiedState("sheaf://cluster/executor/e1").PeerCertificates}, local: "all", own: "none", away: "none"},
}

// open reports whether a procedure belongs to what is allowed. It is written
// down apart from the table under test.
func open(allowed, procedure string) bool {
	service, method, _ := strings.Cut(strings.TrimPrefix(procedure, "/sheaf.v1."), "/")
	reads := strings.HasPrefix(method, "Get") || strings.HasPrefix(method, "List") || method == "WatchJob" || method == "ReadLogs"
	switch {
	case allowed == "none":
		return false
	case allowed == "all":
		return true
	case service == "ExecutorService":
		return allowed == "executor"
	case method == "GetVersion":
		return true
	case allowed == "executor":
		return false
	case reads || allowed == "admin":
		return true
	}
	return allowed == "submit" && method != "DrainNode"
}

func TestAuthorizeEveryProcedureForEveryCaller(t *testing.T) {
	tokens := mustTokens(t, tokenFile)
	doors := []struct {
		name, listen, host, remote string
		tokens                     *Tokens
		allowed                    func(i int) string
	}{
		{"loopback", "127.0.0.1:7440", "localhost:7440", "127.0.0.1:5", nil, func(i int) string { return callers[i].local }},
		{"loopback with tokens", "[::1]:7440", "[::1]:7440", "[::1]:5", tokens, func(i int) string { return callers[i].own }},
		{"elsewhere", "0.0.0.0:7440", "c.example:7440", "10.0.0.9:5", tokens, func(i int) string { return callers[i].away }},
	}
	for _, door := range doors {
		a, err := NewAuthorizer(door.listen, door.tokens)
		if err != nil {
			t.Fatal(err)
		}
		for i, caller := range callers {
			h := make(http.Header)
			SetToken(h, NewSecret(caller.token))
			for _, procedure := range append(declared(), "/", "", "/sheaf.v1.ClusterService/", "/sheaf.v1.ClusterService/Submit/", "/sheaf.v1.clusterservice/submit", "/debug/pprof/") {
				_, err := a.Identify(procedure, door.host, h, caller.state, door.remote)
				known := procedures[procedure] != need{}
				if want := known && open(door.allowed(i), procedure); (err == nil) != want {
					t.Errorf("%s: Identify(%q) for %s = %v, want allowed to be %v", door.name, procedure, caller.name, err, want)
				}
				if err != nil {
					wantDenied(t, err, caller.token)
				}
			}
		}
	}
}

// wantDenied checks what an error of a refused request carries.
func wantDenied(t *testing.T, err error, token string) {
	t.Helper()
	e, ok := errors.AsType[*connect.Error](err)
	if !ok || e.Code() != connect.CodeUnauthenticated && e.Code() != connect.CodePermissionDenied {
		t.Fatalf("the error %v has the code %v, want one of access", err, connect.CodeOf(err))
	}
	if len(e.Details()) != 1 || fault.KindOf(err) != fault.Invalid {
		t.Errorf("the error %v has %d details and kind %v, want 1 and %v", err, len(e.Details()), fault.KindOf(err), fault.Invalid)
	}
	if token != "" && strings.Contains(err.Error(), token) {
		t.Errorf("the error %v shows the token", err)
	}
}

func TestAuthorizeRefusesBrowsers(t *testing.T) {
	tests := []struct {
		name, listen, host, remote, origin string
		want                               string
	}{
		{"localhost", "127.0.0.1:7440", "localhost:7440", "127.0.0.1:5", "", ""},
		{"without a port", "127.0.0.1:7440", "127.0.0.1", "127.0.0.1:5", "", ""},
		{"IPv6", "[::1]:7440", "[::1]:7440", "[::1]:5", "", ""},
		{"IPv6 without a port", "[::1]:7440", "[::1]", "[::1]:5", "", ""},
		{"its own page", "127.0.0.1:7440", "localhost:7440", "127.0.0.1:5", "http://localhost:7440", ""},
		{"another local page", "127.0.0.1:7440", "localhost:7440", "127.0.0.1:5", "http://127.0.0.1:3000", ""},
		{"rebinding", "127.0.0.1:7440", "evil.example:7440", "127.0.0.1:5", "", "the Host header must name this machine"},
		{"rebinding by a look-alike", "127.0.0.1:7440", "localhost.evil.example", "127.0.0.1:5", "", "Host header"},
		{"rebinding by a number", "127.0.0.1:7440", "127.0.0.1.evil.example:7440", "127.0.0.1:5", "", "Host header"},
		{"no host", "127.0.0.1:7440", "", "127.0.0.1:5", "", "Host header"},
		{"a foreign page", "127.0.0.1:7440", "localhost:7440", "127.0.0.1:5", "https://evil.example", "a page from elsewhere"},
		{"a page without an origin", "127.0.0.1:7440", "localhost:7440", "127.0.0.1:5", "null", "a page from elsewhere"},
		{"an empty origin", "127.0.0.1:7440", "localhost:7440", "127.0.0.1:5", " ", "a page from elsewhere"},
		{"from elsewhere", "127.0.0.1:7440", "localhost:7440", "10.0.0.9:5", "", "only this machine"},
		{"from nowhere", "127.0.0.1:7440", "localhost:7440", "", "", "only this machine"},
		{"elsewhere, its own page", "0.0.0.0:7440", "c.example:7440", "10.0.0.9:5", "https://c.example:7440", ""},
		{"elsewhere, a foreign page", "0.0.0.0:7440", "c.example:7440", "10.0.0.9:5", "https://evil.example:7440", "a page from elsewhere"},
		{"elsewhere, no host and no origin", "0.0.0.0:7440", "", "10.0.0.9:5", "null", "a page from elsewhere"},
		{"elsewhere, a local page", "0.0.0.0:7440", "c.example:7440", "10.0.0.9:5", "http://localhost:7440", "a page from elsewhere"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := NewAuthorizer(test.listen, mustTokens(t, tokenFile))
			if err != nil {
				t.Fatal(err)
			}
			h := make(http.Header)
			SetToken(h, NewSecret(opsToken))
			if test.origin != "" {
				h["Origin"] = []string{strings.TrimSpace(test.origin)}
			}
			_, err = a.Identify("/sheaf.v1.ClusterService/ListJobs", test.host, h, certifiedState(""), test.remote)
			wantError(t, "Identify", err, test.want)
		})
	}
}

func TestAuthorizeRefusesHeaders(t *testing.T) {
	a, err := NewAuthorizer("127.0.0.1:7440", mustTokens(t, tokenFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range [][]string{{opsToken}, {"Basic " + opsToken}, {"Bearer"}, {""}, {"Bearer " + opsToken, "Bearer " + opsToken}, {"Bearer " + opsToken + " x"}} {
		_, err := a.Identify("/sheaf.v1.ClusterService/ListJobs", "localhost", http.Header{"Authorization": values}, nil, "127.0.0.1:5")
		if connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("Identify with Authorization %d values = %v, want the code %v", len(values), err, connect.CodeUnauthenticated)
		}
	}
	for _, value := range []string{"Bearer " + opsToken, "bearer  " + opsToken + " "} {
		if _, err := a.Identify("/sheaf.v1.ClusterService/ListJobs", "localhost", http.Header{"Authorization": {value}}, nil, "127.0.0.1:5"); err != nil {
			t.Errorf("Identify = %v, want no error", err)
		}
	}
}

func TestNewAuthorizerNeedsTokensElsewhere(t *testing.T) {
	_, err := NewAuthorizer("10.0.0.1:7440", nil)
	wantError(t, "NewAuthorizer", err, "need tokens: give a token file")
	_, err = NewAuthorizer(":7440", nil)
	wantError(t, "NewAuthorizer", err, "need tokens")
}

func TestGuard(t *testing.T) {
	a, err := NewAuthorizer("127.0.0.1:7440", mustTokens(t, tokenFile))
	if err != nil {
		t.Fatal(err)
	}
	var reached []Identity
	server := httptest.NewServer(a.Guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached = append(reached, IdentityOf(r.Context()))
	})))
	defer server.Close()
	tests := []struct {
		path, token string
		status      int
	}{
		{"/sheaf.v1.ClusterService/Submit", adaToken, http.StatusOK},
		{"/sheaf.v1.ClusterService/Submit", bobToken, http.StatusForbidden},
		{"/sheaf.v1.ClusterService/Submit", "", http.StatusUnauthorized},
		{"/sheaf.v1.ClusterService/../ClusterService/Submit", adaToken, http.StatusForbidden},
		{"/", opsToken, http.StatusForbidden},
	}
	for _, test := range tests {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+test.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		SetToken(r.Header, NewSecret(test.token))
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != test.status {
			t.Errorf("POST %s = %d, want %d", test.path, response.StatusCode, test.status)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if want := []Identity{{Name: "ada", Role: Submit}}; !slices.Equal(reached, want) {
		t.Errorf("the handler was reached by %v, want %v", reached, want)
	}
	if got := IdentityOf(t.Context()); got != (Identity{}) {
		t.Errorf("IdentityOf elsewhere = %v, want none", got)
	}
}

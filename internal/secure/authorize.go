package secure

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/fault"
)

// need is who may call a procedure.
type need struct {
	role     Role // the least role of a token; None where no token opens the door
	executor bool // whether executors may
}

// procedures is the whole of what may be called: what it does not name is
// refused. A new procedure gets its line here; a test compares with the schema.
var procedures = map[string]need{
	// Executors ask for the version of the coordinator that they join.
	sheafv1connect.ClusterServiceGetVersionProcedure:     {role: Read, executor: true},
	sheafv1connect.ClusterServiceStatArtifactProcedure:   {role: Submit},
	sheafv1connect.ClusterServiceUploadArtifactProcedure: {role: Submit},
	sheafv1connect.ClusterServiceSubmitProcedure:         {role: Submit},
	sheafv1connect.ClusterServiceListJobsProcedure:       {role: Read},
	sheafv1connect.ClusterServiceGetJobProcedure:         {role: Read},
	sheafv1connect.ClusterServiceWatchJobProcedure:       {role: Read},
	sheafv1connect.ClusterServiceCancelJobProcedure:      {role: Submit},
	sheafv1connect.ClusterServiceReadLogsProcedure:       {role: Read},
	sheafv1connect.ClusterServiceListNodesProcedure:      {role: Read},
	sheafv1connect.ClusterServiceDrainNodeProcedure:      {role: Admin},

	// An executor gets every program and says what became of every attempt: a
	// certificate opens that door, a person's token does not.
	sheafv1connect.ExecutorServiceConnectProcedure:       {executor: true},
	sheafv1connect.ExecutorServiceFetchArtifactProcedure: {executor: true},
}

// Identity is who makes a request.
type Identity struct {
	// Name is that of the token or of the executor's certificate; "local" where
	// nobody was asked.
	Name string
	// Role is that of the token; None for an executor.
	Role Role
	// Executor reports whether it may work for the cluster.
	Executor bool
	// Node is the executor that its certificate names, and Cluster the cluster;
	// empty where it shows none.
	Node, Cluster string
}

// Authorizer decides who may call what at one listener.
type Authorizer struct {
	loopback bool
	tokens   *Tokens
}

// NewAuthorizer returns the authorizer of a listener on an address, host:port.
// Tokens may be nil on loopback: then whoever is on this machine may do
// everything. Elsewhere they are required, and so is TLS by CheckListen.
func NewAuthorizer(listen string, tokens *Tokens) (*Authorizer, error) {
	loopback := IsLoopback(listen)
	if !loopback && tokens == nil {
		return nil, fault.New(fault.Invalid, "listen on %s: clients from elsewhere need tokens: give a token file (--token-file)", listen)
	}
	return &Authorizer{loopback: loopback, tokens: tokens}, nil
}

// Identify decides about one request before anything of it is looked at, and
// says who makes it: the procedure is the path of its URL, host that of its Host
// header, state that of its TLS connection (nil without), remote the address of
// its other end. The error is nil or a *connect.Error with the code
// Unauthenticated or PermissionDenied.
func (a *Authorizer) Identify(procedure, host string, h http.Header, state *tls.ConnectionState, remote string) (Identity, error) {
	if err := a.checkOrigin(host, h, remote); err != nil {
		return Identity{}, err
	}
	needs, ok := procedures[procedure]
	if !ok {
		return Identity{}, denied(connect.CodePermissionDenied, "nothing here may be called by that name")
	}
	who, err := a.who(h, state)
	if err != nil {
		return Identity{}, err
	}
	switch {
	case needs.executor && who.Executor, needs.role != None && who.Role >= needs.role:
		return who, nil
	case needs.role == None:
		return Identity{}, denied(connect.CodePermissionDenied,
			"%s is for executors: show a certificate that names one (URI:sheaf://CLUSTER/executor/NAME)", short(procedure))
	}
	return Identity{}, denied(connect.CodePermissionDenied, "%s may not call %s: that needs a token with the role %v", called(who), short(procedure), needs.role)
}

// checkOrigin refuses pages in a browser. On loopback such a page reaches the
// port by a name of its own that resolves to this machine (DNS rebinding), which
// the Host header gives away; elsewhere the browser would show the user's
// certificate for it.
func (a *Authorizer) checkOrigin(host string, h http.Header, remote string) error {
	if a.loopback {
		if !IsLoopback(remote) {
			return denied(connect.CodePermissionDenied, "only this machine may connect here")
		}
		if !loopbackHost(hostname(host)) {
			return denied(connect.CodePermissionDenied, "the Host header must name this machine, such as localhost: is a page in a browser trying to reach this port?")
		}
	}
	for _, origin := range h.Values("Origin") {
		u, err := url.Parse(origin)
		switch {
		case err != nil || u.Host == "":
		case a.loopback && loopbackHost(u.Hostname()), !a.loopback && strings.EqualFold(u.Host, host):
			continue
		}
		return denied(connect.CodePermissionDenied, "a page from elsewhere may not call this")
	}
	return nil
}

// hostname returns the host of a Host header, whose port may be left out.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// who finds out who makes a request.
func (a *Authorizer) who(h http.Header, state *tls.ConnectionState) (Identity, error) {
	if a.tokens == nil {
		return Identity{Name: "local", Role: Admin, Executor: true}, nil
	}
	// CheckListen saw to it that such a listener has certificates. One that was
	// made otherwise must not let tokens cross a network in the clear.
	if !a.loopback && (state == nil || len(state.VerifiedChains) == 0) {
		return Identity{}, denied(connect.CodeUnauthenticated, "this cluster asks for a certificate: connect by TLS, with --tls-cert, --tls-key and --tls-ca")
	}
	cluster, executor, isExecutor := certified(state, executorRole)
	token, shown, err := bearer(h)
	switch {
	case err != nil:
		return Identity{}, err
	case shown:
		name, role, ok := a.tokens.Lookup(token)
		if !ok {
			return Identity{}, denied(connect.CodeUnauthenticated, "the token is not known here: ask who runs the cluster for one")
		}
		// On loopback nobody has certificates; the token of who may do everything
		// opens the executors' door as well.
		return Identity{Name: name, Role: role, Executor: isExecutor || a.loopback && role == Admin, Node: executor, Cluster: cluster}, nil
	case isExecutor:
		return Identity{Name: executor, Executor: true, Node: executor, Cluster: cluster}, nil
	}
	return Identity{}, denied(connect.CodeUnauthenticated, "this cluster asks for a token: give one by --token-file FILE or in SHEAF_TOKEN")
}

// bearer returns the token that a request shows.
func bearer(h http.Header) (token string, shown bool, err error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", false, nil
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if len(values) > 1 || !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false, denied(connect.CodeUnauthenticated, "the Authorization header must be one, and read \"Bearer TOKEN\"")
	}
	return strings.TrimSpace(token), true, nil
}

// SetToken makes a request show a token.
func SetToken(h http.Header, token Secret) {
	if token.Given() {
		h.Set("Authorization", "Bearer "+token.Reveal())
	}
}

// Roles in the names of certificates.
const (
	executorRole    = "executor"
	coordinatorRole = "coordinator"
)

// certified returns the cluster and the name in a certificate that was verified,
// if it names somebody of that role: sheaf://CLUSTER/ROLE/NAME. That the cluster's
// authority signed it is not enough: clients have such certificates too.
func certified(state *tls.ConnectionState, role string) (cluster, name string, ok bool) {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return "", "", false
	}
	for _, u := range state.PeerCertificates[0].URIs {
		if name, ok := strings.CutPrefix(u.Path, "/"+role+"/"); ok && u.Scheme == "sheaf" && name != "" && !strings.Contains(name, "/") {
			return u.Host, name, true
		}
	}
	return "", "", false
}

// Coordinator returns the cluster and the name in a certificate that was verified,
// if it names a coordinator.
func Coordinator(state *tls.ConnectionState) (cluster, name string, ok bool) {
	return certified(state, coordinatorRole)
}

// denied returns the error of a refused request.
func denied(code connect.Code, format string, args ...any) error {
	err := fault.New(fault.Invalid, format, args...)
	e := connect.NewError(code, err)
	if d, detailErr := connect.NewErrorDetail(&pb.FaultReport{Kind: pb.FaultKind_FAULT_KIND_INVALID, Message: err.Error()}); detailErr == nil {
		e.AddDetail(d)
	}
	return e
}

// called names who makes a request.
func called(who Identity) string {
	if who.Role == None {
		return "executor " + who.Name
	}
	return who.Name + " (role " + who.Role.String() + ")"
}

// short returns the last part of a procedure's name.
func short(procedure string) string { return procedure[strings.LastIndexByte(procedure, '/')+1:] }

// Guard returns a handler that lets only authorized requests through to next,
// before any routing. The context of those says who makes them.
func (a *Authorizer) Guard(next http.Handler) http.Handler {
	writer := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := a.Identify(r.URL.Path, r.Host, r.Header, r.TLS, r.RemoteAddr)
		if err != nil {
			// The other end is gone if it cannot be written.
			writer.Write(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), identityKey{}, who)))
	})
}

// GuardPeers returns a handler that lets only requests of the cluster's own
// processes through to next: of whoever is on this machine where the listener, an
// address host:port, is on loopback, and else of those whose verified certificate
// names an executor or a coordinator.
func GuardPeers(listen string, next http.Handler) http.Handler {
	a := &Authorizer{loopback: IsLoopback(listen)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := a.checkOrigin(r.Host, r.Header, r.RemoteAddr)
		if err == nil && !a.loopback && !isPeer(r.TLS) {
			err = denied(connect.CodePermissionDenied, "show a certificate that names an executor or a coordinator (URI:sheaf://CLUSTER/coordinator/NAME)")
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isPeer(state *tls.ConnectionState) bool {
	for _, role := range []string{executorRole, coordinatorRole} {
		if _, _, ok := certified(state, role); ok {
			return true
		}
	}
	return false
}

type identityKey struct{}

// IdentityOf returns who makes the request that a context belongs to, behind
// Guard; the zero value elsewhere.
func IdentityOf(ctx context.Context) Identity {
	who, _ := ctx.Value(identityKey{}).(Identity)
	return who
}

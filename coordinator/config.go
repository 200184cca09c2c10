package coordinator

import (
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"github.com/sheafdata/sheaf/coordinator/peer"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/secure"
)

// Config says how a coordinator runs. Dir and Log must be set; the zero value of
// every other field means its default.
type Config struct {
	// Dir is the data directory: made if it is not there, used by one process at
	// a time. It holds the cluster's id, the journal and the programs.
	Dir string
	// ClusterID is the id of the cluster that a new directory begins, as 32
	// hexadecimal digits, so that certificates can name it before there is one. It is
	// drawn when empty; a directory that holds another is refused.
	ClusterID string

	// Log takes what is worth telling.
	Log *slog.Logger

	// Listener takes the calls; it belongs to the coordinator from Start on, also
	// when that fails. Without one the coordinator listens on Address, which must
	// be on loopback unless TLS is set.
	Listener net.Listener
	// Address is where to listen, as host:port; the default is a free port of
	// loopback. Advertise is what others are told instead, where they reach it by
	// another.
	Address, Advertise string
	// TLS, when set, is what connections are encrypted with.
	TLS *tls.Config
	// Tokens are those of clients, required off loopback. Without them whoever is
	// on this machine may do everything.
	Tokens *secure.Tokens

	// BuildVersion is the version of this build.
	BuildVersion string
	// Gossip is where this coordinator gossips, as host:port; empty when it does
	// not. Executors learn it by GetVersion, and find coordinators by it that they
	// were not told of. GossipAdvertise is what others are told instead.
	Gossip, GossipAdvertise string
	// GossipKey encrypts gossip; required off loopback.
	GossipKey secure.Secret
	// DataTLS, when set, is how the data ports of executors are reached, from which
	// logs are fetched; nil where those are not encrypted.
	DataTLS *tls.Config

	// Peers are the coordinators of the cluster, this one among them under the name
	// Name; none for this one alone. They keep their names, and ClusterID must be the
	// same for all of them.
	Peers []peer.Peer
	Name  string
	// PeerListener takes the connections of the others; it belongs to the coordinator
	// from Start on, also when that fails. Without one the coordinator listens on
	// PeerListen; the default is its own address among Peers.
	PeerListener net.Listener
	PeerListen   string

	// Schedule tunes the scheduler. It must stay the same over restarts: the
	// journal replays to the same state only with the same settings. Its
	// BackupAfter is schedule.DefaultBackupAfter by default; negative for never. Its
	// SideBytes is DefaultSideBytes.
	Schedule schedule.Config
	// LeaseTTL is how long a session lives without a heartbeat.
	LeaseTTL time.Duration
	// Heartbeat is how often executors send one.
	Heartbeat time.Duration
	// ReattachGrace is how long executors may take to come back after this
	// coordinator began to lead.
	ReattachGrace time.Duration

	Limits Limits
}

// Limits bound what a coordinator takes. The zero value of a field means its
// default.
type Limits struct {
	Jobs          int   // that wait or run
	Watchers      int   // calls that follow a job or its logs
	Connections   int   // open at once
	Executors     int   // with a session
	FinishedJobs  int   // that are kept
	FinishedBytes int64 // that finished jobs may take, collected rows above all
	ArtifactBytes int64 // of one program
	StoreBytes    int64 // of all programs
}

// Defaults of Config and Limits.
const (
	// DefaultLeaseTTL outlasts a pause of a machine under load; what ran there is
	// computed again when it is over.
	DefaultLeaseTTL = 10 * time.Second
	// DefaultHeartbeat keeps bars moving, and a lease from ending by one lost packet.
	DefaultHeartbeat = time.Second
	// DefaultReattachGrace is what executors need to find a coordinator again that
	// was started anew.
	DefaultReattachGrace = 30 * time.Second

	// DefaultSideBytes is what any executor's tasks have room for, since the
	// coordinator does not know where they will run: a quarter of 32 MiB.
	DefaultSideBytes = 8 << 20

	defaultJobs          = 1000
	defaultWatchers      = 512
	defaultConnections   = 4096
	defaultExecutors     = 4096
	defaultFinishedJobs  = 1000
	defaultFinishedBytes = 256 << 20
	defaultArtifactBytes = 1 << 30
	defaultStoreBytes    = 16 << 30
)

func (c Config) withDefaults() Config {
	or(&c.Address, "127.0.0.1:0")
	or(&c.LeaseTTL, DefaultLeaseTTL)
	or(&c.Schedule.BackupAfter, schedule.DefaultBackupAfter)
	or(&c.Schedule.SideBytes, DefaultSideBytes)
	or(&c.Heartbeat, min(DefaultHeartbeat, c.LeaseTTL/5))
	or(&c.ReattachGrace, max(DefaultReattachGrace, c.LeaseTTL))
	l := &c.Limits
	or(&l.Jobs, defaultJobs)
	or(&l.Watchers, defaultWatchers)
	or(&l.Connections, defaultConnections)
	or(&l.Executors, defaultExecutors)
	or(&l.FinishedJobs, defaultFinishedJobs)
	or(&l.FinishedBytes, defaultFinishedBytes)
	or(&l.ArtifactBytes, defaultArtifactBytes)
	or(&l.StoreBytes, defaultStoreBytes)
	return c
}

func or[T comparable](v *T, def T) {
	var none T
	if *v == none {
		*v = def
	}
}

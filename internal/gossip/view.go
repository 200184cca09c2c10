package gossip

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// view is who is there, kept from what memberlist tells. memberlist calls the
// methods that begin with Notify while it holds the lock of its nodes: they ask
// it nothing, wait for nobody and log nothing. Its own list is not read, since it
// hands out nodes that it goes on to change.
type view struct {
	self    string // what memberlist calls this member
	cluster clusterDigest
	// changed tells the user of the package, wake the package's own goroutine,
	// that something is new. Both hold one element, so that news never wait.
	changed, wake chan struct{}

	mu      sync.Mutex // guards what follows
	nodes   map[string]node
	notices []notice
	told    map[string]bool // what was noticed already
	// disputed is when somebody took another address for this member's last.
	disputed time.Time
}

// node is one that memberlist holds for alive.
type node struct {
	gossip netip.AddrPort
	member Member
	shown  bool // false when its metadata say nothing that is understood
}

// notice is a line for the log.
type notice struct {
	message, node, reason string
}

const (
	// maxNodes bounds a cluster, and with it the memory that others can make us
	// use: ten thousand are more than memberlist was made for.
	maxNodes = 16 << 10
	// maxNotices bounds the lines that wait to be logged, maxTold what is
	// remembered so that it is not logged again.
	maxNotices = 16
	maxTold    = 256
	// disputeFor is longer than it takes to find out that a member is dead.
	disputeFor = time.Minute
)

var (
	errFull    = fmt.Errorf("the cluster has %d members, which is the limit", maxNodes)
	errLarge   = errors.New("its name or its metadata are too long")
	errRole    = errors.New("it has an unknown role")
	errCluster = errors.New("it is a member of another cluster")
)

func newView(self string, cluster clusterDigest) *view {
	return &view{
		self: self, cluster: cluster, changed: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		nodes: make(map[string]node), told: make(map[string]bool),
	}
}

// members returns the members that are alive, by name.
func (v *view) members() []Member {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make([]Member, 0, len(v.nodes))
	for _, n := range v.nodes {
		if n.shown {
			all = append(all, n.member)
		}
	}
	slices.SortFunc(all, compare)
	return all
}

// peers returns where the others gossip.
func (v *view) peers() []peer {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := make([]peer, 0, len(v.nodes))
	for _, name := range slices.Sorted(maps.Keys(v.nodes)) {
		if n := v.nodes[name]; name != v.self && n.gossip.IsValid() {
			all = append(all, peer{address: n.gossip, role: n.member.Role})
		}
	}
	return all
}

// alive reports whether a member that is alive gossips at an address.
func (v *view) alive(a netip.AddrPort) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, n := range v.nodes {
		if n.gossip == a {
			return true
		}
	}
	return false
}

// isDisputed reports whether somebody took another address for this member's a
// short while ago.
func (v *view) isDisputed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return time.Since(v.disputed) < disputeFor
}

// takeNotices returns the lines that are to be logged.
func (v *view) takeNotices() []notice {
	v.mu.Lock()
	defer v.mu.Unlock()
	taken := v.notices
	v.notices = nil
	return taken
}

// NotifyJoin implements memberlist.EventDelegate.
func (v *view) NotifyJoin(n *memberlist.Node) { v.put(n) }

// NotifyUpdate implements memberlist.EventDelegate.
func (v *view) NotifyUpdate(n *memberlist.Node) { v.put(n) }

// NotifyLeave implements memberlist.EventDelegate.
func (v *view) NotifyLeave(n *memberlist.Node) {
	v.mu.Lock()
	defer v.mu.Unlock()
	shown := v.nodes[n.Name].shown
	delete(v.nodes, n.Name)
	v.tell(shown)
}

func (v *view) put(n *memberlist.Node) {
	ip, _ := netip.AddrFromSlice(n.Addr)
	next := node{gossip: netip.AddrPortFrom(ip.Unmap(), n.Port)}
	m, err := decodeMetadata(n.Meta)
	if err == nil {
		next.member, err = memberOf(n.Name, m)
	}
	next.shown = err == nil
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.notice(notice{"a member of the cluster is not understood and not shown: is it of another version?", n.Name, err.Error()})
	}
	before := v.nodes[n.Name]
	v.nodes[n.Name] = next
	v.tell(before.shown || next.shown)
}

// tell says that something is new; shown says whether Members shows it.
func (v *view) tell(shown bool) {
	signal(v.wake)
	if shown {
		signal(v.changed)
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is known already that something is new
	}
}

// notice keeps a line for the log unless it was kept before.
func (v *view) notice(n notice) {
	key := n.message + n.node
	if v.told[key] || len(v.notices) == maxNotices {
		return
	}
	if len(v.told) == maxTold {
		clear(v.told)
	}
	v.told[key] = true
	v.notices = append(v.notices, n)
	signal(v.wake)
}

// NotifyAlive implements memberlist.AliveDelegate: it lets members of this
// cluster in. One whose metadata are not understood may be one of a later
// version. It is let in, so that what others hear of each other does not depend
// on versions, but not shown.
func (v *view) NotifyAlive(n *memberlist.Node) error {
	m, err := decodeMetadata(n.Meta)
	switch {
	case len(n.Name) > maxNodeBytes || len(n.Meta) > memberlist.MetaMaxSize:
		return errLarge
	case err != nil:
	case m.cluster != v.cluster:
		return errCluster
	case !m.role.known():
		return fmt.Errorf("%w: %v", errRole, m.role)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.nodes[n.Name]; !ok && len(v.nodes) >= maxNodes {
		return errFull
	}
	return nil
}

// NotifyMerge implements memberlist.MergeDelegate: it refuses all that another
// one knows when a member of another cluster is among it, since then two clusters
// are about to become one. Unknown roles are refused one by one.
func (v *view) NotifyMerge(nodes []*memberlist.Node) error {
	for _, n := range nodes {
		if m, err := decodeMetadata(n.Meta); err == nil && m.cluster != v.cluster {
			return fmt.Errorf("%s: %w", n.Name, errCluster)
		}
	}
	return nil
}

// NotifyConflict implements memberlist.ConflictDelegate. memberlist has refused
// the other member.
func (v *view) NotifyConflict(existing, other *memberlist.Node) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if existing.Name == v.self {
		v.disputed = time.Now()
	}
	v.notice(notice{
		"two members have one name: unless one of them was started again just now, give it another", existing.Name,
		existing.Address() + " and " + other.Address(),
	})
}

// ownMetadata are the bytes that this member tells of itself. They never change.
type ownMetadata []byte

// NodeMeta implements memberlist.Delegate.
func (m ownMetadata) NodeMeta(int) []byte { return m }

// NotifyMsg implements memberlist.Delegate: members send nothing but membership.
func (ownMetadata) NotifyMsg([]byte) {}

// GetBroadcasts implements memberlist.Delegate.
func (ownMetadata) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState implements memberlist.Delegate.
func (ownMetadata) LocalState(bool) []byte { return nil }

// MergeRemoteState implements memberlist.Delegate.
func (ownMetadata) MergeRemoteState([]byte, bool) {}

package gossip

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/memberlist"
)

// other returns a node as memberlist hands it out.
func other(name string, meta []byte) *memberlist.Node {
	return &memberlist.Node{Name: name, Addr: net.IPv4(10, 0, 0, 7), Port: 7446, Meta: meta}
}

func testView() *view { return newView(nodeName(Coordinator, "c"), digestOf(testCluster)) }

func received(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestViewLetsIn(t *testing.T) {
	foreign := metadata{digestOf("other"), Executor, "10.0.0.7:7450"}
	unknown := sample
	unknown.role = 3
	tests := []struct {
		name         string
		node         *memberlist.Node
		alive, merge error // errors.Is; nil: let in
		shown        bool
	}{
		{"ours", other("executor/a", sample.encode()), nil, nil, true},
		{"ours, of a later version that adds something", other("executor/a", append(sample.encode(), 1)), nil, nil, true},
		{"another cluster's", other("executor/a", foreign.encode()), errCluster, errCluster, false},
		{"an unknown role", other("role(3)/a", unknown.encode()), errRole, nil, false},
		{"a later version", other("executor/a", []byte{metadataVersion + 1}), nil, nil, false},
		{"no metadata", other("executor/a", nil), nil, nil, false},
		{"the name of another role", other("coordinator/a", sample.encode()), nil, nil, false},
		{"no name", other("executor/", sample.encode()), nil, nil, false},
		{"a name of two lines", other("executor/a\nb", sample.encode()), nil, nil, false},
		{"a long name", other("executor/"+strings.Repeat("a", maxNodeBytes), sample.encode()), errLarge, nil, false},
		{"long metadata", other("executor/a", append(sample.encode(), make([]byte, memberlist.MetaMaxSize)...)), errLarge, nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := testView()
			if err := v.NotifyAlive(test.node); !errors.Is(err, test.alive) || (err == nil) != (test.alive == nil) {
				t.Errorf("NotifyAlive() = %v, want %v", err, test.alive)
			}
			if err := v.NotifyMerge([]*memberlist.Node{other("executor/b", sample.encode()), test.node}); !errors.Is(err, test.merge) || (err == nil) != (test.merge == nil) {
				t.Errorf("NotifyMerge() = %v, want %v", err, test.merge)
			}
			if test.alive != nil {
				return
			}
			v.NotifyJoin(test.node)
			if got := len(v.members()) == 1; got != test.shown || received(v.changed) != test.shown {
				t.Errorf("shown is %v and told, want %v", got, test.shown)
			}
			v.NotifyUpdate(test.node)
			if got := len(v.takeNotices()) == 1; got == test.shown {
				t.Errorf("a notice is %v, want %v", got, !test.shown)
			}
			if got := len(v.peers()); got != 1 {
				t.Errorf("%d peers, want 1", got)
			}
			received(v.changed)
			v.NotifyLeave(test.node)
			if received(v.changed) != test.shown || len(v.peers()) != 0 {
				t.Errorf("after it left: told is %v, peers are %v", !test.shown, v.peers())
			}
		})
	}
}

// TestViewWaitsForNobody: nobody takes the news, and nothing stops.
func TestViewWaitsForNobody(t *testing.T) {
	v := testView()
	for i := range 10 * maxTold {
		name := fmt.Sprintf("executor/%d", i)
		v.NotifyJoin(other(name, nil))
		v.NotifyConflict(other(name, sample.encode()), other(name, nil))
		if i%2 == 0 {
			v.NotifyUpdate(other(name, sample.encode()))
		}
	}
	if n := len(v.members()); n != 5*maxTold {
		t.Errorf("%d members, want %d", n, 5*maxTold)
	}
	if n := len(v.takeNotices()); n != maxNotices {
		t.Errorf("%d notices wait, want %d", n, maxNotices)
	}
	if len(v.told) > maxTold {
		t.Errorf("%d notices are remembered, want at most %d", len(v.told), maxTold)
	}
	if !received(v.changed) || received(v.changed) || !received(v.wake) || received(v.wake) {
		t.Error("news are told more or less than once")
	}
}

func TestViewIsBounded(t *testing.T) {
	v := testView()
	for i := range maxNodes {
		v.NotifyJoin(other(fmt.Sprintf("executor/%d", i), sample.encode()))
	}
	if err := v.NotifyAlive(other("executor/0", sample.encode())); err != nil {
		t.Errorf("NotifyAlive() of a member = %v", err)
	}
	if err := v.NotifyAlive(other("executor/new", sample.encode())); !errors.Is(err, errFull) {
		t.Errorf("NotifyAlive() of one more than the limit = %v, want %v", err, errFull)
	}
}

func TestMembersAreSorted(t *testing.T) {
	v := testView()
	for _, m := range []Member{{"b", Executor, "h:1"}, {"a", Executor, "h:2"}, {"b", Coordinator, "h:3"}} {
		v.NotifyJoin(other(nodeName(m.Role, m.Name), metadata{v.cluster, m.Role, m.Address}.encode()))
	}
	want := []Member{{"a", Executor, "h:2"}, {"b", Coordinator, "h:3"}, {"b", Executor, "h:1"}}
	if diff := cmp.Diff(want, v.members()); diff != "" {
		t.Errorf("members differ (-want +got):\n%s", diff)
	}
}

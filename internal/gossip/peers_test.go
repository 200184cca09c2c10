package gossip

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// at returns the peer of a number.
func at(n int, role Role) peer {
	return peer{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 7446), role}
}

func numbered(from, to int, role Role) []peer {
	var all []peer
	for n := from; n < to; n++ {
		all = append(all, at(n, role))
	}
	return all
}

func TestPeersUpdate(t *testing.T) {
	var p peers
	steps := []struct {
		name        string
		alive       []peer
		changed     bool
		still, gone []peer
	}{
		{"nobody", nil, false, nil, nil},
		{"two come", []peer{at(1, Coordinator), at(2, Executor)}, true, []peer{at(1, Coordinator), at(2, Executor)}, nil},
		{"the same in another order", []peer{at(2, Executor), at(1, Coordinator)}, false, []peer{at(1, Coordinator), at(2, Executor)}, nil},
		{"one goes", []peer{at(1, Coordinator)}, false, []peer{at(1, Coordinator)}, []peer{at(2, Executor)}},
		{"all go", nil, false, nil, []peer{at(1, Coordinator), at(2, Executor)}},
		{"one comes back, one comes twice", []peer{at(2, Executor), at(3, Executor), at(3, Executor)}, true, []peer{at(2, Executor), at(3, Executor)}, []peer{at(1, Coordinator)}},
		{"one has another role", []peer{at(2, Coordinator), at(3, Executor)}, true, []peer{at(2, Coordinator), at(3, Executor)}, []peer{at(1, Coordinator)}},
	}
	for _, s := range steps {
		if got := p.update(s.alive); got != s.changed {
			t.Errorf("%s: update() = %v, want %v", s.name, got, s.changed)
		}
		if diff := cmp.Diff([][]peer{s.still, s.gone}, [][]peer{p.alive, p.gone}, cmp.AllowUnexported(peer{}), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }), cmp.Transformer("list", func(l []peer) []peer { return append([]peer{}, l...) })); diff != "" {
			t.Errorf("%s: alive and gone (-want +got):\n%s", s.name, diff)
		}
	}
}

// TestPeersOfALargePartition: what is left of a large cluster does not drive out
// where the other half was, nor that where the coordinators were.
func TestPeersOfALargePartition(t *testing.T) {
	var p peers
	here, there := numbered(0, 500, Executor), numbered(1000, 1500, Executor)
	p.update(append(append(numbered(2000, 2003, Coordinator), there...), here...))
	p.update(here)
	count := func(list []peer, role Role) (n int) {
		for _, q := range list {
			if q.role == role {
				n++
			}
		}
		return n
	}
	if n := count(p.gone, Coordinator); n != 3 {
		t.Errorf("%d coordinators are remembered, want 3", n)
	}
	if n := count(p.gone, Executor); n != maxGone {
		t.Errorf("%d executors that are gone are remembered, want %d", n, maxGone)
	}
	if n := len(p.alive); n != maxPeers-maxGone-3 {
		t.Errorf("%d executors that are alive are remembered, want %d", n, maxPeers-maxGone-3)
	}
}

func TestPeersInvariant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p peers
		member := rapid.Custom(func(t *rapid.T) peer {
			return at(rapid.IntRange(0, 150).Draw(t, "number"), Role(rapid.IntRange(0, 2).Draw(t, "role")))
		})
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			alive := rapid.SliceOfN(member, 0, 150).Draw(t, "alive")
			before := p.all()
			changed := p.update(alive)
			after := p.all()
			if equal := cmp.Equal(before, after, cmp.Comparer(func(a, b peer) bool { return a == b })); changed == equal {
				t.Fatalf("update() = %v from %v to %v", changed, before, after)
			}
			seen := make(map[netip.AddrPort]bool)
			coordinators := 0
			for _, q := range after {
				if seen[q.address] {
					t.Fatalf("%v is remembered twice", q.address)
				}
				seen[q.address] = true
				if q.role == Coordinator {
					coordinators++
				}
			}
			if len(after) > maxPeers || coordinators > maxCoordinators {
				t.Fatalf("%d peers with %d coordinators are remembered", len(after), coordinators)
			}
			if len(alive) > 0 && len(p.alive) == 0 {
				t.Fatalf("nobody of %v is remembered", alive)
			}
		}
	})
}

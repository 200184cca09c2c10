package journal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
)

// node is one of three coordinators.
type node struct {
	*Journal
	list *list
}

// trio opens three journals on loopback.
func trio(t *testing.T) []*node {
	t.Helper()
	var listeners []net.Listener
	var all []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners, all = append(listeners, l), append(all, l.Addr().String())
	}
	var nodes []*node
	for _, l := range listeners {
		n := &node{list: &list{}}
		peers := &Peers{
			Self: l.Addr().String(), All: all, Listener: l,
			Dial: func(ctx context.Context, address string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", address)
			},
		}
		var err error
		if n.Journal, err = Open(within(t), Config{Dir: t.TempDir(), Machine: n.list, Peers: peers}); err != nil {
			t.Fatalf("Open: %v", err)
		}
		t.Cleanup(func() { n.Close() })
		nodes = append(nodes, n)
	}
	return nodes
}

// leader waits until one of the nodes leads.
func leader(t *testing.T, nodes []*node) *node {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	found := make(chan *node)
	for _, n := range nodes {
		go func() {
			if _, err := n.Lead(ctx); err != nil {
				n = nil
			}
			found <- n
		}()
	}
	var first *node
	for range nodes {
		if n := <-found; n != nil && first == nil {
			first = n
			cancel()
		}
	}
	if first == nil {
		t.Fatal("none of the coordinators leads")
	}
	return first
}

func TestThreeCoordinators(t *testing.T) {
	nodes := trio(t)
	first := leader(t, nodes)
	for i := range 20 {
		add(t, first.Journal, fmt.Sprint(i))
	}
	if err := first.Verify(); err != nil {
		t.Errorf("Verify of the leader = %v", err)
	}
	want := text(first.list.all())
	var rest []*node
	for _, n := range nodes {
		if n != first {
			rest = append(rest, n)
		}
	}
	if _, err := rest[0].Append(within(t), []byte("by a follower")); !errors.Is(err, ErrNotLeading) {
		t.Errorf("Append by a follower = %v, want %v", err, ErrNotLeading)
	}
	if err := rest[0].Verify(); !errors.Is(err, ErrNotLeading) {
		t.Errorf("Verify by a follower = %v, want %v", err, ErrNotLeading)
	}
	shut(t, first.Journal)
	second := leader(t, rest)
	if got := text(second.list.all()); got != want {
		t.Errorf("after the leader ended: %s, want %s", got, want)
	}
	add(t, second.Journal, "by the second")
}

// TestResign: a coordinator that leads no more has another one do it.
func TestResign(t *testing.T) {
	nodes := trio(t)
	first := leader(t, nodes)
	add(t, first.Journal, "by the first")
	var rest []*node
	for _, n := range nodes {
		if n == first {
			continue
		}
		if err := n.Resign(); err != nil {
			t.Errorf("Resign of a follower = %v", err)
		}
		rest = append(rest, n)
	}
	if err := first.Resign(); err != nil {
		t.Fatalf("Resign = %v", err)
	}
	add(t, leader(t, rest).Journal, "by the second")
	if _, err := first.Append(within(t), []byte("by the first again")); !errors.Is(err, ErrNotLeading) {
		t.Errorf("Append of the one that resigned = %v, want %v", err, ErrNotLeading)
	}
}

func TestPeersAreChecked(t *testing.T) {
	for _, tt := range []struct {
		name  string
		peers Peers
		want  string
	}{
		{"two", Peers{Self: "a:1", All: []string{"a:1", "b:1"}}, "run one, or three"},
		{"a stranger", Peers{Self: "d:1", All: []string{"a:1", "b:1", "c:1"}}, "not among"},
		{"twice", Peers{Self: "a:1", All: []string{"a:1", "b:1", "a:1"}}, "named twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			tt.peers.Listener = l
			_, err = Open(within(t), Config{Dir: t.TempDir(), Machine: &list{}, Peers: &tt.peers})
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, want an invalid one that says %q", err, tt.want)
			}
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the listener was open after Open had failed: %v", err)
			}
		})
	}
}

// TestMembersStay: a journal is that of the coordinators that began it. Others
// would wait for ever to be chosen.
func TestMembersStay(t *testing.T) {
	peersOf := func(t *testing.T, names ...string) *Peers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return &Peers{Self: names[0], All: names, Listener: l, Dial: func(context.Context, string) (net.Conn, error) {
			return nil, errors.New("nobody is there")
		}}
	}
	for _, tt := range []struct {
		name          string
		before, after []string
		want          string
	}{
		{"the same, in another order", []string{"a", "b", "c"}, []string{"a", "c", "b"}, ""},
		{"others", []string{"a", "b", "c"}, []string{"a", "b", "d"}, "it is shared by the coordinators [a b c], and not by [a b d]"},
		{"alone after three", []string{"a", "b", "c"}, nil, "start it as one of them (--peers and --name)"},
		{"three after one", nil, []string{"a", "b", "c"}, "it was begun by a coordinator that ran alone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			reopen := func(names []string) (*Journal, error) {
				cfg := Config{Dir: dir, Machine: &list{}}
				if names != nil {
					cfg.Peers = peersOf(t, names...)
				}
				return Open(within(t), cfg)
			}
			j, err := reopen(tt.before)
			if err != nil {
				t.Fatal(err)
			}
			shut(t, j)
			j, err = reopen(tt.after)
			if tt.want == "" {
				if err != nil {
					t.Fatalf("Open = %v", err)
				}
				shut(t, j)
				return
			}
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, want an invalid one that says %q", err, tt.want)
			}
		})
	}
}

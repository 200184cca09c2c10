package gossip

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/memberlist"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
)

func TestMembersFindEachOther(t *testing.T) {
	t.Parallel()
	c := start(t, coordinator("one"))
	// A name is that of one member of its role.
	a, b := start(t, executor("one", c)), start(t, executor("two", c))
	for _, g := range []*Gossip{c, a, b} {
		await(t, g, "coordinator/one", "executor/one", "executor/two")
	}
	want := []Member{{"one", Coordinator, "127.0.0.1:7440"}, {"one", Executor, "127.0.0.1:7450"}, {"two", Executor, "127.0.0.1:7450"}}
	if diff := cmp.Diff(want, b.Members()); diff != "" {
		t.Errorf("Members() differ (-want +got):\n%s", diff)
	}
	if err := a.Leave(within(t)); err != nil {
		t.Errorf("Leave() = %v", err)
	}
	for _, g := range []*Gossip{c, b} {
		await(t, g, "coordinator/one", "executor/two")
	}
	a.Close()
	a.Close()
	if err := a.Leave(within(t)); err != nil {
		t.Errorf("Leave() after Close() = %v, want nothing", err)
	}
}

func TestLeaveAlone(t *testing.T) {
	t.Parallel()
	g := start(t, executor("a"))
	if err := g.Leave(within(t)); err != nil {
		t.Errorf("Leave() of the only member = %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Leave(ended); fault.KindOf(err) != fault.Canceled {
		t.Errorf("Leave() with a context that ended = %v, want kind %v", err, fault.Canceled)
	}
}

// TestRestart kills a coordinator that is everybody's seed and starts it again.
func TestRestart(t *testing.T) {
	t.Parallel()
	again := func(name, address string) Config {
		cfg := coordinator(name)
		cfg.Address = "127.0.0.1:7441"
		cfg.Listen = address
		return cfg
	}
	back := func(all []Member) bool {
		return slices.Contains(all, Member{"c", Coordinator, "127.0.0.1:7441"})
	}
	t.Run("at its address", func(t *testing.T) {
		t.Parallel()
		cfg := executor("a")
		cfg.tune = nil // once as users have it
		c := start(t, coordinator("c"))
		cfg.Seeds = []string{c.Address()}
		a := start(t, cfg)
		await(t, a, "executor/a", "coordinator/c")
		c.Close()
		await(t, a, "executor/a")
		// It knows nobody: the other one looks for it.
		c = start(t, again("c", c.Address()))
		awaitFunc(t, a, "c", back)
		await(t, c, "executor/a", "coordinator/c")
	})
	t.Run("elsewhere", func(t *testing.T) {
		t.Parallel()
		cfg := coordinator("c")
		cfg.PeersFile = filepath.Join(t.TempDir(), "peers")
		c := start(t, cfg)
		a := start(t, executor("a", c))
		await(t, a, "executor/a", "coordinator/c")
		await(t, c, "executor/a", "coordinator/c")
		c.Close()
		await(t, a, "executor/a")
		// Nobody knows where it is: it finds the others by its file.
		cfg = again("c", "")
		cfg.PeersFile = c.cfg.PeersFile
		c = start(t, cfg)
		awaitFunc(t, a, "c", back)
		await(t, c, "executor/a", "coordinator/c")
	})
	t.Run("elsewhere before it was missed", func(t *testing.T) {
		t.Parallel()
		var said lines
		c := start(t, coordinator("c"))
		cfg := executor("a", c)
		cfg.Log = said.logger()
		a := start(t, cfg)
		await(t, a, "executor/a", "coordinator/c")
		c.Close()
		cfg = again("c", "")
		cfg.Seeds = []string{a.Address()}
		start(t, cfg)
		awaitFunc(t, a, "c", back)
		if n, _ := said.count("two members have one name"); n > 1 {
			t.Errorf("a conflict of names was logged %d times, want once", n)
		}
	})
}

// network is between a member and the network. It can lose what is sent.
type network struct {
	memberlist.NodeAwareTransport
	noPackets, noStreams *atomic.Bool
}

func (n network) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	if n.noPackets.Load() {
		return time.Now(), nil
	}
	return n.NodeAwareTransport.WriteToAddress(b, a)
}

func (n network) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	if n.noStreams.Load() {
		return nil, fmt.Errorf("no route to %s", a.Addr)
	}
	return n.NodeAwareTransport.DialAddressTimeout(a, timeout)
}

// TestPartition cuts a cluster in two until each side has given up the other.
// When it heals, packets stay cut, so that memberlist cannot find the dead by
// itself, as it tries for a while: members look for each other.
func TestPartition(t *testing.T) {
	t.Parallel()
	var noPackets, noStreams atomic.Bool
	cut := func(cfg Config) Config {
		cfg.tune = func(conf *memberlist.Config) {
			hurry(conf)
			conf.Transport = network{conf.Transport.(*transport), &noPackets, &noStreams}
		}
		return cfg
	}
	c := start(t, cut(coordinator("c")))
	a := start(t, cut(executor("a", c)))
	await(t, a, "executor/a", "coordinator/c")
	await(t, c, "executor/a", "coordinator/c")
	noPackets.Store(true)
	noStreams.Store(true)
	await(t, a, "executor/a")
	await(t, c, "coordinator/c")
	noStreams.Store(false)
	await(t, a, "executor/a", "coordinator/c")
	await(t, c, "executor/a", "coordinator/c")
}

// TestStrangers holds that who has another cluster or another key is not let in,
// even where one is the seed of the other.
func TestStrangers(t *testing.T) {
	t.Parallel()
	key := func(b string) secure.Secret { return secure.NewSecret(strings.Repeat(b, 32)) }
	tests := []struct {
		name         string
		inside       func(*Config)
		outside      func(*Config)
		saidByInside string
	}{
		{"another cluster", func(*Config) {}, func(c *Config) { c.Cluster = "other" }, "unacceptable label"},
		{"another cluster with our key", func(c *Config) { c.Key = key("k") }, func(c *Config) { c.Cluster, c.Key = "other", key("k") }, "unacceptable label"},
		{"another key", func(c *Config) { c.Key = key("k") }, func(c *Config) { c.Key = key("w") }, "failed to receive"},
		{"no key", func(c *Config) { c.Key = key("k") }, func(*Config) {}, "failed to receive"},
		{"a key where there is none", func(*Config) {}, func(c *Config) { c.Key = key("k") }, "failed to receive"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var inside, outside lines
			cfg := coordinator("c")
			test.inside(&cfg)
			cfg.Log = inside.logger()
			c := start(t, cfg)
			friend := executor("friend", c)
			friend.Key = cfg.Key
			await(t, start(t, friend), "coordinator/c", "executor/friend")
			cfg = executor("a", c)
			test.outside(&cfg)
			cfg.Log = outside.logger()
			a := start(t, cfg)
			outside.await(t, "no other member of gossip answers: is one there, with the same gossip key?", 1)
			outside.await(t, `err="failed to join `+c.Address()+": ", 1)
			outside.await(t, "failed to join", 3)
			inside.await(t, test.saidByInside, 3)
			await(t, c, "coordinator/c", "executor/friend")
			await(t, a, "executor/a")
		})
	}
}

func TestPeersFile(t *testing.T) {
	t.Parallel()
	c := start(t, coordinator("c"))
	cfg := executor("a", c)
	cfg.PeersFile = filepath.Join(t.TempDir(), "peers")
	a := start(t, cfg)
	await(t, a, "executor/a", "coordinator/c")
	a.Close()
	want := fmt.Sprintf("%s%s\ncoordinator %s\n", peersHeader, testCluster, c.Address())
	checkFile(t, cfg.PeersFile, want)

	// Without seeds it finds the others.
	cfg.Seeds = nil
	a = start(t, cfg)
	await(t, a, "executor/a", "coordinator/c")
	a.Close()
	checkFile(t, cfg.PeersFile, want)

	// Alone it forgets nobody.
	c.Close()
	var said lines
	cfg.Log = said.logger()
	a = start(t, cfg)
	said.await(t, "no other member of gossip answers", 1)
	a.Close()
	checkFile(t, cfg.PeersFile, want)

	for name, content := range map[string]string{
		"damaged":           want[:len(want)-2],
		"another cluster's": strings.Replace(want, testCluster, "other", 1),
	} {
		t.Run(name, func(t *testing.T) {
			writeFile(t, cfg.PeersFile, content)
			var said lines
			cfg := cfg
			cfg.Log = said.logger()
			a := start(t, cfg)
			said.await(t, "the file of gossip's peers is ignored", 1)
			await(t, a, "executor/a")
			a.Close()
		})
	}
	t.Run("no directory", func(t *testing.T) {
		c := start(t, coordinator("c"))
		var said lines
		cfg := executor("a", c)
		cfg.Log = said.logger()
		cfg.PeersFile = filepath.Join(t.TempDir(), "none", "peers")
		a := start(t, cfg)
		said.await(t, "the peers of gossip are not kept", 1)
		await(t, a, "executor/a", "coordinator/c")
	})
}

// TestStorm starts many members at once, while others read who is there. Half
// of them let the news lie until the end.
func TestStorm(t *testing.T) {
	t.Parallel()
	const count, reads = 16, 200
	c := start(t, coordinator("c"))
	members := make([]*Gossip, count)
	want := []string{"coordinator/c"}
	var starting, readers sync.WaitGroup
	for i := range members {
		cfg := executor(fmt.Sprintf("e%02d", i), c)
		want = append(want, "executor/"+cfg.Name)
		starting.Go(func() {
			g := start(t, cfg)
			members[i] = g
			readers.Go(func() {
				for range reads {
					g.Members()
					c.Members()
				}
			})
		})
	}
	starting.Wait()
	if t.Failed() {
		return
	}
	await(t, c, want...)
	for i := range members {
		// Even ones first.
		await(t, members[(2*i+2*i/count)%count], want...)
	}
	readers.Wait()
}

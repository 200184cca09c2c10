package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/client"
)

// maxTakeOver bounds how long a cluster may be without a leader. It is a few
// seconds; a busy machine may take longer, and one that does not end never does.
const maxTakeOver = 30 * time.Second

// threeCluster is a cluster with three coordinators, whose addresses its clients
// and executors are given.
type threeCluster struct {
	*realCluster
	names     []string
	addresses map[string]string // for clients
	peers     string
	options   client.Options // but for the addresses

	// more, when set, are further flags of a process.
	more func(name string) []string
}

// newThree makes a cluster without processes. Its addresses stay its own, since
// coordinators begin again where they were.
func newThree(t testing.TB) *threeCluster {
	t.Helper()
	c := &threeCluster{
		realCluster: &realCluster{t: t, dir: t.TempDir(), nodes: map[string]*node{}}, names: []string{"c1", "c2", "c3"},
		addresses: map[string]string{}, options: client.Options{Patience: time.Second}, more: func(string) []string { return nil },
	}
	host := loopback()
	var clients, peers []string
	for i, name := range c.names {
		c.addresses[name] = fmt.Sprintf("%s:%d", host, 7440+10*i)
		clients = append(clients, c.addresses[name])
		peers = append(peers, fmt.Sprintf("%s=%s:%d", name, host, 7444+10*i))
	}
	c.address, c.peers = strings.Join(clients, ","), strings.Join(peers, ",")
	t.Cleanup(c.stop)
	return c
}

// start starts the coordinators and executors and waits until all are there.
func (c *threeCluster) start(executors ...string) {
	c.t.Helper()
	for _, name := range c.names {
		c.coordinator(name)
	}
	for _, name := range executors {
		c.executor(name, c.more(name)...)
	}
	c.until("all executors are ready", func() bool {
		got := c.sheaf("nodes")
		return got.code == exitOK && strings.Count(got.stdout, " ready ") == len(executors)
	})
}

// coordinator starts one of the three.
func (c *threeCluster) coordinator(name string) {
	c.t.Helper()
	host, _, _ := strings.Cut(c.addresses[name], ":")
	c.daemon(name, append([]string{
		"coordinator", "--data", filepath.Join(c.dir, name), "--listen", c.addresses[name], "--gossip", host + ":0",
		"--name", name, "--peers", c.peers, "--cluster-id", theID,
	}, c.more(name)...)...)
}

// dial connects with one of the coordinators; where it leads depends on what that
// one says.
func (c *threeCluster) dial(name string) (*client.Client, error) {
	o := c.options
	o.Addresses = []string{c.addresses[name]}
	return client.Dial(c.t.Context(), o)
}

// term is the term that a coordinator leads in; 0 if it does not.
func (c *threeCluster) term(name string) uint64 {
	api, err := c.dial(name)
	if err != nil {
		return 0
	}
	defer api.Close()
	return api.Version().GetTerm()
}

// leader waits for a coordinator that leads.
func (c *threeCluster) leader() (name string, term uint64) {
	c.t.Helper()
	c.until("a coordinator leads", func() bool {
		for _, name = range c.names {
			if term = c.term(name); term > 0 {
				return true
			}
		}
		return false
	})
	return name, term
}

// takeOver kills the leader and waits for the first answer of another one.
func (c *threeCluster) takeOver() (killed, next string) {
	c.t.Helper()
	return c.takeOverFrom(c.kill)
}

// takeOverFrom is takeOver from a leader that ends in some other way.
func (c *threeCluster) takeOverFrom(end func(name string)) (ended, next string) {
	c.t.Helper()
	ended, term := c.leader()
	begin := time.Now()
	end(ended)
	c.until("another coordinator leads", func() bool {
		for _, next = range c.but(ended) {
			if c.term(next) > term {
				return true
			}
		}
		return false
	})
	took := time.Since(begin)
	c.t.Logf("%s took over from %s after %v", next, ended, took.Round(time.Millisecond))
	if took > maxTakeOver {
		c.t.Errorf("the take-over took %v, want at most %v", took, maxTakeOver)
	}
	return ended, next
}

// ask asks one coordinator for the jobs and says who answered.
func (c *threeCluster) ask(name string) (address string, err error) {
	api, err := c.dial(name)
	if err != nil {
		return "", err
	}
	defer api.Close()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	err = api.ListJobs(ctx, nil, 1, func(*pb.JobSnapshot) error { return nil })
	return api.Address(), err
}

// follows waits until a coordinator names another one as its leader.
func (c *threeCluster) follows(name, leader string) {
	c.t.Helper()
	c.until(name+" follows "+leader, func() bool {
		answered, err := c.ask(name)
		return err == nil && answered == c.addresses[leader]
	})
}

// leaderless waits until a coordinator says that nobody leads.
func (c *threeCluster) leaderless(name string) {
	c.t.Helper()
	c.until(name+" says that nobody leads", func() bool {
		_, err := c.ask(name)
		e, ok := errors.AsType[*client.Error](err)
		return ok && e.Reason == client.Unreachable && strings.Contains(err.Error(), "it does not lead, and no leader is known")
	})
}

// but returns the coordinators but some.
func (c *threeCluster) but(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(c.names), func(name string) bool { return slices.Contains(names, name) })
}

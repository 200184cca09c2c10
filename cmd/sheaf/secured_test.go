package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/secure/securetest"
)

// TestSecuredCluster runs a job on three machines that are none, by mutual TLS
// all the way.
func TestSecuredCluster(t *testing.T) {
	c := newSecuredCluster(t, "a", "b")
	input := c.input("x\nsay hello", "x\ny", "y\nx", "z")
	output := filepath.Join(c.dir, "out")
	c.sheaf("submit", acts(t), "--", "--input", input, "--output", output).want(t, exitOK, "acts: done in")
	if rows, want := rowsIn(t, output), []string{pads(4), "say\t1", "x\t3", "y\t2", "z\t1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	job := strings.TrimSpace(c.sheaf("jobs", "-q").stdout)
	if logs := c.sheaf("logs", job); !strings.Contains(logs.stdout, " stdout | hello\n") {
		t.Errorf("the job's logs are %q %q, want what it said", logs.stdout, logs.stderr)
	}
	for _, name := range []string{"a", "b"} {
		if !strings.Contains(c.nodes[name].log.String(), "worker started") {
			t.Errorf("executor %s had no part of the job", name)
		}
	}
}

// TestStrangers: nobody gets in who does not prove who it is, and reads why.
func TestStrangers(t *testing.T) {
	c := newSecuredLoopback(t)
	t.Run("clients", func(t *testing.T) { securedClients(t, c) })
	t.Run("executors", func(t *testing.T) { securedExecutors(t, c) })
}

func securedClients(t *testing.T, c *securedCluster) {
	foreign := securetest.New(t, "foreign")
	c.certifyBy(foreign, "stranger", "hub", "", "")
	trusting := c.files["stranger"]
	trusting.CA = c.authority.File
	c.files["trusting"] = trusting
	for _, tc := range []struct {
		name  string
		token string
		flags []string
		args  []string
		code  int
		want  string
	}{
		{"no token", "", c.flags("client"), []string{"jobs"}, exitUsage, "this cluster asks for a token"},
		{"another token", strings.Repeat("x", 32), c.flags("client"), []string{"jobs"}, exitUsage, "the token is not known here"},
		{"read", lookToken, c.flags("client"), []string{"jobs"}, exitOK, ""},
		{"read that submits", lookToken, c.flags("client"), []string{"submit", acts(t), "--", "--input", c.dir, "--output", c.dir + "/none"}, exitUsage, "rob (role read) may not call"},
		{"submit that drains", submitToken, c.flags("client"), []string{"drain", "a"}, exitUsage, "that needs a token with the role admin"},
		{"no TLS", submitToken, nil, []string{"jobs"}, exitUsage, "give --tls-cert, --tls-key and --tls-ca"},
		{"no certificate", submitToken, []string{"--tls-ca", c.authority.File}, []string{"jobs"}, exitUsage, "three files together: --tls-cert and --tls-key is missing"},
		{"no authority", submitToken, c.flags("client")[:4], []string{"jobs"}, exitUsage, "three files together: --tls-ca is missing"},
		{"another authority", submitToken, c.flags("stranger"), []string{"jobs"}, exitUsage, "its certificate was not signed by the authority in --tls-ca"},
		{"a certificate of another authority", submitToken, c.flags("trusting"), []string{"jobs"}, exitUsage, "was not signed by the authority in " + c.authority.File},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c.asWith(tc.token, tc.flags, tc.args...).want(t, tc.code, tc.want)
		})
	}
}

func securedExecutors(t *testing.T, c *securedCluster) {
	c.certifyBy(securetest.New(t, "foreign"), "foreign", "hub", theID, "executor")
	c.certify("other", "hub", strings.Repeat("f", 32), "executor")
	c.certify("named", "hub", theID, "executor")
	without := func(args []string, flag string, values int) []string {
		i := slices.Index(args, flag)
		return slices.Delete(args, i, i+values)
	}
	elsewhere := func(args []string) []string {
		args[slices.Index(args, "--listen")+1] = "0.0.0.0:0"
		return args
	}
	for _, tc := range []struct {
		name, want string
		args       []string
	}{
		{"another cluster", "shows a certificate for executor \"other\" of cluster ffff", c.executorArgs("hub", "other", "other")},
		{"another name", "executor \"nobody\" of cluster " + theID + " shows a certificate for executor \"named\" of cluster " + theID + ": its --name and its certificate must agree, and be for this cluster", c.executorArgs("hub", "nobody", "named")},
		{"a client's certificate", "this cluster asks for a token", c.executorArgs("hub", "nobody", "client")},
		{"another authority", "its certificate was not signed by the authority in --tls-ca", c.executorArgs("hub", "foreign", "foreign")},
		{"no certificates", "it seems to ask for certificates: give --tls-cert, --tls-key and --tls-ca", without(c.executorArgs("hub", "named", "named"), "--tls-cert", 6)},
		{"for all without certificates", "give certificates (--tls-cert, --tls-key and --tls-ca), or listen on", elsewhere(without(c.executorArgs("hub", "named", "named"), "--tls-cert", 6))},
		{"for all without a gossip key", "give a gossip key (--gossip-key), or listen on", elsewhere(without(c.executorArgs("hub", "named", "named"), "--gossip-key", 2))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			finished(t, c.command("hub", tc.args...)).want(t, exitUsage, tc.want)
		})
	}
	t.Run("no gossip key on loopback", func(t *testing.T) {
		// It can do its work, and says what it does not have.
		n := c.begins("named", c.command("hub", without(c.executorArgs("hub", "named", "named"), "--gossip-key", 2)...))
		c.until("it says that it is alone", func() bool {
			return strings.Contains(n.log.String(), "no other member of gossip answers: is one there, with the same gossip key?")
		})
		c.until("it has joined", func() bool { return strings.Contains(c.sheaf("nodes").stdout, " ready ") })
	})
}

// TestTransfer: what an executor computed is read by another one over TLS.
func TestTransfer(t *testing.T) {
	c := newSecuredCluster(t, "a", "b")
	if n := c.shuffleFromB(); n != 2 {
		t.Errorf("%d attempts read input, want each of the two tasks once", n)
	}
}

// lostOneWay: what an executor computed is computed again by another one that
// cannot reach it, though both reach the coordinator.
func lostOneWay(t *testing.T) {
	c := newSecuredCluster(t, "a", "b")
	c.net.lose("a", "b")
	if n := c.shuffleFromB(); n != 3 {
		t.Errorf("%d attempts read input, want each of the two tasks once, and one again", n)
	}
	if log := c.nodes["a"].log.String(); !strings.Contains(log, "map outputs cannot be read") || !strings.Contains(log, "executor b is unreachable") {
		t.Errorf("the executor does not say what it cannot read:\n%s", log)
	}
	c.startExecutor("b")
	c.until("both executors are ready", func() bool { return strings.Count(c.sheaf("nodes").stdout, " ready ") == 2 })
}

// shuffleFromB lets executors a and b read some input each, and a alone, with one
// slot, what they wrote. It returns how many attempts read input.
func (c *securedCluster) shuffleFromB() int {
	c.t.Helper()
	gate, notes := filepath.Join(c.dir, "gate"), filepath.Join(c.dir, "notes")
	job, output := c.begin(c.input("note "+notes+"\nwait "+gate, "note "+notes+"\nwait "+gate))
	c.until("both executors work", func() bool { return c.running("a")+c.running("b") == 2 })
	// It ends its task, serves what that wrote, gets no other, and leaves.
	c.as(adminToken, "drain", "b").want(c.t, exitOK)
	c.touch(gate)
	if rows, want := c.end(job, output), []string{"note\t2", pads(2), "wait\t2"}; !slices.Equal(rows, want) {
		c.t.Errorf("rows %q, want %q", rows, want)
	}
	select {
	case <-c.nodes["b"].done:
	case <-time.After(patience):
		c.t.Fatal("the drained executor does not leave")
	}
	return strings.Count(read(c.t, notes), "\n")
}

// TestSecuredCoordinatorKilled: executors come back to their coordinator by TLS,
// with what they run.
func TestSecuredCoordinatorKilled(t *testing.T) {
	c := newSecuredLoopback(t, "a", "b")
	gate, notes := filepath.Join(c.dir, "gate"), filepath.Join(c.dir, "notes")
	job, output := c.begin(c.input("note "+notes+"\nwait "+gate, "note "+notes+"\nwait "+gate))
	c.until("both attempts are under way", func() bool {
		text, _ := os.ReadFile(notes)
		return strings.Count(string(text), "\n") == 2
	})
	c.kill("coordinator")
	c.touch(gate)
	c.startHub()
	c.until("the coordinator answers", func() bool { return c.sheaf("nodes").code == exitOK })
	if rows, want := c.end(job, output), []string{"note\t2", pads(2), "wait\t2"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if n := strings.Count(read(t, notes), "\n"); n != 2 {
		t.Errorf("%d attempts read input, want each of the two tasks once", n)
	}
}

// TestPartition: an executor that is cut off for longer than its lease loses its
// work to the others, and gets new work when it is back.
func TestPartition(t *testing.T) {
	t.Parallel() // it waits
	c := newSecuredCluster(t, "a", "b")
	gate := filepath.Join(c.dir, "gate")
	job, output := c.begin(c.input("wait "+gate, "wait "+gate))
	c.until("both executors work", func() bool { return c.running("a")+c.running("b") == 2 })
	c.net.cut("a")
	c.until("the executor counts as lost", func() bool { return strings.Contains(c.sheaf("nodes").stdout, " lost ") })
	c.touch(gate)
	if rows, want := c.end(job, output), []string{pads(2), "wait\t2"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	c.net.plug("a")
	c.until("the executor is back", func() bool { return strings.Count(c.sheaf("nodes").stdout, " ready ") == 2 })
	again := filepath.Join(c.dir, "again")
	job, output = c.begin(c.input("wait "+again, "wait "+again))
	c.until("both executors work again", func() bool { return c.running("a")+c.running("b") == 2 })
	c.touch(again)
	if rows, want := c.end(job, output), []string{pads(2), "wait\t2"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
}

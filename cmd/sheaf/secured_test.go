package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSecuredCluster runs a job on three machines that are none, by mutual TLS
// all the way, and holds that nobody else gets in.
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
	t.Run("clients", func(t *testing.T) { securedClients(t, c) })
	t.Run("executors", func(t *testing.T) { securedExecutors(t, c) })
}

func securedClients(t *testing.T, c *securedCluster) {
	c.certify("stranger", "hub", "", "")
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
		{"no certificate", submitToken, []string{"--tls-ca", c.authority.File}, []string{"jobs"}, exitUsage, "--tls-cert"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c.asWith(tc.token, tc.flags, tc.args...).want(t, tc.code, tc.want)
		})
	}
}

func securedExecutors(t *testing.T, c *securedCluster) {
	c.certify("other", "hub", strings.Repeat("f", 32), "executor")
	c.certify("named", "hub", theID, "executor")
	noKey := func(args []string) []string {
		i := slices.Index(args, "--gossip-key")
		return slices.Delete(args, i, i+2)
	}
	noTLS := func(args []string) []string { return args[:slices.Index(args, "--tls-cert")] }
	for _, tc := range []struct {
		name, want string
		args       []string
	}{
		{"another cluster", "shows a certificate for executor \"other\" of cluster ffff", c.executorArgs("hub", "other", "other")},
		{"another name", "executor \"nobody\" of cluster " + theID + " shows a certificate for executor \"named\"", c.executorArgs("hub", "nobody", "named")},
		{"a client's certificate", "this cluster asks for a token", c.executorArgs("hub", "nobody", "client")},
		{"no gossip key", "give a gossip key (--gossip-key), or listen on", noKey(c.executorArgs("hub", "named", "named"))},
		{"no certificates", "give certificates (--tls-cert, --tls-key and --tls-ca), or listen on", noTLS(c.executorArgs("hub", "named", "named"))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			finished(t, c.net.command("hub", tc.args...)).want(t, exitUsage, tc.want)
		})
	}
}

// TestPartition: an executor that is cut off for longer than its lease loses its
// work to the others, and gets new work when it is back.
func TestPartition(t *testing.T) {
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

package main

import (
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/secure/securetest"
)

// theID is the id of clusters whose certificates are made before them.
const theID = "0123456789abcdef0123456789abcdef"

// securedCluster is a cluster whose processes trust nobody without a certificate:
// the coordinator on the host hub, executors on hosts of their names.
type securedCluster struct {
	*realCluster
	net       *network // nil for all on loopback
	authority *securetest.Authority
	key       string // file of the gossip key
	tokens    string // file of the coordinator
	files     map[string]secure.Certificates
}

const (
	adminToken  = "admin-0123456789-0123456789-0123456789"
	submitToken = "submit-0123456789-0123456789-0123456789"
	lookToken   = "read-0123456789-0123456789-0123456789"
)

// newSecuredCluster starts one on hosts of a network of its own.
func newSecuredCluster(t *testing.T, executors ...string) *securedCluster {
	t.Helper()
	n := newNetwork(t, append([]string{"hub"}, executors...)...)
	return startSecured(t, n, n.address("hub")+":7440", n.address("hub")+":7441", executors)
}

// newSecuredLoopback starts one that needs no rights: all of it is on loopback,
// where certificates, tokens and the key are asked for all the same.
func newSecuredLoopback(t *testing.T, executors ...string) *securedCluster {
	t.Helper()
	return startSecured(t, nil, freeAddress(t), freeAddress(t), executors)
}

func startSecured(t *testing.T, n *network, address, gossip string, executors []string) *securedCluster {
	t.Helper()
	c := &securedCluster{
		net: n, authority: securetest.New(t, "cluster"), files: map[string]secure.Certificates{},
		key:    securetest.File(t, "gossip.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"),
		tokens: securetest.File(t, "tokens", "ada admin "+adminToken+"\nsue submit "+submitToken+"\nrob read "+lookToken+"\n"),
	}
	c.realCluster = &realCluster{t: t, dir: t.TempDir(), address: address, gossip: gossip, nodes: map[string]*node{}}
	t.Cleanup(c.stop)
	c.run = func(args ...string) outcome { return c.as(submitToken, args...) }
	c.certify("hub", "hub", theID, "coordinator")
	c.certify("client", "hub", "", "")
	for _, e := range executors {
		c.certify(e, e, theID, "executor")
	}
	c.startHub()
	for _, e := range executors {
		c.startExecutor(e)
	}
	c.until("all executors are ready", func() bool {
		got := c.sheaf("nodes") // which fails until the coordinator listens
		return got.code == exitOK && strings.Count(got.stdout, " ready ") == len(executors)
	})
	return c
}

// certify makes the certificate of a name for a host; without a cluster it is one
// of a client.
func (c *securedCluster) certify(name, host, cluster, role string) {
	c.t.Helper()
	c.certifyBy(c.authority, name, host, cluster, role)
}

// certifyBy is certify by another authority; who shows the certificate believes
// the cluster's own.
func (c *securedCluster) certifyBy(a *securetest.Authority, name, host, cluster, role string) {
	c.t.Helper()
	uri := ""
	if cluster != "" {
		uri = "sheaf://" + cluster + "/" + role + "/" + name
	}
	cert, key := a.Issue(c.t, name, uri, func(x *x509.Certificate) {
		if c.net != nil {
			x.IPAddresses = append(x.IPAddresses, net.ParseIP(c.net.address(host)), net.ParseIP(c.net.dataAddress(host)))
		}
	})
	c.files[name] = secure.Certificates{Cert: cert, Key: key, CA: a.File}
}

// command is a command line of sheaf on a host.
func (c *securedCluster) command(host string, args ...string) *exec.Cmd {
	if c.net != nil {
		return c.net.command(host, args...)
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = commandEnv()
	return cmd
}

// flags are those by which a process shows who it is.
func (c *securedCluster) flags(name string) []string {
	f := c.files[name]
	return []string{"--tls-cert", f.Cert, "--tls-key", f.Key, "--tls-ca", f.CA}
}

func (c *securedCluster) startHub() {
	c.t.Helper()
	c.begins("coordinator", c.command("hub", append([]string{
		"coordinator", "--data", filepath.Join(c.dir, "coordinator"), "--cluster-id", theID, "--listen", c.address, "--gossip", c.gossip,
		"--gossip-key", c.key, "--token-file", c.tokens,
	}, c.flags("hub")...)...))
}

// executorArgs is the command line of an executor that shows the certificate of
// another name.
func (c *securedCluster) executorArgs(host, name, certificate string) []string {
	listen, gossip := "127.0.0.1:0", "127.0.0.1:0"
	if c.net != nil {
		listen, gossip = c.net.dataAddress(host)+":7442", c.net.address(host)+":7443"
	}
	return append([]string{
		"executor", "--join", c.address, "--name", name, "--dir", filepath.Join(c.dir, name), "--slots", "1", "--memory", "128MiB",
		"--listen", listen, "--gossip", gossip, "--gossip-key", c.key,
	}, c.flags(certificate)...)
}

func (c *securedCluster) startExecutor(name string) {
	c.t.Helper()
	c.begins(name, c.command(name, c.executorArgs(name, name, name)...))
}

// as runs a command of a client with a token, on the coordinator's host.
func (c *securedCluster) as(token string, args ...string) outcome {
	c.t.Helper()
	return c.asWith(token, c.flags("client"), args...)
}

func (c *securedCluster) asWith(token string, flags []string, args ...string) outcome {
	c.t.Helper()
	cmd := c.command("hub", append(append([]string{args[0]}, flags...), args[1:]...)...)
	cmd.Env = append(cmd.Env, "SHEAF_CLUSTER="+c.address, "SHEAF_TOKEN="+token)
	return finished(c.t, cmd)
}

// commandPatience ends a command that hangs. It is longer than patience: one that
// follows a job waits for leases, for connections in vain, and for what is broken
// meanwhile.
const commandPatience = 3 * patience

// finished runs a command to its end.
func finished(t testing.TB, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(commandPatience, func() { cmd.Process.Kill() })
	defer stop.Stop()
	err := cmd.Wait()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

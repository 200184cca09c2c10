package main

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
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

// network is some machines that are none: network namespaces, joined by a bridge
// in one of its own, so that nothing of this machine's network changes.
type network struct {
	t      testing.TB
	prefix string
	hosts  []string // numbered from 1 on by their addresses
}

func newNetwork(t testing.TB, hosts ...string) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("SKIPPED: network namespaces need the command ip: install iproute2")
	}
	n := &network{t: t, prefix: fmt.Sprintf("sheaf-%08x-", rand.Uint32()), hosts: hosts}
	if out, err := exec.Command("ip", "netns", "add", n.namespace("switch")).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: this machine grants no network namespaces: %v: %s", err, out)
	}
	t.Cleanup(n.remove)
	n.ip("-n", n.namespace("switch"), "link", "add", "bridge", "type", "bridge")
	n.ip("-n", n.namespace("switch"), "link", "set", "bridge", "up")
	for _, host := range hosts {
		ns := n.namespace(host)
		n.ip("netns", "add", ns)
		n.ip("-n", ns, "link", "set", "lo", "up")
		n.ip("-n", ns, "link", "add", "net0", "type", "veth", "peer", "name", "to-"+host, "netns", n.namespace("switch"))
		n.ip("-n", ns, "addr", "add", n.address(host)+"/24", "dev", "net0")
		n.ip("-n", ns, "link", "set", "net0", "up")
		n.ip("-n", n.namespace("switch"), "link", "set", "dev", "to-"+host, "master", "bridge", "up")
	}
	return n
}

func (n *network) namespace(host string) string { return n.prefix + host }

// address is the one of a host, without a port.
func (n *network) address(host string) string {
	for i, h := range n.hosts {
		if h == host {
			return fmt.Sprint("10.77.0.", i+1)
		}
	}
	n.t.Fatalf("no host %s", host)
	return ""
}

func (n *network) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// remove ends the network, of which no process is left.
func (n *network) remove() {
	for _, host := range append([]string{"switch"}, n.hosts...) {
		exec.Command("ip", "netns", "del", n.namespace(host)).Run() // it may not have come that far
	}
}

// cut takes a host's cable out, and plug puts it in.
func (n *network) cut(host string) {
	n.ip("-n", n.namespace("switch"), "link", "set", "dev", "to-"+host, "down")
}

func (n *network) plug(host string) {
	n.ip("-n", n.namespace("switch"), "link", "set", "dev", "to-"+host, "up")
}

// command is a command line of sheaf on a host.
func (n *network) command(host string, args ...string) *exec.Cmd {
	cmd := exec.Command("ip", append([]string{"netns", "exec", n.namespace(host), os.Args[0]}, args...)...)
	cmd.Env = append(os.Environ(), cliVar+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

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
	c := &securedCluster{
		net: n, authority: securetest.New(t, "cluster"), files: map[string]secure.Certificates{},
		key:    securetest.File(t, "gossip.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"),
		tokens: securetest.File(t, "tokens", "ada admin "+adminToken+"\nsue submit "+submitToken+"\nrob read "+lookToken+"\n"),
	}
	c.realCluster = &realCluster{t: t, dir: t.TempDir(), address: n.address("hub") + ":7440", gossip: n.address("hub") + ":7441", nodes: map[string]*node{}}
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
	c.until("all executors are ready", func() bool { return strings.Count(c.sheaf("nodes").stdout, " ready ") == len(executors) })
	return c
}

// certify makes the certificate of a name for a host; without a cluster it is one
// of a client.
func (c *securedCluster) certify(name, host, cluster, role string) {
	c.t.Helper()
	uri := ""
	if cluster != "" {
		uri = "sheaf://" + cluster + "/" + role + "/" + name
	}
	cert, key := c.authority.Issue(c.t, name, uri, func(x *x509.Certificate) {
		x.IPAddresses = append(x.IPAddresses, net.ParseIP(c.net.address(host)))
	})
	c.files[name] = secure.Certificates{Cert: cert, Key: key, CA: c.authority.File}
}

// flags are those by which a process shows who it is.
func (c *securedCluster) flags(name string) []string {
	f := c.files[name]
	return []string{"--tls-cert", f.Cert, "--tls-key", f.Key, "--tls-ca", f.CA}
}

func (c *securedCluster) startHub() {
	c.t.Helper()
	c.begins("coordinator", c.net.command("hub", append([]string{
		"coordinator", "--data", filepath.Join(c.dir, "coordinator"), "--cluster-id", theID, "--listen", c.address, "--gossip", c.gossip,
		"--gossip-key", c.key, "--token-file", c.tokens,
	}, c.flags("hub")...)...))
}

// executorArgs is the command line of an executor that shows the certificate of
// another name.
func (c *securedCluster) executorArgs(host, name, certificate string) []string {
	return append([]string{
		"executor", "--join", c.address, "--name", name, "--dir", filepath.Join(c.dir, name), "--slots", "1", "--memory", "128MiB",
		"--listen", c.net.address(host) + ":7442", "--gossip", c.net.address(host) + ":7443", "--gossip-key", c.key,
	}, c.flags(certificate)...)
}

func (c *securedCluster) startExecutor(name string) {
	c.t.Helper()
	c.begins(name, c.net.command(name, c.executorArgs(name, name, name)...))
}

// as runs a command of a client with a token, on the coordinator's host.
func (c *securedCluster) as(token string, args ...string) outcome {
	c.t.Helper()
	return c.asWith(token, c.flags("client"), args...)
}

func (c *securedCluster) asWith(token string, flags []string, args ...string) outcome {
	c.t.Helper()
	cmd := c.net.command("hub", append(append([]string{args[0]}, flags...), args[1:]...)...)
	cmd.Env = append(cmd.Env, "SHEAF_CLUSTER="+c.address, "SHEAF_TOKEN="+token)
	return finished(c.t, cmd)
}

// finished runs a command to its end.
func finished(t testing.TB, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer stop.Stop()
	err := cmd.Wait()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

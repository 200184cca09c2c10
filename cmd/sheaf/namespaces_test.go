package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
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
		n.ip("-n", ns, "addr", "add", n.dataAddress(host)+"/32", "dev", "net0")
		n.ip("-n", ns, "route", "add", dataNetwork+"0/24", "dev", "net0", "src", n.address(host))
		n.ip("-n", n.namespace("switch"), "link", "set", "dev", "to-"+host, "master", "bridge", "up")
	}
	return n
}

func (n *network) namespace(host string) string { return n.prefix + host }

const (
	hostNetwork = "10.77.0."
	dataNetwork = "10.77.1."
)

// address is the one of a host, without a port.
func (n *network) address(host string) string { return hostNetwork + n.number(host) }

// dataAddress is where a host serves map outputs. Nothing is sent from there: who
// is asked answers from it, to the address of who asks.
func (n *network) dataAddress(host string) string { return dataNetwork + n.number(host) }

func (n *network) number(host string) string {
	i := slices.Index(n.hosts, host)
	if i < 0 {
		n.t.Fatalf("no host %s", host)
	}
	return fmt.Sprint(i + 1)
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

// lose makes all vanish that a host sends to the data address of another, which
// sends as before: it goes to a machine that is not there.
func (n *network) lose(from, to string) {
	n.ip("-n", n.namespace(from), "neigh", "replace", n.dataAddress(to), "lladdr", "02:00:00:00:00:01", "dev", "net0", "nud", "permanent")
}

// find undoes lose.
func (n *network) find(from, to string) {
	n.ip("-n", n.namespace(from), "neigh", "del", n.dataAddress(to), "dev", "net0")
}

// command is a command line of sheaf on a host.
func (n *network) command(host string, args ...string) *exec.Cmd {
	cmd := exec.Command("ip", append([]string{"netns", "exec", n.namespace(host), os.Args[0]}, args...)...)
	cmd.Env = commandEnv()
	return cmd
}

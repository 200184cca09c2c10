package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
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

// drop makes packets vanish by chance on their way to and from a host, some of a
// hundred each way.
func (n *network) drop(host string, percent int) {
	n.t.Helper()
	// A filter of cBPF: what is above a random number passes. Kernels have it more
	// often than netem, which the package of tc does not bring along.
	limit := uint64(percent) << 32 / 100
	program := fmt.Sprintf("4,32 0 0 %d,53 1 0 %d,6 0 0 %d,6 0 0 0", randomWord, limit, shot)
	for _, end := range n.ends(host) {
		err := n.tc("-n", end[0], "qdisc", "add", "dev", end[1], "clsact")
		if err == nil {
			err = n.tc("-n", end[0], "filter", "add", "dev", end[1], "egress", "bpf", "da", "bytecode", program)
		}
		if err != nil {
			err = errors.Join(err, n.tc("-n", end[0], "qdisc", "add", "dev", end[1], "root", "netem", "loss", fmt.Sprint(percent, "%")))
		}
		if err != nil {
			n.t.Skipf("SKIPPED: this machine loses no packets by chance: %v", err)
		}
	}
}

const (
	// randomWord is where programs of cBPF find a random number.
	randomWord = 1<<32 - 0x1000 + 56
	// shot is the result of a filter that drops a packet.
	shot = 2
)

// slow bounds what a host sends and is sent.
func (n *network) slow(host, rate string) {
	n.t.Helper()
	for _, end := range n.ends(host) {
		if err := n.tc("-n", end[0], "qdisc", "add", "dev", end[1], "root", "tbf", "rate", rate, "burst", "64kb", "latency", "500ms"); err != nil {
			n.t.Skipf("SKIPPED: this machine makes no link slow: %v", err)
		}
	}
}

// ends are the two ends of a host's cable, each a namespace and a device.
func (n *network) ends(host string) [][2]string {
	return [][2]string{{n.namespace(host), "net0"}, {n.namespace("switch"), "to-" + host}}
}

// dropped counts the packets that vanished by chance at the ends of a host's cable.
func (n *network) dropped(host string) (sum int) {
	n.t.Helper()
	for _, end := range n.ends(host) {
		out, err := exec.Command("tc", "-n", end[0], "-s", "qdisc", "show", "dev", end[1]).CombinedOutput()
		if err != nil {
			n.t.Fatalf("tc: %v: %s", err, out)
		}
		for _, found := range regexp.MustCompile(`dropped (\d+)`).FindAllSubmatch(out, -1) {
			count, _ := strconv.Atoi(string(found[1])) // digits
			sum += count
		}
	}
	return sum
}

func (n *network) tc(args ...string) error {
	out, err := exec.Command("tc", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("tc %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// command is a command line of sheaf on a host.
func (n *network) command(host string, args ...string) *exec.Cmd {
	cmd := exec.Command("ip", append([]string{"netns", "exec", n.namespace(host), os.Args[0]}, args...)...)
	cmd.Env = commandEnv()
	return cmd
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// chaosForms are the clusters of TestChaos.
var chaosForms = []struct {
	name  string
	start func(x *chaos, t *testing.T)
}{
	{"one coordinator", func(x *chaos, t *testing.T) { x.onLoopback(t, 1, 3+x.rnd.IntN(3)) }},
	{"three coordinators", func(x *chaos, t *testing.T) { x.onLoopback(t, 3, 3) }},
	{"partitions", (*chaos).onHosts},
}

var chaosExecutors = []string{"a", "b", "c", "d", "e"}

// cleared checks, when all else is cleaned up, that nothing of the cluster is left
// on the machine.
func (x *chaos) cleared(t *testing.T) {
	t.Cleanup(func() {
		if x.realCluster == nil {
			return // it did not come that far
		}
		for _, pid := range processesOf(x.dir) {
			t.Errorf("process %d of the cluster is left", pid)
		}
		mounts, err := os.ReadFile("/proc/mounts")
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(mounts), x.dir+"/") {
			t.Errorf("a mount below %s is left:\n%s", x.dir, mounts)
		}
		if x.net == nil {
			return
		}
		if left, err := filepath.Glob("/run/netns/" + x.net.prefix + "*"); err != nil || len(left) > 0 {
			t.Errorf("namespaces %q are left: %v", left, err)
		}
	})
}

// onLoopback starts a cluster whose daemons are reached through relays.
func (x *chaos) onLoopback(t *testing.T, coordinators, executors int) {
	x.cleared(t)
	host := loopback()
	at := func(port int) string { return fmt.Sprintf("%s:%d", host, port) }
	c := &realCluster{t: t, dir: t.TempDir(), nodes: map[string]*node{}}
	x.realCluster, x.admin = c, func(args ...string) outcome { return c.sheaf(args...) }
	relay := func(to string, port int) string {
		r := newResetterAt(t, at(port), to)
		x.relays = append(x.relays, r)
		return r.address
	}
	var peers, names, answers []string
	for i := range coordinators {
		peers, names, answers = append(peers, at(7480+i)), append(names, fmt.Sprint("coordinator-", i)), append(answers, relay(at(7440+i), 7460+i))
	}
	for i := range coordinators {
		name := names[i]
		x.coordinators = append(x.coordinators, name)
		m := &membership{
			Name: name, Dir: filepath.Join(c.dir, name), Cluster: theID, Listen: at(7440 + i), Advertise: answers[i], Gossip: at(7500 + i),
			Names: names, Peers: peers,
		}
		x.members = append(x.members, m)
		x.begin[name] = func() { x.coordinates(name, m) }
	}
	c.address = strings.Join(answers, ",")
	x.executors = chaosExecutors[:executors]
	t.Cleanup(c.stop)
	x.limitDisk(x.executors[len(x.executors)-1])
	for i, name := range x.executors {
		through := relay(at(7520+i), 7540+i)
		memory := []string{"1MiB", "16MiB", "128MiB"}[x.rnd.IntN(3)]
		x.begin[name] = func() {
			c.executor(name, "--listen", at(7520+i), "--advertise", through, "--memory", memory)
		}
	}
	x.faults = slices.Concat(chaosProcesses, chaosDisks, chaosConnections)
	x.beginAll()
}

// coordinates starts a coordinator.
func (x *chaos) coordinates(name string, m *membership) {
	x.t.Helper()
	x.daemon(name, m.args()...)
}

// onHosts starts a cluster on hosts of a network of its own, by mutual TLS.
func (x *chaos) onHosts(t *testing.T) {
	x.cleared(t)
	executors := chaosExecutors[:3]
	c := newSecuredCluster(t, executors...)
	x.realCluster, x.net, x.executors, x.coordinators = c.realCluster, c.net, executors, []string{"coordinator"}
	x.admin = func(args ...string) outcome { return c.as(adminToken, args...) }
	x.begin["coordinator"] = c.startHub
	for _, name := range executors {
		x.begin[name] = func() { c.startExecutor(name) }
	}
	x.faults = slices.Concat(chaosProcesses, chaosNetwork)
}

// beginAll starts all daemons and waits for them.
func (x *chaos) beginAll() {
	x.t.Helper()
	for _, name := range slices.Concat(x.coordinators, x.executors) {
		x.begin[name]()
	}
	x.until("all executors are ready", func() bool {
		got := x.sheaf("nodes") // which fails until a coordinator leads
		return got.code == exitOK && strings.Count(got.stdout, " ready ") == len(x.executors)
	})
}

// limitDisk gives an executor a small disk of its own, where the system permits.
func (x *chaos) limitDisk(executor string) {
	dir := filepath.Join(x.dir, executor)
	if err := os.Mkdir(dir, 0o700); err != nil {
		x.t.Fatal(err)
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskBytes)); err != nil {
		x.t.Logf("SKIPPED: a full disk: mounting a tmpfs needs root: %v", err)
		return
	}
	x.disk = dir
	x.t.Cleanup(func() {
		x.killAll() // what is open there
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			x.t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// diskBytes holds the programs and some map outputs.
const diskBytes = 256 << 20

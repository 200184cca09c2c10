package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience ends a test that hangs, long after any that works has ended.
const patience = 60 * time.Second

// builds holds the programs of testdata that were built, by name.
var builds sync.Map

// buildOnce builds a program of testdata once and returns its path.
func buildOnce(t testing.TB, name string) string {
	t.Helper()
	once, _ := builds.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		path := filepath.Join(builtDir, name)
		out, err := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./testdata/programs/"+name).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
		return path, nil
	}))
	path, err := once.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// acts returns the path of the program that does what its input says.
func acts(t testing.TB) string { return buildOnce(t, "acts") }

// realCluster is a coordinator and executors, each a process of its own.
type realCluster struct {
	t       testing.TB
	dir     string
	address string
	gossip  string
	nodes   map[string]*node

	// run runs a command of a client; nil for one in this process.
	run func(args ...string) outcome
}

// node is a daemon's process.
type node struct {
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
}

// tail keeps what a daemon logs.
type tail struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newRealCluster starts a coordinator and executors with one slot each.
func newRealCluster(t testing.TB, executors ...string) *realCluster {
	t.Helper()
	c := &realCluster{t: t, dir: t.TempDir(), address: freeAddress(t), gossip: freeAddress(t), nodes: map[string]*node{}}
	t.Cleanup(c.stop)
	c.coordinator()
	for _, name := range executors {
		c.executor(name)
	}
	c.until("all executors are ready", func() bool {
		got := c.sheaf("nodes") // which fails until the coordinator listens
		return got.code == exitOK && strings.Count(got.stdout, " ready ") == len(executors)
	})
	return c
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// daemon starts one of the cluster's processes.
func (c *realCluster) daemon(name string, args ...string) *node {
	c.t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = commandEnv()
	return c.begins(name, cmd)
}

// commandEnv makes this test binary the command itself.
func commandEnv() []string { return append(os.Environ(), cliVar+"=1", "GORACE=atexit_sleep_ms=0") }

// begins starts a command as one of the cluster's processes.
func (c *realCluster) begins(name string, cmd *exec.Cmd) *node {
	c.t.Helper()
	n := &node{cmd: cmd, log: &tail{}, done: make(chan struct{})}
	n.cmd.Stderr = n.log
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		n.cmd.Wait()
		close(n.done)
	}()
	c.nodes[name] = n
	return n
}

func (c *realCluster) coordinator(more ...string) *node {
	c.t.Helper()
	return c.daemon("coordinator", append([]string{"coordinator", "--data", filepath.Join(c.dir, "coordinator"), "--listen", c.address, "--gossip", c.gossip}, more...)...)
}

func (c *realCluster) executor(name string, more ...string) *node {
	c.t.Helper()
	return c.daemon(name, append([]string{"executor", "--join", c.address, "--name", name, "--dir", filepath.Join(c.dir, name), "--slots", "1", "--memory", "128MiB"}, more...)...)
}

// signal sends a signal to a daemon.
func (c *realCluster) signal(name string, s syscall.Signal) {
	c.t.Helper()
	if err := c.nodes[name].cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// kill ends a daemon as a crash does, and waits for that.
func (c *realCluster) kill(name string) {
	c.t.Helper()
	c.signal(name, syscall.SIGKILL)
	<-c.nodes[name].done
}

// left reports whether a daemon has ended.
func (c *realCluster) left(name string) bool {
	select {
	case <-c.nodes[name].done:
		return true
	default:
		return false
	}
}

// stop ends everything; the logs of daemons show where a test failed.
func (c *realCluster) stop() {
	for name, n := range c.nodes {
		if !c.left(name) {
			syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL)
			<-n.done
		}
		if c.t.Failed() {
			c.t.Logf("%s:\n%s", name, n.log)
		}
	}
}

// sheaf runs a command of a client.
func (c *realCluster) sheaf(args ...string) outcome {
	c.t.Helper()
	if c.run != nil {
		return c.run(args...)
	}
	return sheafEnv(c.t, map[string]string{"SHEAF_CLUSTER": c.address}, args...)
}

// until waits for a condition.
func (c *realCluster) until(what string, ok func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// input writes files of lines, each large enough for a task of its own.
func (c *realCluster) input(files ...string) string {
	c.t.Helper()
	dir, err := os.MkdirTemp(c.dir, "input")
	if err != nil {
		c.t.Fatal(err)
	}
	for i, lines := range files {
		text := strings.Repeat("pad "+strings.Repeat("-", 1<<10)+"\n", 1100) + lines + "\n"
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.txt", i)), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	return dir
}

// begin submits the acting job and returns its id and where its output goes.
func (c *realCluster) begin(input string) (job, output string) {
	c.t.Helper()
	output = filepath.Join(c.dir, "out"+filepath.Base(input))
	got := c.sheaf("submit", "-q", "-d", acts(c.t), "--input", input, "--output", output)
	got.want(c.t, exitOK)
	return strings.TrimSpace(got.stdout), output
}

// end waits for a job that ends well and returns its rows.
func (c *realCluster) end(job, output string) []string {
	c.t.Helper()
	c.sheaf("attach", job).want(c.t, exitOK)
	return rowsIn(c.t, output)
}

// rowsIn returns the lines of a job's output, sorted.
func rowsIn(t testing.TB, output string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(output, "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")...)
	}
	slices.Sort(rows)
	return rows
}

// touch makes a file, for which a job may be waiting.
func (c *realCluster) touch(path string) {
	c.t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// running counts the attempts that run on an executor.
func (c *realCluster) running(name string) int {
	for line := range strings.Lines(c.sheaf("nodes", "--json").stdout) {
		if strings.Contains(line, `"node":"`+name+`"`) && strings.Contains(line, `"running":1`) {
			return 1
		}
	}
	return 0
}

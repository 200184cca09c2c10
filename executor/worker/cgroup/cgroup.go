// Package cgroup makes control groups for processes (man 7 cgroups), in version
// 2 or 1, below the group that this process is in: bounds of memory and of the
// number of processes, and a way to end all that a process started. It needs the
// right to write there and fails where that is not given. The package owns no
// goroutine.
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// prefix begins the names of groups, before the id of the process that made
// them and a number.
const prefix = "sheaf-"

// Parent is where groups are made. It is safe for concurrent use.
type Parent struct {
	v2     string // directory of this process's group; empty for none
	memory string // the same in version 1's hierarchy of memory; empty for none
	pids   string // and of pids
	bounds bool   // v2 bounds memory and pids
}

// next numbers the groups of this process.
var next atomic.Int64

// Limits bound a group. Where a bound is 0 there is none.
type Limits struct {
	MemoryBytes int64
	Processes   int // with threads
}

// Group is a control group. Its methods are safe for concurrent use.
type Group struct {
	dirs   []string // one for each hierarchy
	memory string   // the one that bounds memory; empty for none
	pids   string   // the one that bounds processes; empty for none
	v2     bool
	fd     *os.File
}

// Find finds out whether groups can be made, by making one and removing it. It
// also removes the groups of processes that are no more, and ends what is in them.
func Find() (*Parent, error) {
	p := locate(readFile("/proc/self/mountinfo"), readFile("/proc/self/cgroup"))
	for _, dir := range p.dirs() {
		removeOrphans(dir)
	}
	g, err := p.New(Limits{MemoryBytes: 1 << 30, Processes: 100})
	if err != nil {
		return nil, err
	}
	p.bounds = p.v2 == "" || g.memory != ""
	return p, g.Remove()
}

// String says it for people: "cgroup v2 (memory, pids)".
func (p *Parent) String() string {
	switch {
	case p.v2 != "" && p.bounds:
		return "cgroup v2 (memory, pids)"
	case p.v2 != "":
		return "cgroup v2 (kill)"
	case p.memory != "" && p.pids != "":
		return "cgroup v1 (memory, pids)"
	case p.memory != "":
		return "cgroup v1 (memory)"
	}
	return "cgroup v1 (pids)"
}

func (p *Parent) dirs() []string {
	var dirs []string
	for _, dir := range []string{p.v2, p.memory, p.pids} {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// New makes a group. The caller calls Remove.
func (p *Parent) New(l Limits) (*Group, error) {
	if len(p.dirs()) == 0 {
		return nil, errors.New("no control groups are mounted that this process is in")
	}
	g := &Group{v2: p.v2 != ""}
	name := fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), next.Add(1))
	for _, parent := range p.dirs() {
		dir := filepath.Join(parent, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("make a control group: %w", err), g.Remove())
		}
		g.dirs = append(g.dirs, dir)
	}
	if err := g.bound(p, l); err != nil {
		return nil, errors.Join(fmt.Errorf("bound a control group: %w", err), g.Remove())
	}
	return g, nil
}

func (g *Group) bound(p *Parent, l Limits) (err error) {
	memory, pids := "memory.limit_in_bytes", "pids.max"
	memoryDir, pidsDir := "", ""
	switch {
	case g.v2:
		memory = "memory.max"
		g.fd, err = os.Open(g.dirs[0])
		if err != nil {
			return err
		}
		// The files are there when the controller is: systemd must delegate it.
		memoryDir, pidsDir = g.dirs[0], g.dirs[0]
	default:
		for _, dir := range g.dirs {
			switch filepath.Dir(dir) {
			case p.memory:
				memoryDir = dir
			case p.pids:
				pidsDir = dir
			}
		}
		if pidsDir == "" {
			pidsDir = memoryDir // one hierarchy may have both
		}
	}
	if l.MemoryBytes > 0 && exists(memoryDir, memory) {
		if err := write(memoryDir, memory, strconv.FormatInt(l.MemoryBytes, 10)); err != nil {
			return err
		}
		g.memory = memoryDir
		// Swap would let it grow beyond; where there is no such file there is none.
		if g.v2 && exists(memoryDir, "memory.swap.max") {
			err = write(memoryDir, "memory.swap.max", "0")
		} else if exists(memoryDir, "memory.memsw.limit_in_bytes") {
			err = write(memoryDir, "memory.memsw.limit_in_bytes", strconv.FormatInt(l.MemoryBytes, 10))
		}
		if err != nil {
			return err
		}
	}
	if l.Processes > 0 && exists(pidsDir, pids) {
		g.pids = pidsDir
		return write(pidsDir, pids, strconv.Itoa(l.Processes))
	}
	return nil
}

// FD returns a descriptor by which a process can begin in the group, where that
// is possible (version 2).
func (g *Group) FD() (int, bool) {
	if g.fd == nil {
		return 0, false
	}
	return int(g.fd.Fd()), true
}

// Add puts a process into the group.
func (g *Group) Add(pid int) error {
	if g.fd != nil {
		return nil // it began there
	}
	var errs []error
	for _, dir := range g.dirs {
		errs = append(errs, write(dir, "cgroup.procs", strconv.Itoa(pid)))
	}
	return errors.Join(errs...)
}

// LimitsMemory reports whether the group bounds memory.
func (g *Group) LimitsMemory() bool { return g.memory != "" }

// Peak returns the most memory that the group ever used; 0 if that is not known.
func (g *Group) Peak() int64 {
	name := "memory.max_usage_in_bytes"
	if g.v2 {
		name = "memory.peak" // since Linux 5.19
	}
	n, err := strconv.ParseInt(strings.TrimSpace(readFile(filepath.Join(g.memory, name))), 10, 64)
	if err != nil || g.memory == "" {
		return 0
	}
	return n
}

// OutOfMemory reports whether the system ended a process for the group's bound.
func (g *Group) OutOfMemory() bool {
	name := "memory.oom_control"
	if g.v2 {
		name = "memory.events"
	}
	return happened(g.memory, name, "oom_kill ")
}

// OutOfProcesses reports whether the system refused a process or a thread for
// the group's bound.
func (g *Group) OutOfProcesses() bool { return happened(g.pids, "pids.events", "max ") }

// happened reports whether a file counts an event at all.
func happened(dir, name, event string) bool {
	if dir == "" {
		return false
	}
	for line := range strings.Lines(readFile(filepath.Join(dir, name))) {
		if n, ok := strings.CutPrefix(line, event); ok {
			return strings.TrimSpace(n) != "0"
		}
	}
	return false
}

// Kill ends all processes in the group.
func (g *Group) Kill() {
	for _, dir := range g.dirs {
		if g.v2 && write(dir, "cgroup.kill", "1") == nil { // since Linux 5.14
			return
		}
		killAll(dir)
	}
}

// killAll ends the processes that are in a group by now.
func killAll(dir string) {
	for line := range strings.Lines(readFile(filepath.Join(dir, "cgroup.procs"))) {
		// 0 stands for a process that this one cannot see.
		if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && pid > 0 {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

const (
	// removeLimit bounds the wait for killed processes to go: what hangs in the
	// kernel can take for ever.
	removeLimit = 2 * time.Second
	removeEvery = 5 * time.Millisecond
)

// Remove ends all processes in the group and removes it.
func (g *Group) Remove() error {
	if g.fd != nil {
		g.fd.Close()
		g.fd = nil
	}
	var errs []error
	for _, dir := range g.dirs {
		errs = append(errs, remove(dir, time.Now().Add(removeLimit)))
	}
	return errors.Join(errs...)
}

// remove removes a group whose processes may fork while they are killed.
func remove(dir string, deadline time.Time) error {
	for {
		err := syscall.Rmdir(dir)
		if err == nil || errors.Is(err, syscall.ENOENT) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("remove control group %s: %w", dir, err)
		}
		write(dir, "cgroup.kill", "1")
		killAll(dir)
		<-time.After(removeEvery)
	}
}

// removeOrphans removes groups whose maker is no more.
func removeOrphans(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		rest, ok := strings.CutPrefix(entry.Name(), prefix)
		maker, _, dashed := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(maker)
		if !ok || !dashed || err != nil || pid <= 0 || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		remove(filepath.Join(parent, entry.Name()), time.Now().Add(removeLimit))
	}
}

func exists(dir, name string) bool {
	if dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func write(dir, name, text string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func readFile(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}

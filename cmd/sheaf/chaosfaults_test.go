package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// tally is what a chaos did and saw.
type tally struct {
	mu                         sync.Mutex
	faults                     map[string]int
	jobs, lost, doubled, wrong int
}

func (y *tally) fault(kind string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.faults == nil {
		y.faults = map[string]int{}
	}
	y.faults[kind]++
}

// job compares what a job wrote with what it should have.
func (y *tally) job(got, want []string) bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.jobs++
	if slices.Equal(got, want) {
		return true
	}
	left := map[string]int{}
	for _, row := range want {
		left[row]++
	}
	for _, row := range got {
		if _, ok := left[row]; !ok {
			y.wrong++
			continue
		}
		left[row]--
	}
	for _, n := range left {
		y.lost += max(n, 0)
		y.doubled += max(-n, 0)
	}
	if y.lost+y.doubled+y.wrong == 0 {
		y.wrong++ // the order
	}
	return false
}

func (y *tally) tell(t *testing.T) {
	y.mu.Lock()
	defer y.mu.Unlock()
	faults := 0
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(y.faults)) {
		faults += y.faults[kind]
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, y.faults[kind]))
	}
	t.Logf("%s", strings.Join(kinds, ", "))
	t.Logf("faults %d, jobs %d, rows lost %d, duplicated %d, wrong %d", faults, y.jobs, y.lost, y.doubled, y.wrong)
	if faults < 3 || y.jobs < 3 {
		t.Errorf("%d faults and %d jobs prove nothing", faults, y.jobs)
	}
}

// limitedDisk is the executor whose files lie on a disk of diskBytes.
const (
	limitedDisk = "c"
	diskBytes   = 256 << 20
)

// limitDisk gives an executor a small disk of its own, where the system permits.
func (x *chaos) limitDisk() {
	dir := filepath.Join(x.dir, limitedDisk)
	if err := os.Mkdir(dir, 0o700); err != nil {
		x.t.Fatal(err)
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskBytes)); err != nil {
		x.t.Logf("SKIPPED: a full disk: mounting a tmpfs needs root: %v", err)
		return
	}
	x.disk = dir
	x.t.Cleanup(func() {
		x.stop() // what is open there
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			x.t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// fill leaves no room on the limited disk for a while.
func (x *chaos) fill(string) {
	if x.disk == "" {
		return
	}
	path := filepath.Join(x.disk, "ballast")
	f, err := os.Create(path)
	if err != nil {
		x.t.Error(err)
		return
	}
	piece := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(piece)
	}
	f.Close()
	x.pause(4000)
	if err := os.Remove(path); err != nil {
		x.t.Error(err)
	}
}

// flip changes a byte of a file that an executor keeps for others: a map output
// or what will be one.
func (x *chaos) flip(name string) {
	var files []string
	filepath.WalkDir(filepath.Join(x.dir, name), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path, "sheaf-executor-") && strings.HasSuffix(path, ".output") {
			files = append(files, path)
		}
		return nil // what goes while it is looked at is gone
	})
	if len(files) == 0 {
		return
	}
	f, err := os.OpenFile(files[x.rnd.IntN(len(files))], os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return
	}
	var b [1]byte
	at := x.rnd.Int64N(info.Size())
	if _, err := f.ReadAt(b[:], at); err != nil {
		return
	}
	b[0] ^= 1 << x.rnd.IntN(8)
	if _, err := f.WriteAt(b[:], at); err == nil {
		x.tally.fault("flipped byte")
	}
}

// leaves tells an executor to leave, by a signal or through the coordinator, and
// starts it again.
func (x *chaos) leaves(name string) {
	if x.rnd.IntN(2) == 0 {
		x.signal(name, syscall.SIGTERM)
	} else if got := x.sheaf("drain", name, "--deadline", "5s"); got.code != exitOK {
		return // the coordinator is not there
	}
	select {
	case <-x.nodes[name].done:
		if state := x.nodes[name].cmd.ProcessState; !state.Success() {
			x.t.Errorf("executor %s was told to leave and ended by %v:\n%s", name, state, x.nodes[name].log)
		}
	case <-time.After(time.Duration(x.rnd.IntN(8000)) * time.Millisecond):
		x.kill(name)
	}
	x.executor(name)
}

// chaosFaults are what breaks does, each as often as it stands here.
var chaosFaults = []struct {
	name  string
	times int
	do    func(x *chaos, executor string)
}{
	{"killed executor", 3, func(x *chaos, name string) {
		x.kill(name)
		x.pause(1000)
		x.executor(name)
	}},
	{"killed coordinator", 2, func(x *chaos, _ string) {
		x.kill("coordinator")
		x.pause(1000)
		x.coordinator()
	}},
	{"stopped coordinator", 1, func(x *chaos, _ string) { x.stops("coordinator", 3000) }},
	{"stopped executor", 2, func(x *chaos, name string) { x.stops(name, 4000) }},
	{"stopped beyond its lease", 1, func(x *chaos, name string) {
		x.signal(name, syscall.SIGSTOP)
		x.wait(11 * time.Second)
		x.signal(name, syscall.SIGCONT)
	}},
	{"drain", 1, (*chaos).leaves},
	{"killed workers", 2, func(x *chaos, _ string) {
		for _, pid := range x.workers() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}},
	{"full disk", 1, (*chaos).fill},
	{"damage", 2, (*chaos).flip},
}

// breaks breaks something, and repairs it.
func (x *chaos) breaks() {
	name := x.executors[x.rnd.IntN(len(x.executors))]
	var all []int
	for i, f := range chaosFaults {
		all = append(all, slices.Repeat([]int{i}, f.times)...)
	}
	f := chaosFaults[all[x.rnd.IntN(len(all))]]
	x.t.Logf("%s: %s, %s", time.Now().Format("05.000"), f.name, name)
	if f.name != "damage" { // which finds nothing at times
		x.tally.fault(f.name)
	}
	f.do(x, name)
	for name, n := range x.nodes {
		select {
		case <-n.done:
			x.t.Errorf("%s ended by itself: %v\n%s", name, n.cmd.ProcessState, n.log)
		default:
		}
	}
}

func (x *chaos) stops(name string, limit int) {
	x.signal(name, syscall.SIGSTOP)
	x.pause(limit)
	x.signal(name, syscall.SIGCONT)
}

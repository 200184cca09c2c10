package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// chaosFault is what breaks something and repairs it. It reports whether there was
// something to break.
type chaosFault struct {
	name  string
	times int // how often it stands in the list that is drawn from
	do    func(x *chaos, executor, coordinator string) bool
}

// chaosProcesses are faults of processes.
var chaosProcesses = []chaosFault{
	{"killed executor", 3, func(x *chaos, executor, _ string) bool {
		x.kill(executor)
		x.pause(1000)
		x.begin[executor]()
		return true
	}},
	{"killed coordinator", 2, func(x *chaos, _, coordinator string) bool {
		x.kill(coordinator)
		x.pause(1000)
		x.begin[coordinator]()
		return true
	}},
	{"restarted coordinator", 1, func(x *chaos, _, coordinator string) bool {
		x.ends(coordinator, patience)
		x.begin[coordinator]()
		return true
	}},
	{"stopped coordinator", 1, func(x *chaos, _, coordinator string) bool { return x.stops(coordinator, 3000) }},
	{"stopped executor", 2, func(x *chaos, executor, _ string) bool { return x.stops(executor, 4000) }},
	{"stopped beyond its lease", 1, func(x *chaos, executor, _ string) bool {
		x.signal(executor, syscall.SIGSTOP)
		x.wait(stopped)
		x.signal(executor, syscall.SIGCONT)
		return true
	}},
	{"drain", 1, (*chaos).leaves},
	{"killed workers", 2, func(x *chaos, _, _ string) bool {
		pids := x.workers()
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		return len(pids) > 0
	}},
}

// chaosDisks are faults of disks.
var chaosDisks = []chaosFault{
	{"full disk", 1, (*chaos).fill},
	{"flipped byte", 3, (*chaos).flip},
}

// chaosConnections are those of connections that relays pass on.
var chaosConnections = []chaosFault{{"cut connection", 3, (*chaos).cuts}}

// chaosNetwork are those of hosts and what lies between them.
var chaosNetwork = []chaosFault{
	{"partition", 3, func(x *chaos, executor, _ string) bool { return x.away(executor) }},
	{"partition of the coordinator", 1, func(x *chaos, _, _ string) bool { return x.away("hub") }},
	{"one-way partition", 4, (*chaos).oneWay},
}

// breaks breaks something, and repairs it.
func (x *chaos) breaks() {
	executor, coordinator := x.executors[x.rnd.IntN(len(x.executors))], x.coordinators[x.rnd.IntN(len(x.coordinators))]
	var all []int
	for i, f := range x.faults {
		all = append(all, slices.Repeat([]int{i}, f.times)...)
	}
	f := x.faults[all[x.rnd.IntN(len(all))]]
	x.t.Logf("%s: %s, %s or %s", time.Now().Format("05.000"), f.name, executor, coordinator)
	if f.do(x, executor, coordinator) {
		x.own.fault(f.name)
	}
	for name, n := range x.nodes {
		select {
		case <-n.done:
			x.t.Errorf("%s ended by itself: %v\n%s", name, n.cmd.ProcessState, n.log)
		default:
		}
	}
}

func (x *chaos) stops(name string, limit int) bool {
	x.signal(name, syscall.SIGSTOP)
	x.pause(limit)
	x.signal(name, syscall.SIGCONT)
	return true
}

// ends tells a daemon to end and kills it after a while.
func (x *chaos) ends(name string, limit time.Duration) {
	x.signal(name, syscall.SIGTERM)
	x.awaits(name, limit)
}

// awaits waits for a daemon that was told to end, and kills it after a while.
func (x *chaos) awaits(name string, limit time.Duration) {
	select {
	case <-x.nodes[name].done:
		if state, log := x.nodes[name].cmd.ProcessState, x.nodes[name].log.String(); !state.Success() && !endedEarly(state, log) {
			x.t.Errorf("%s was told to end and ended by %v:\n%s", name, state, log)
		}
	case <-time.After(limit):
		x.kill(name)
	}
}

// endedEarly reports whether a daemon was told to end before it had started: it
// says that it was interrupted, or dies of the signal, which at first nothing in
// it catches.
func endedEarly(state *os.ProcessState, log string) bool {
	if strings.Contains(log, `msg="coordinator started"`) || strings.Contains(log, `msg="executor started"`) {
		return false
	}
	return state.ExitCode() == exitInterrupted || state.Sys().(syscall.WaitStatus).Signal() == syscall.SIGTERM
}

// leaves tells an executor to leave, by a signal or through the coordinator, and
// starts it again.
func (x *chaos) leaves(executor, _ string) bool {
	limit := time.Duration(x.rnd.IntN(8000)) * time.Millisecond
	if x.rnd.IntN(2) == 0 {
		x.ends(executor, limit)
	} else if got := x.admin("drain", executor, "--deadline", "5s"); got.code == exitOK {
		x.awaits(executor, limit)
	} else {
		return false // the coordinator is not there
	}
	x.begin[executor]()
	return true
}

// fill leaves no room on the limited disk for a while.
func (x *chaos) fill(_, _ string) bool {
	if x.disk == "" {
		return false
	}
	path := filepath.Join(x.disk, "ballast")
	f, err := os.Create(path)
	if err != nil {
		x.t.Error(err)
		return false
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
	return true
}

// flip changes a byte of a map output or a spill file of an executor, of another
// one where it has none.
func (x *chaos) flip(executor, _ string) bool {
	var files []string
	at := slices.Index(x.executors, executor)
	for i := range x.executors {
		files = x.spilled(x.executors[(at+i)%len(x.executors)])
		if len(files) > 0 {
			break
		}
	}
	if len(files) == 0 {
		return false
	}
	f, err := os.OpenFile(files[x.rnd.IntN(len(files))], os.O_RDWR, 0)
	if err != nil {
		return false // it has gone meanwhile
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	var b [1]byte
	offset := x.rnd.Int64N(info.Size())
	if _, err := f.ReadAt(b[:], offset); err != nil {
		return false
	}
	b[0] ^= 1 << x.rnd.IntN(8)
	_, err = f.WriteAt(b[:], offset)
	return err == nil
}

// spilled lists the files of rows that an executor and its workers hold.
func (x *chaos) spilled(executor string) []string {
	var files []string
	filepath.WalkDir(filepath.Join(x.dir, executor), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path, "sheaf-executor-") && slices.Contains([]string{".output", ".spill"}, filepath.Ext(path)) {
			files = append(files, path)
		}
		return nil // what goes while it is looked at is gone
	})
	return files
}

// cuts resets the connections of a daemon in the middle of what it is sent or
// sends, or after a while where that is little.
func (x *chaos) cuts(_, _ string) bool {
	r := x.relays[x.rnd.IntN(len(x.relays))]
	r.resetAfter(1 + x.rnd.IntN(64<<10))
	x.pause(2000)
	return !r.waiting() || r.reset() > 0
}

// away takes a host off the network for a while, beyond its lease at times.
func (x *chaos) away(host string) bool {
	x.net.cut(host)
	x.pauseShortened(14000)
	x.net.plug(host)
	return true
}

// oneWay loses what an executor sends to the port of another, for a while.
func (x *chaos) oneWay(from, _ string) bool {
	others := slices.DeleteFunc(slices.Clone(x.executors), func(name string) bool { return name == from })
	to := others[x.rnd.IntN(len(others))]
	x.net.lose(from, to)
	x.pauseShortened(10000)
	x.net.find(from, to)
	return true
}

// pauseShortened pauses for so many milliseconds at most, and for a fourth of the
// test: the short form would see two faults else. TestPartition and TestLongFaults
// see ways that are cut for longer.
func (x *chaos) pauseShortened(limit int) { x.pause(min(limit, int(chaosTime.Milliseconds()/4))) }

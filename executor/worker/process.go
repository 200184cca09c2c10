package worker

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/sheafdata/sheaf/executor/worker/cgroup"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// process is the child process with what belongs to it.
type process struct {
	config *Config
	cmd    *exec.Cmd
	conn   net.Conn // our end of the socket
	log    printed
	group  *cgroup.Group // nil for none
	pidNS  bool
	out    [len(Streams)]*output
	pumps  sync.WaitGroup
	exited chan struct{} // closed when the process has been waited for
	state  *os.ProcessState

	mu   sync.Mutex // guards what follows; held while a signal is sent
	over bool       // the id may be another process's
}

// drainLimit bounds the wait for output that something which outlived the
// process might still write.
const drainLimit = time.Second

// startProcess starts the program and everything that reads its output.
func startProcess(c *Config, log printed) (*process, error) {
	for _, dir := range []string{c.workDir(), c.tmpDir()} {
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
			return nil, fault.Wrap(fault.Resource, err)
		}
	}
	p := &process{config: c, log: log, exited: make(chan struct{})}
	theirs, err := p.open()
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	if err == nil {
		err = p.launch(theirs)
	}
	if err != nil {
		return nil, errors.Join(err, p.sweep(), p.closeAll())
	}
	for _, o := range p.out {
		p.pumps.Go(o.pump)
	}
	return p, nil
}

// open makes the socket and the pipes. It returns the child's ends: of the
// socket, of standard output and of standard error.
func (p *process) open() (theirs []*os.File, err error) {
	ours, child, err := socketPair()
	if err != nil {
		return nil, fault.Wrap(fault.Resource, fmt.Errorf("make a socket: %w", err))
	}
	theirs = append(theirs, child)
	p.conn, err = net.FileConn(ours)
	ours.Close() // FileConn has made a descriptor of its own
	if err != nil {
		return theirs, fault.Wrap(fault.Resource, fmt.Errorf("make a socket: %w", err))
	}
	for i := range p.out {
		r, w, err := os.Pipe()
		if err != nil {
			return theirs, fault.Wrap(fault.Resource, fmt.Errorf("make a pipe: %w", err))
		}
		theirs = append(theirs, w)
		p.out[i] = &output{log: p.log[i], pipe: r, keep: i == 1}
	}
	return theirs, nil
}

// launch starts the process under its limits.
func (p *process) launch(theirs []*os.File) error {
	p.group = p.config.Isolation.newGroup(p.config)
	cmd := exec.Command(p.config.Program)
	cmd.Env = p.config.environment()
	cmd.Dir = p.config.workDir()
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = theirs[:1], theirs[1], theirs[2]
	p.cmd = cmd
	p.pidNS = p.config.Isolation.PIDNamespace
	cmd.SysProcAttr = attributes(p.pidNS, p.group)
	started := make(chan error)
	go p.parent(started)
	if err := <-started; err != nil {
		kind := fault.Transient
		switch {
		case errors.Is(err, syscall.ENOEXEC), errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
			kind = fault.Invalid
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE):
			kind = fault.Resource
		}
		return fault.Wrap(kind, err)
	}
	return p.confine()
}

// confine puts the process, which waits for its start, under its limits.
func (p *process) confine() error {
	err := limit(p.pid(), p.config, p.group)
	if err == nil && p.group != nil {
		err = p.group.Add(p.pid())
	}
	select {
	case <-p.exited:
		return nil // what it printed says why
	default:
	}
	if err != nil {
		p.kill()
		<-p.exited
		return fault.Wrap(fault.Transient, fmt.Errorf("put the process under its limits: %w", err))
	}
	return nil
}

// parent starts the process and waits for it, on one thread: the system ends the
// process with the thread that started it, which must live as long as the daemon.
func (p *process) parent(started chan<- error) {
	runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.await()
	p.cmd.Wait() // the state says it all
	p.state = p.cmd.ProcessState
	p.mu.Lock()
	p.over = true
	p.mu.Unlock()
	close(p.exited)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal sends a signal to the process.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.cmd.Process.Signal(s)
	}
}

// kill ends the process with its session's first group, its namespace and its
// control group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	syscall.Kill(-p.pid(), syscall.SIGKILL)
	p.cmd.Process.Kill()
	if p.group != nil {
		p.group.Kill()
	}
}

// wait waits for the end of the process, ends what it left behind, and returns
// what is known of the end.
func (p *process) wait() exit {
	<-p.exited
	e := exit{state: p.state, peakBytes: peakRSS(p.state), byAddresses: boundsAddresses(p.group)}
	if p.group != nil {
		if peak := p.group.Peak(); peak > 0 {
			e.peakBytes = peak
		}
		e.outOfMem, e.outOfProcs = p.group.OutOfMemory(), p.group.OutOfProcesses()
	}
	if err := p.sweep(); err != nil {
		p.config.Log.Warn("what a worker started may still run", "job", p.config.Job.Job, "err", err)
	}
	p.drain()
	e.stderr = p.out[1].text()
	if err := p.closeAll(); err != nil {
		p.config.Log.Warn("the directory of a worker stays", "job", p.config.Job.Job, "err", err)
	}
	return e
}

// await waits until the process has ended and is a zombie, so that its id and
// that of its session still belong to it, and ends the rest of its process group.
func (p *process) await() {
	if !awaitZombie(p.pid()) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	syscall.Kill(-p.pid(), syscall.SIGKILL)
	p.over = true
}

// sweep ends what has left the session, where the control group still knows it.
func (p *process) sweep() error {
	if p.group == nil {
		return nil
	}
	return p.group.Remove()
}

// drain waits for the rest of the output.
func (p *process) drain() {
	done := make(chan struct{})
	go func() {
		p.pumps.Wait()
		close(done)
	}()
	timer := time.NewTimer(drainLimit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		for _, o := range p.out {
			o.pipe.SetReadDeadline(time.Now())
		}
		<-done
	}
}

// closeAll closes what is open and removes the directories.
func (p *process) closeAll() error {
	if p.conn != nil {
		p.conn.Close()
	}
	for _, o := range p.out {
		if o != nil {
			o.pipe.Close()
		}
	}
	return errors.Join(os.RemoveAll(p.config.workDir()), os.RemoveAll(p.config.tmpDir()))
}

// beginLog begins an attempt's part of the log behind all that is printed by now.
func (p *process) beginLog(id plan.AttemptID) { p.behindPrinted(id, p.log.begin) }

// finishLog ends an attempt's part of the log behind all that is printed by now.
func (p *process) finishLog(id plan.AttemptID) { p.behindPrinted(id, p.log.finish) }

func (p *process) behindPrinted(id plan.AttemptID, mark func(id plan.AttemptID, waiting [len(Streams)]int64)) {
	var waiting [len(Streams)]int64
	for i, o := range p.out {
		o.mu.Lock()
		defer o.mu.Unlock()
		waiting[i] = o.unread()
	}
	mark(id, waiting)
}

// socketPair returns two ends of a socket, neither of which other children inherit.
func socketPair() (ours, theirs *os.File, err error) {
	// As package os does where the system cannot set the flag by itself.
	syscall.ForkLock.RLock()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(pair[0])
		syscall.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(pair[0]), "worker"), os.NewFile(uintptr(pair[1]), "executor"), nil
}

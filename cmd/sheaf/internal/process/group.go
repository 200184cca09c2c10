// Package process runs some processes of one program side by side, shows what
// they say, and ends all of them together: sheaf dev's coordinator and executors.
// A Group owns a goroutine for each process, and one for what it prints; all have
// ended when End returns.
package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Group is some processes. Its methods are for one goroutine.
type Group struct {
	program string
	out     *lines
	members []*member
	ended   chan error
	tasks   sync.WaitGroup
}

// member is a process.
type member struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// maxMembers bounds what Ended holds.
const maxMembers = 1024

// NewGroup returns a group of processes of a program. What they print to standard
// error is shown at out, each line with the name of its process.
func NewGroup(program string, out io.Writer) *Group {
	return &Group{program: program, out: &lines{out: out}, ended: make(chan error, maxMembers)}
}

// Start starts a process. It ends with this one, however that ends.
func (g *Group) Start(name string, args ...string) error {
	if len(g.members) >= maxMembers {
		return fault.New(fault.Invalid, "%d processes run, which is the limit", len(g.members))
	}
	cmd := exec.Command(g.program, args...)
	// An interrupt from the terminal is for this process, which ends the others.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithParent(cmd.SysProcAttr)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	m := &member{name: name, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	g.tasks.Go(func() { g.run(m, pipe, started) })
	if err := <-started; err != nil {
		return fmt.Errorf("start the %s: %w", name, err)
	}
	g.members = append(g.members, m)
	return nil
}

// run starts a process and waits for it on one thread: the system ends it with
// the thread that started it.
func (g *Group) run(m *member, pipe io.Reader, started chan<- error) {
	defer close(m.done)
	unlock := lockThread()
	defer unlock()
	err := m.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	g.out.copy(m.name, pipe)
	g.ended <- fault.New(fault.Lost, "the %s has ended: %v", m.name, orText(m.cmd.Wait(), "exit status 0"))
}

func orText(err error, text string) error {
	if err == nil {
		return errors.New(text)
	}
	return err
}

// Ended delivers an error for each process that has ended.
func (g *Group) Ended() <-chan error { return g.ended }

// End ends all processes, the first that was started last, since the others need
// it: by SIGTERM, after a part of the grace by another one, and after all of it by
// force. It returns when they are gone.
func (g *Group) End(grace time.Duration) {
	if len(g.members) > 0 {
		end(g.members[1:], grace)
		end(g.members[:1], grace)
	}
	g.tasks.Wait()
}

func end(members []*member, grace time.Duration) {
	for i, stop := range []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM, syscall.SIGKILL} {
		for _, m := range members {
			if !m.gone() {
				m.cmd.Process.Signal(stop) // it may have ended meanwhile
			}
		}
		limit := time.After([]time.Duration{grace / 5, grace, grace}[i])
		if wait(members, limit) {
			return
		}
	}
}

// wait reports whether all are gone before the limit.
func wait(members []*member, limit <-chan time.Time) bool {
	for _, m := range members {
		select {
		case <-m.done:
		case <-limit:
			return false
		}
	}
	return true
}

func (m *member) gone() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// lines shows lines of several processes.
type lines struct {
	mu  sync.Mutex // held while a line is written
	out io.Writer
}

// maxLine bounds a line; the rest of a longer one comes as another.
const maxLine = 64 << 10

// copy shows what a process prints until it ends.
func (l *lines) copy(name string, from io.Reader) {
	in := bufio.NewReaderSize(from, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			l.mu.Lock()
			fmt.Fprintf(l.out, "%s: %s\n", name, strings.TrimRight(string(line), "\n"))
			l.mu.Unlock()
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

package main

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// TestAttachOverAReset: a machine that falls over, or a process with bytes that it
// has not read, ends connections by a reset. Who follows a job goes on after that.
func TestAttachOverAReset(t *testing.T) {
	s := submitting()
	s.hold = true
	address := s.serve(t, nil, nil)
	sheaf(t, "submit", "-d", "--cluster", address, wordcount(t)).want(t, exitOK)
	r := newResetter(t, address)
	ended := make(chan outcome, 1)
	go func() { ended <- sheaf(t, "attach", "3f2a", "--cluster", r.address) }()
	wait := func(what string) {
		t.Helper()
		select {
		case <-s.watched:
		case got := <-ended:
			t.Fatalf("it ended before %s: exit code %d\n%s", what, got.code, got.stderr)
		case <-time.After(patience):
			t.Fatalf("waited in vain for %s", what)
		}
	}
	wait("the job was watched")
	r.reset()
	wait("the job was watched again")
	sheaf(t, "cancel", "3f2a", "--cluster", address).want(t, exitOK)
	got := <-ended
	got.want(t, exitCanceled, "lost contact ("+r.address+": the connection broke)")
}

// resetter passes connections on, and ends them by a reset when it is told to.
type resetter struct {
	address string
	tasks   sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns []*net.TCPConn
}

func newResetter(t *testing.T, to string) *resetter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &resetter{address: l.Addr().String()}
	r.tasks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // it is closed
			}
			r.tasks.Go(func() { r.pass(conn.(*net.TCPConn), to) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.reset()
		r.tasks.Wait()
	})
	return r
}

// pass copies what either side sends until one ends.
func (r *resetter) pass(conn *net.TCPConn, to string) {
	defer conn.Close()
	other, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.conns = append(r.conns, conn)
	r.mu.Unlock()
	r.tasks.Go(func() {
		io.Copy(conn, other)
		conn.Close()
	})
	io.Copy(other, conn)
	other.Close()
}

func (r *resetter) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.conns {
		conn.SetLinger(0)
		conn.Close()
	}
	r.conns = nil
}

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

	mu    sync.Mutex // guards the fields below
	conns map[*net.TCPConn]bool
	left  int // bytes until the next reset; 0 for none
}

func newResetter(t testing.TB, to string) *resetter {
	t.Helper()
	return newResetterAt(t, "127.0.0.1:0", to)
}

// newResetterAt is newResetter at an address.
func newResetterAt(t testing.TB, address, to string) *resetter {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	r := &resetter{address: l.Addr().String(), conns: map[*net.TCPConn]bool{}}
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
	r.conns[conn] = true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.conns, conn)
	}()
	r.tasks.Go(func() {
		io.Copy(counted{conn, r}, other)
		conn.Close()
	})
	io.Copy(counted{other, r}, conn)
	other.Close()
}

// reset ends all connections and returns how many there were.
func (r *resetter) reset() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.conns)
	for conn := range r.conns {
		conn.SetLinger(0)
		conn.Close()
	}
	clear(r.conns)
	r.left = 0
	return n
}

// resetAfter resets when so many more bytes were passed on, in the middle of
// whatever they belong to.
func (r *resetter) resetAfter(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = bytes
}

// waiting reports whether a reset has not come yet.
func (r *resetter) waiting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left > 0
}

// counted counts what is written.
type counted struct {
	io.Writer
	of *resetter
}

// Write implements io.Writer.
func (c counted) Write(b []byte) (int, error) {
	c.of.mu.Lock()
	ends := c.of.left > 0 && c.of.left <= len(b)
	cut := len(b)
	if ends {
		cut = c.of.left
	} else if c.of.left > 0 {
		c.of.left -= len(b)
	}
	c.of.mu.Unlock()
	n, err := c.Writer.Write(b[:cut])
	if ends {
		c.of.reset()
		return n, net.ErrClosed
	}
	return n, err
}

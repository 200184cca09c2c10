package transfer

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/shuffle/store"
)

func TestBusyServerIsAskedAgain(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 1000)
	h := NewHandler(st, allow, HandlerOptions{})
	var n atomic.Int64
	busy := func(times int64) http.Handler {
		n.Store(0)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) <= times {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(503)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	c := newClient(t, serve(t, busy(4)), quick())
	if _, err := readAll(c, out); err != nil {
		t.Errorf("after four refusals: %v", err)
	}
	c = newClient(t, serve(t, busy(5)), quick())
	_, err := readAll(c, out)
	wantFailure(t, "five refusals", err, fault.Unreachable, Busy)
}

// cutter is a server that sends n bytes of each answer's body and then closes or
// stalls.
func cutter(t *testing.T, h http.Handler, n func(request int64) int, stall bool) (base string, ranges *[]string) {
	t.Helper()
	var requests atomic.Int64
	var mu sync.Mutex
	ranges = new([]string)
	base = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		*ranges = append(*ranges, r.Header.Get("Range"))
		mu.Unlock()
		limit := n(requests.Add(1))
		if limit < 0 {
			h.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(&cutWriter{w, limit, func() {
			http.NewResponseController(w).Flush()
			if stall {
				<-r.Context().Done()
			}
			panic(http.ErrAbortHandler)
		}}, r)
	}))
	return base, ranges
}

type cutWriter struct {
	http.ResponseWriter
	left int
	end  func()
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.ResponseWriter.Write(p[:n])
	c.left -= n
	if n < len(p) {
		c.end()
	}
	return n, nil
}

func TestBrokenConnectionIsResumed(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 1<<20)
	base, ranges := cutter(t, NewHandler(st, allow, HandlerOptions{}), func(n int64) int {
		return map[int64]int{1: 300_000, 2: 0, 3: 70_000, 4: 1}[n] - map[bool]int{true: 1}[n > 4]
	}, false)
	c := newClient(t, base, quick())
	o, err := c.Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	got := make([]byte, out.Bytes)
	if _, err := o.ReadAt(got, 0); err != nil {
		t.Fatal(err)
	}
	equal(t, "resumed", got, contents(t, st, out))
	if len(*ranges) != 5 {
		t.Fatalf("requests %v, want five", *ranges)
	}
	var before int64 = -1
	for i, header := range *ranges {
		text, _, _ := strings.Cut(strings.TrimPrefix(header, "bytes="), "-")
		from, err := strconv.ParseInt(text, 10, 64)
		if err != nil || from < before || i > 0 && i != 2 && from == 0 {
			t.Errorf("request %d asks for %s, the one before began at %d", i, header, before)
		}
		before = from
	}
	if before < 300_000 {
		t.Errorf("the last request begins at %d, want what was reached", before)
	}
}

func TestConnectionThatAlwaysBreaks(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 1<<20)
	for _, sent := range []int{0, 1, leastProgress / 2} {
		base, ranges := cutter(t, NewHandler(st, allow, HandlerOptions{}), func(int64) int { return sent }, false)
		_, err := readAll(newClient(t, base, quick()), out)
		wantFailure(t, fmt.Sprint(sent), err, fault.Unreachable, Unreachable)
		if len(*ranges) > 10 { // two windows are under way
			t.Errorf("%d requests", len(*ranges))
		}
	}
}

func TestStalledServer(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 1<<20)
	for _, sent := range []int{0, 1000} {
		base, _ := cutter(t, NewHandler(st, allow, HandlerOptions{}), func(int64) int { return sent }, true)
		o := quick()
		o.Timeout, o.Attempts = 50*time.Millisecond, 2
		_, err := readAll(newClient(t, base, o), out)
		wantFailure(t, fmt.Sprint(sent), err, fault.Unreachable, Unreachable)
		if !errors.Is(err, errStalled) {
			t.Errorf("error %v, want one that says that nothing came", err)
		}
	}
}

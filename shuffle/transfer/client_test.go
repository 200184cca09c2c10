package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// TestRemoteEqualsLocal reads random ranges of outputs, expected or not, from
// the store and through the network, with much memory and with little.
func TestRemoteEqualsLocal(t *testing.T) {
	st := openStore(t, store.Config{MemoryBytes: 100_000})
	var outs []plan.MapOutput
	for i, sizes := range [][]int{{}, {1}, {70_000}, {100, 5 << 20, 300_000, 0, 17}} {
		outs = append(outs, publish(t, st, outputID(i), sizes...))
	}
	base := serve(t, NewHandler(st, allow, HandlerOptions{}))
	for _, flight := range []int64{1, 200_000, 1 << 20, 48 << 20} {
		t.Run(fmt.Sprint(flight), func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			o := quick()
			o.FlightBytes = flight
			c := newClient(t, base, o)
			for _, out := range outs {
				equal(t, "whole", contents(t, c, out), contents(t, st, out))
				compareRanges(t, r, st, c, out)
			}
		})
	}
}

func compareRanges(t *testing.T, r *rand.Rand, st *store.Store, c *Client, out plan.MapOutput) {
	t.Helper()
	local, err := st.Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	far, err := c.Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if far.Size() != local.Size() {
		t.Errorf("Size() = %d, want %d", far.Size(), local.Size())
	}
	for range 40 {
		if r.IntN(4) == 0 {
			from := r.Int64N(out.Bytes + 1)
			far.(interface{ Expect(from, end int64) }).Expect(from, from+r.Int64N(out.Bytes-from+1))
		}
		at := r.Int64N(out.Bytes + 2)
		p, q := make([]byte, r.Int64N(min(out.Bytes, 1<<uint(r.IntN(22)))+3)), []byte(nil)
		q = make([]byte, len(p))
		n, err := far.ReadAt(p, at)
		m, want := local.ReadAt(q, at)
		if n != m || (err == nil) != (want == nil) && len(p) > 0 {
			t.Fatalf("ReadAt(%d bytes, %d) = %d, %v, want %d, %v", len(p), at, n, err, m, want)
		}
		equal(t, fmt.Sprintf("ReadAt(%d bytes, %d)", len(p), at), p[:n], q[:m])
	}
	if _, err := far.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
		t.Errorf("ReadAt at -1 = %v, want an error", err)
	}
	if _, err := store.ReadIndex(far, out.Digest); err != nil {
		t.Errorf("ReadIndex: %v", err)
	}
}

func TestReadersTogether(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 3<<20)
	want := contents(t, st, out)
	c := newClient(t, serve(t, NewHandler(st, allow, HandlerOptions{})), quick())
	o, err := c.Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	o.(interface{ Expect(from, end int64) }).Expect(0, o.Size())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			at := int64(i) * 300_000
			p := make([]byte, 200_000)
			if _, err := o.ReadAt(p, at); err != nil {
				t.Error(err)
			} else if string(p) != string(want[at:at+int64(len(p))]) {
				t.Errorf("reader %d sees other bytes", i)
			}
		})
	}
	wg.Wait()
}

func TestLocalOutputsAreOpenedByFile(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 1000)
	gone := out
	gone.ID = outputID(2)
	h := &counted{Handler: NewHandler(st, allow, HandlerOptions{})}
	o := quick()
	o.Self, o.Local = executor, st
	c := newClient(t, serve(t, h), o)
	equal(t, "local", contents(t, c, out), contents(t, st, out))
	if n := h.n.Load(); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
	_, err := readAll(c, gone)
	wantFailure(t, "an output that is not there", err, fault.Fetch, Missing)
}

func TestClientsErrors(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, store.Config{Dirs: []string{dir}})
	good, short := publish(t, st, outputID(1), 1000), publish(t, st, outputID(2), 1000)
	cut(t, dir, short.ID, 100)
	deleted := publish(t, st, outputID(3), 1000)
	if err := os.Remove(cut(t, dir, deleted.ID, -1)); err != nil {
		t.Fatal(err)
	}
	missing, stale, long, foreign := good, good, good, good
	missing.ID = outputID(9)
	stale.Digest = strings.Repeat("0", 32)
	long.Bytes += 1000
	foreign.ID.Attempt.Job[0]++
	base := serve(t, NewHandler(st, func(r *http.Request, id plan.JobID) error {
		if r.Header.Get("Authorization") != "Bearer "+id.Short() {
			return errors.New("no ticket")
		}
		return nil
	}, HandlerOptions{}))
	o := quick()
	o.Sign = func(r *http.Request, id plan.JobID) { r.Header.Set("Authorization", "Bearer "+job.Short()) }
	c := newClient(t, base, o)
	if _, err := readAll(c, good); err != nil {
		t.Errorf("a signed request: %v", err)
	}
	cases := []struct {
		name   string
		out    plan.MapOutput
		kind   fault.Kind
		reason Reason
	}{
		{"missing", missing, fault.Fetch, Missing},
		{"other digest", stale, fault.Fetch, Missing},
		{"file deleted", deleted, fault.Fetch, Missing},
		{"file cut off", short, fault.Corrupt, Damaged},
		{"longer than it is", long, fault.Fetch, Truncated},
		{"refused", foreign, fault.Fetch, Refused},
	}
	for _, k := range cases {
		_, err := readAll(c, k.out)
		wantFailure(t, k.name, err, k.kind, k.reason)
		if err == nil || !strings.Contains(err.Error(), k.out.ID.String()) {
			t.Errorf("%s: error %v does not name the output", k.name, err)
		}
	}
	beyond, err := c.Open(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	_, err = beyond.ReadAt(make([]byte, 10), good.Bytes+1)
	wantFailure(t, "beyond the end", err, fault.Fetch, Truncated)
	beyond.Close()
	stranger := good
	stranger.Executor = "executor-2"
	if _, err := readAll(c, stranger); err == nil || !strings.Contains(err.Error(), "no such executor") {
		t.Errorf("an executor without an address: %v", err)
	}
	for _, bad := range []plan.MapOutput{{ID: good.ID, Executor: executor, Bytes: 1}, {ID: good.ID, Executor: executor, Bytes: -1, Digest: good.Digest}} {
		if _, err := c.Open(t.Context(), bad); fault.KindOf(err) != fault.Internal {
			t.Errorf("Open(%+v) = %v, want kind internal", bad, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Open(ended, good); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a canceled context = %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c := newClient(t, "http://"+l.Addr().String(), quick())
	_, err = readAll(c, plan.MapOutput{ID: outputID(1), Executor: executor, Digest: strings.Repeat("0", 32), Bytes: 100})
	wantFailure(t, "nobody listens", err, fault.Fetch, Unreachable)
	if err == nil || !strings.Contains(err.Error(), "5 attempts") {
		t.Errorf("error %v does not say how often it was tried", err)
	}
}

func TestFlippedByteIsFoundByTheReader(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, store.Config{Dirs: []string{dir}})
	out := publish(t, st, outputID(1), 1000)
	name := cut(t, dir, out.ID, -1)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, serve(t, NewHandler(st, allow, HandlerOptions{})), quick())
	for at := 1000; at < len(b); at++ {
		b[at] ^= 0x10
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := c.Open(t.Context(), out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.ReadIndex(o, out.Digest); fault.KindOf(err) != fault.Corrupt {
			t.Errorf("byte %d: ReadIndex = %v, want kind corrupt", at, err)
		}
		o.Close()
		b[at] ^= 0x10
	}
}

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
	wantFailure(t, "five refusals", err, fault.Fetch, Busy)
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
		wantFailure(t, fmt.Sprint(sent), err, fault.Fetch, Unreachable)
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
		wantFailure(t, fmt.Sprint(sent), err, fault.Fetch, Unreachable)
		if !errors.Is(err, errStalled) {
			t.Errorf("error %v, want one that says that nothing came", err)
		}
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 8<<20)
	entered := make(chan struct{}, 10)
	base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	}))
	c := newClient(t, base, Options{}) // its waits are long
	o, err := c.Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	o.(interface{ Expect(from, end int64) }).Expect(0, o.Size())
	done := make(chan error)
	go func() {
		_, err := o.ReadAt(make([]byte, 10), 0)
		done <- err
	}()
	<-entered
	o.Close()
	if err := <-done; fault.KindOf(err) != fault.Canceled {
		t.Errorf("ReadAt = %v of kind %v, want canceled", err, fault.KindOf(err))
	}
}

// TestMaliciousServer answers with everything but what was asked for.
func TestMaliciousServer(t *testing.T) {
	out := plan.MapOutput{ID: outputID(1), Executor: executor, Digest: strings.Repeat("a", 32), Bytes: 1000}
	etag := "ETag: \"" + out.Digest + "\"\r\n"
	body := strings.Repeat("x", 1000)
	right := "HTTP/1.1 206 Partial Content\r\n" + etag + "Content-Range: bytes 0-999/1000\r\n"
	cases := []struct {
		name, answer string
		reason       Reason // empty: the answer is right
	}{
		{"right", right + "Content-Length: 1000\r\n\r\n" + body, ""},
		{"right, with more behind", right + "Content-Length: 1000\r\n\r\n" + body + "GARBAGE", ""},
		{"all", strings.Replace(right, "206", "200", 1) + "Content-Length: 1000\r\n\r\n" + body, Garbled},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", Garbled},
		{"redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", Garbled},
		{"shorter range", strings.Replace(right, "0-999", "0-99", 1) + "Content-Length: 100\r\n\r\n" + body[:100], Garbled},
		{"other range", strings.Replace(right, "0-999", "1-1000", 1) + "Content-Length: 1000\r\n\r\n" + body, Garbled},
		{"other size", strings.Replace(right, "/1000", "/999", 1) + "Content-Length: 1000\r\n\r\n" + body, Truncated},
		{"odd range", strings.Replace(right, "bytes 0-999/1000", "bytes */*", 1) + "Content-Length: 1000\r\n\r\n" + body, Garbled},
		{"other digest", strings.Replace(right, "aaaa", "bbbb", 1) + "Content-Length: 1000\r\n\r\n" + body, Garbled},
		{"no length", right + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + body + "\r\n0\r\n\r\n", Garbled},
		{"until the end", right + "Connection: close\r\n\r\n" + body, Garbled},
		{"huge length", right + "Content-Length: 9223372036854775807\r\n\r\n" + body, Garbled},
		{"negative length", right + "Content-Length: -1\r\n\r\n" + body, Unreachable},
		{"two lengths", right + "Content-Length: 1000\r\nContent-Length: 5\r\n\r\n" + body, Unreachable},
		{"shorter body, and again", right + "Content-Length: 1000\r\n\r\n" + body[:999], Garbled},
		{"compressed", right + "Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n" + body, Garbled},
		{"huge header", right + "X: " + strings.Repeat("x", 1<<20) + "\r\nContent-Length: 1000\r\n\r\n" + body, Unreachable},
		{"endless error", "HTTP/1.1 404 Not Found\r\n\r\n" + strings.Repeat("x", 1<<20), Missing},
		{"error that is no error", "HTTP/1.1 500 No\r\nContent-Length: 20\r\n\r\n{\"kind\":\"corrupted\"}", Unreachable},
		{"damaged", "HTTP/1.1 500 No\r\nContent-Length: 34\r\n\r\n{\"kind\":\"corrupt\",\"message\":\"bad\"}", Damaged},
		{"long wait", "HTTP/1.1 503 Busy\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n", Busy},
		{"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", Unreachable},
		{"nothing", "", Unreachable},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			o := quick()
			o.Attempts, o.Timeout = 2, time.Second
			_, err := readAll(newClient(t, answering(t, k.answer), o), out)
			if k.reason == "" {
				if err != nil {
					t.Errorf("read: %v", err)
				}
				return
			}
			kind := fault.Fetch
			if k.reason == Damaged {
				kind = fault.Corrupt
			}
			wantFailure(t, k.name, err, kind, k.reason)
		})
	}
}

// answering is a server that gives one answer to everything and hangs up.
func answering(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				io.Copy(io.Discard, r.Body)
				io.WriteString(c, answer)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

// TestFlightIsBounded reads many outputs at once: buffers stay within the limit,
// and requests within theirs.
func TestFlightIsBounded(t *testing.T) {
	st := openStore(t, store.Config{})
	var outs []plan.MapOutput
	for i := range 20 {
		outs = append(outs, publish(t, st, outputID(i), 1<<20))
	}
	var now, peak atomic.Int64
	h := NewHandler(st, allow, HandlerOptions{})
	base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
		}
		h.ServeHTTP(w, r)
		now.Add(-1)
	}))
	budget := memory.NewBudget(16 << 20)
	o := quick()
	o.Requests = 3
	c := newClient(t, base, o).Task(budget)
	if got := c.flight.Limit(); got != 2<<20 {
		t.Errorf("a task of 16 MiB may have %d bytes in flight, want 2 MiB", got)
	}
	var wg sync.WaitGroup
	for _, out := range outs {
		wg.Go(func() {
			if b, err := readAll(c, out); err != nil || int64(len(b)) != out.Bytes {
				t.Errorf("read %d bytes, %v", len(b), err)
			}
		})
	}
	wg.Wait()
	if n := peak.Load(); n > 3 {
		t.Errorf("%d requests at once, want at most 3", n)
	}
	if peak, used := budget.Peak(), budget.Used(); peak > 2<<20 || peak == 0 || used != 0 {
		t.Errorf("the budget had a peak of %d and holds %d, want at most 2 MiB and 0", peak, used)
	}
}

package transfer

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
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

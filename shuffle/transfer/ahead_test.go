package transfer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// segment returns a part function for one segment.
func segment(n int) func(store.Index) (int64, int64) {
	return func(ix store.Index) (int64, int64) {
		if n >= len(ix.Segments) {
			return 0, 0
		}
		return ix.Segments[n].Offset, ix.Segments[n].Offset + ix.Segments[n].StoredBytes
	}
}

// readSegments opens outputs in order and reads one segment of each.
func readSegments(ctx context.Context, open func(context.Context, plan.MapOutput) (store.Output, error), outs []plan.MapOutput, n int) ([]byte, error) {
	var all []byte
	for _, out := range outs {
		o, err := open(ctx, out)
		if err != nil {
			return nil, err
		}
		b, err := readSegment(o, out, n)
		o.Close()
		if err != nil {
			return nil, fmt.Errorf("%v: %w", out.ID, err)
		}
		all = append(all, b...)
	}
	return all, nil
}

func readSegment(o store.Output, out plan.MapOutput, n int) ([]byte, error) {
	ix, err := store.ReadIndex(o, out.Digest)
	if err != nil {
		return nil, err
	}
	from, end := segment(n)(ix)
	if e, ok := o.(interface{ Expect(from, end int64) }); ok {
		e.Expect(from, end)
	}
	b := make([]byte, end-from)
	for at := 0; at < len(b); at += 50_000 {
		if n, err := o.ReadAt(b[at:min(at+50_000, len(b))], from+int64(at)); n == 0 {
			return nil, err
		}
	}
	return b, nil
}

func TestAhead(t *testing.T) {
	st := openStore(t, store.Config{})
	var outs []plan.MapOutput
	for i := range 150 {
		sizes := []int{i * 10, 60_000 + i, 3}
		switch i {
		case 20:
			sizes[1] = 3 << 20 // too large for a piece
		case 21:
			sizes = make([]int, 2000) // its index is larger than a tail
		case 22:
			sizes = nil
		}
		outs = append(outs, publish(t, st, outputID(i), sizes...))
	}
	outs = append(outs, outs[149], outs[5]) // a second time
	h := &counted{Handler: NewHandler(st, allow, HandlerOptions{})}
	base := serve(t, h)
	for _, flight := range []int64{1, 1 << 20, 48 << 20} {
		for n := range 3 {
			want, err := readSegments(t.Context(), st.Open, outs, n)
			if err != nil {
				t.Fatal(err)
			}
			o := quick()
			o.FlightBytes = flight
			c := newClient(t, base, o)
			h.n.Store(0)
			open, stop := c.Ahead(t.Context(), outs, segment(n))
			got, err := readSegments(t.Context(), open, outs, n)
			stop()
			if err != nil {
				t.Fatalf("%d bytes in flight, segment %d: %v", flight, n, err)
			}
			equal(t, fmt.Sprintf("%d bytes in flight, segment %d", flight, n), got, want)
			t.Logf("%d bytes in flight, segment %d: %d requests for %d outputs", flight, n, h.n.Load(), len(outs))
			if requests := h.n.Load(); flight == 48<<20 && requests > 30 {
				t.Errorf("segment %d: %d requests for %d outputs, want a fraction", n, requests, len(outs))
			}
		}
	}
}

// TestAheadThatFails lets every request for pieces fail, or some outputs: what is
// not there is fetched alone, and its error is that of a fetch.
func TestAheadThatFails(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, store.Config{Dirs: []string{dir}})
	var outs []plan.MapOutput
	for i := range 30 {
		outs = append(outs, publish(t, st, outputID(i), 10, 50_000))
	}
	want, err := readSegments(t.Context(), st.Open, outs, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := NewHandler(st, allow, HandlerOptions{})
	var posts atomic.Int64
	for _, behave := range []func(w http.ResponseWriter, r *http.Request){
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
		func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) },
		func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "not at all a frame") },
		func(w http.ResponseWriter, r *http.Request) { w.Write(appendFrame(nil, 200, 1<<40)) },
		func(w http.ResponseWriter, r *http.Request) { // the second answer breaks off
			if posts.Add(1)%2 == 0 {
				w = &cutWriter{w, 70_000, func() { panic(http.ErrAbortHandler) }}
			}
			h.ServeHTTP(w, r)
		},
	} {
		base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				behave(w, r)
				return
			}
			h.ServeHTTP(w, r)
		}))
		c := newClient(t, base, quick())
		open, stop := c.Ahead(t.Context(), outs, segment(1))
		got, err := readSegments(t.Context(), open, outs, 1)
		stop()
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "without pieces", got, want)
	}
	if err := os.Remove(cut(t, dir, outs[12].ID, -1)); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, serve(t, h), quick())
	open, stop := c.Ahead(t.Context(), outs, segment(1))
	defer stop()
	_, err = readSegments(t.Context(), open, outs, 1)
	wantFailure(t, "a missing output", err, fault.Fetch, Missing)
}

func TestAheadIsStopped(t *testing.T) {
	entered := make(chan struct{}, 10)
	c := newClient(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // or the server does not see that the client leaves
		entered <- struct{}{}
		<-r.Context().Done()
	})), Options{})
	st := openStore(t, store.Config{})
	outs := []plan.MapOutput{publish(t, st, outputID(1), 100)}
	open, stop := c.Ahead(t.Context(), outs, segment(0))
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(ctx, outs[0]); fault.KindOf(err) != fault.Canceled {
		t.Errorf("open with a canceled context = %v", err)
	}
	stop()
	stop()
}

// TestAheadOfLocalOutputs mixes outputs of this machine with others.
func TestAheadOfLocalOutputs(t *testing.T) {
	near, far := openStore(t, store.Config{}), openStore(t, store.Config{})
	var outs []plan.MapOutput
	var want []byte
	for i := range 20 {
		st := []*store.Store{near, far}[i%2]
		out := publish(t, st, outputID(i), 10, 40_000)
		if i%2 == 0 {
			out.Executor = "self"
		}
		b, err := readSegments(t.Context(), st.Open, []plan.MapOutput{out}, 1)
		if err != nil {
			t.Fatal(err)
		}
		outs, want = append(outs, out), append(want, b...)
	}
	o := quick()
	o.Self, o.Local = "self", near
	c := newClient(t, serve(t, NewHandler(far, allow, HandlerOptions{})), o)
	open, stop := c.Ahead(t.Context(), outs, segment(1))
	defer stop()
	got, err := readSegments(t.Context(), open, outs, 1)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "mixed", got, want)
}

package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const executor = plan.ExecutorID("executor-1")

var job = plan.JobID{0xab, 1}

func outputID(index int) plan.OutputID {
	return plan.OutputID{Attempt: plan.AttemptID{Job: job, Task: plan.TaskID{Stage: 1, Index: index}, Epoch: 3, Number: 2}, Exchange: 4}
}

func allow(*http.Request, plan.JobID) error { return nil }

func openStore(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	if cfg.Dirs == nil {
		cfg.Dirs = []string{t.TempDir()}
	}
	st, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return st
}

// publish makes a map output of segments of random bytes, a bucket each.
func publish(t testing.TB, st *store.Store, id plan.OutputID, sizes ...int) plan.MapOutput {
	t.Helper()
	w, err := st.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	r := rand.New(rand.NewPCG(uint64(id.Attempt.Task.Index), uint64(len(sizes))))
	var ix store.Index
	for i, size := range sizes {
		b := make([]byte, size)
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		ix.Segments = append(ix.Segments, store.Segment{Bucket: uint32(i), Offset: w.Offset(), StoredBytes: int64(size), RawBytes: int64(size), Rows: 1, Sum: r.Uint64()})
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	digest, n, err := w.Publish(ix)
	if err != nil {
		t.Fatal(err)
	}
	return plan.MapOutput{ID: id, Executor: executor, Digest: digest, Bytes: n}
}

// serve serves a handler on loopback until the test ends.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(h, nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(Limit(l, 100, 100)); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() {
		server.Close()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

// quick are options with short waits.
func quick() Options {
	return Options{Timeout: 5 * time.Second, Backoff: time.Millisecond}
}

func newClient(t testing.TB, base string, o Options) *Client {
	t.Helper()
	c := NewClient(func(id plan.ExecutorID) (string, error) {
		if id != executor {
			return "", errors.New("no such executor")
		}
		return base, nil
	}, o)
	t.Cleanup(func() {
		c.Close()
		if used := c.flight.Used(); used != 0 {
			t.Errorf("%d bytes are still in flight at the end: %v", used, c.flight.Holders())
		}
		if n := c.open.Load(); n != 0 {
			t.Errorf("%d outputs still read ahead at the end", n)
		}
		if peak, limit := c.flight.Peak(), c.flight.Limit(); peak > limit {
			t.Errorf("%d bytes were in flight, the limit is %d", peak, limit)
		}
	})
	return c
}

// contents reads an output whole.
func contents(t testing.TB, src Outputs, out plan.MapOutput) []byte {
	t.Helper()
	b, err := readAll(src, out)
	if err != nil {
		t.Fatalf("read %v: %v", out.ID, err)
	}
	return b
}

func readAll(src Outputs, out plan.MapOutput) ([]byte, error) {
	o, err := src.Open(context.Background(), out)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if e, ok := o.(interface{ Expect(from, end int64) }); ok {
		e.Expect(0, o.Size())
	}
	return io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
}

// wantFailure checks kind and reason of an error.
func wantFailure(t testing.TB, what string, err error, kind fault.Kind, reason Reason) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if fault.KindOf(err) != kind || !ok || e.Reason != reason || e.Executor != executor {
		t.Errorf("%s: error %v of kind %v, %#v, want kind %v, reason %q at %q", what, err, fault.KindOf(err), e, kind, reason, executor)
	}
}

// counted counts requests.
type counted struct {
	http.Handler
	n atomic.Int64
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.n.Add(1)
	c.Handler.ServeHTTP(w, r)
}

func equal(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes differ from the %d wanted", what, len(got), len(want))
	}
}

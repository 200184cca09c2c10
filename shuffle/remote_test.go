package shuffle

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
	"github.com/sheafdata/sheaf/shuffle/transfer"
)

// remoteSource serves a place's store over the network and reads it through that.
func remoteSource(t testing.TB, st *store.Store, budgetBytes int64) *transfer.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := transfer.NewServer(transfer.NewHandler(st, func(*http.Request, plan.JobID) error { return nil }, transfer.HandlerOptions{}), nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	c := transfer.NewClient(func(plan.ExecutorID) (string, error) { return "http://" + l.Addr().String(), nil },
		transfer.Options{FlightBytes: budgetBytes, Backoff: time.Millisecond})
	t.Cleanup(func() {
		c.Close()
		server.Close()
		wg.Wait()
	})
	return c
}

// TestRemoteShuffleEqualsLocal writes many outputs of both kinds and reads every
// partition from the store and through the network.
func TestRemoteShuffleEqualsLocal(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 9))
			kind := pick(r, kindNames()...)
			buckets := pick(r, 1, 3, 16, 300)
			p := newPlace(t, 64<<20, pick(r, int64(0), 1<<20), pick(r, block.None, block.S2))
			client := remoteSource(t, p.store, pick(r, int64(1), 500_000, 48<<20))
			typ := typeOf[item](t)
			var id int64
			var hashed, sorted []plan.MapOutput
			for range 1 + r.IntN(12) {
				n := r.IntN(pick(r, 10, 3000))
				w := NewHashWriter[item](p.env(), 3, buckets, typ)
				writeAll(t, r, w, randomRows(r, kind, n, 100, &id))
				hashed = append(hashed, finish(t, w))
				s := NewSortWriter[item](p.env(), 4, typ)
				writeAll(t, r, s, randomRows(r, kind, n, 400, &id))
				sorted = append(sorted, finish(t, s))
			}
			cuts := cutsOf(r, buckets)
			for i := range cuts[1:] {
				part := &plan.Partition{FirstBucket: cuts[i], EndBucket: cuts[i+1], Outputs: hashed}
				want, _ := readHash(t, p.env(), part)
				p.source = client
				got, _ := readHash(t, p.env(), part)
				p.source = nil
				compare(t, fmt.Sprintf("buckets [%d, %d)", cuts[i], cuts[i+1]), got, want)
			}
			part := &plan.Partition{Outputs: sorted, FromKey: []byte("c"), ToKey: pick(r, nil, []byte("key 000500000"))}
			want := readSortedAll(t, p.env(), part)
			p.source = client
			compare(t, "sorted", readSortedAll(t, p.env(), part), want)
		})
	}
}

func readSortedAll(t testing.TB, env *Env, p *plan.Partition) []keyed {
	t.Helper()
	var got []keyed
	err := ReadSorted(t.Context(), env, p, typeOf[item](t), new(Count), func(m *Merge[item]) error {
		for m.Next() {
			got = append(got, keyed{bytes.Clone(m.Key()), *m.Row()})
		}
		return m.Err()
	})
	if err != nil {
		t.Fatalf("ReadSorted: %v", err)
	}
	return got
}

// TestRemoteDamage flips bytes of files that are served: readers find it by
// checksums, name the output and give no other rows.
func TestRemoteDamage(t *testing.T) {
	p := newPlace(t, 1<<20, 0, block.S2)
	client := remoteSource(t, p.store, 0)
	typ := typeOf[item](t)
	for name, out := range smallOutputs(t, p) {
		files, err := filepath.Glob(filepath.Join(p.store.Dirs()[0], out.ID.String()+".output"))
		if err != nil || len(files) != 1 {
			t.Fatalf("the file of %v: %v, %v", out.ID, files, err)
		}
		whole := contents(t, p, out)
		env := p.env()
		env.Source = client
		for at := range whole {
			damaged := bytes.Clone(whole)
			damaged[at] ^= 1 << (at % 8)
			if err := os.WriteFile(files[0], damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := readers[name](t.Context(), env, out, typ)
			if err == nil {
				t.Fatalf("%s: byte %d is another: no error", name, at)
			}
			wantUnreadable(t, name, err, out, fault.Corrupt)
		}
		if err := os.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
		_, err = readers[name](t.Context(), env, out, typ)
		wantUnreadable(t, name, err, out, fault.Fetch)
		if e, ok := errors.AsType[*transfer.Error](err); !ok || e.Reason != transfer.Missing {
			t.Errorf("%s: error %v, want one with the reason missing", name, err)
		}
	}
}

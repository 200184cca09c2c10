package shuffle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// bytesSource serves map outputs from memory, as a test damaged them.
type bytesSource map[plan.OutputID][]byte

func (s bytesSource) Open(_ context.Context, out plan.MapOutput) (store.Output, error) {
	b, ok := s[out.ID]
	if !ok {
		return nil, errors.New("connection refused")
	}
	return bytesOutput{bytes.NewReader(b)}, nil
}

type bytesOutput struct{ *bytes.Reader }

func (bytesOutput) Close() error { return nil }

// contents reads a published output whole.
func contents(t testing.TB, p *place, out plan.MapOutput) []byte {
	t.Helper()
	f, err := p.store.Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readers reads a whole output by either reader.
var readers = map[string]func(ctx context.Context, env *Env, out plan.MapOutput, typ *column.Type) ([]keyed, error){
	"hash": func(ctx context.Context, env *Env, out plan.MapOutput, typ *column.Type) ([]keyed, error) {
		var got []keyed
		p := &plan.Partition{EndBucket: 4, Outputs: []plan.MapOutput{out}}
		err := ReadHash(ctx, env, p, typ, new(Count), func(keys *column.Keys, rows []item) error {
			for i, row := range rows {
				got = append(got, keyed{bytes.Clone(keys.At(i)), row})
			}
			return nil
		})
		return got, err
	},
	"sorted": func(ctx context.Context, env *Env, out plan.MapOutput, typ *column.Type) ([]keyed, error) {
		var got []keyed
		p := &plan.Partition{Outputs: []plan.MapOutput{out}}
		err := ReadSorted(ctx, env, p, typ, new(Count), func(m *Merge[item]) error {
			for m.Next() && m.LoadKey() && m.Load() {
				got = append(got, keyed{bytes.Clone(m.Key()), *m.Row()})
			}
			return m.Err()
		})
		return got, err
	},
}

// smallOutputs are a hash and a sorted output of few rows.
func smallOutputs(t testing.TB, p *place) map[string]plan.MapOutput {
	r := rand.New(rand.NewPCG(7, 7))
	var id int64
	typ := typeOf[item](t)
	writers := map[string]rowWriter{"hash": NewHashWriter[item](p.env(), 0, 4, typ), "sorted": NewSortWriter[item](p.env(), 0, typ)}
	outs := map[string]plan.MapOutput{}
	for name, w := range writers {
		writeAll(t, r, w, randomRows(r, "few", 5, 12, &id))
		outs[name] = finish(t, w)
	}
	return outs
}

func wantUnreadable(t testing.TB, what string, err error, out plan.MapOutput, kinds ...fault.Kind) {
	t.Helper()
	ok := false
	for _, k := range kinds {
		ok = ok || fault.KindOf(err) == k
	}
	if !ok {
		t.Fatalf("%s: error %v of kind %v, want one of %v", what, err, fault.KindOf(err), kinds)
	}
	if ids := Unreadable(err); len(ids) != 1 || ids[0] != out.ID {
		t.Fatalf("%s: Unreadable(%v) = %v, want %v", what, err, ids, out.ID)
	}
}

// TestDamage flips every bit and cuts at every byte of an output: a reader
// must report it, naming the output, and must never give other rows.
func TestDamage(t *testing.T) {
	for _, codec := range []block.Codec{block.None, block.S2, block.Zstd1} {
		t.Run(codec.String(), func(t *testing.T) {
			p := newPlace(t, 1<<20, 0, codec)
			typ := typeOf[item](t)
			for name, out := range smallOutputs(t, p) {
				whole := contents(t, p, out)
				env := p.env()
				for bit := range 8 * len(whole) {
					damaged := bytes.Clone(whole)
					damaged[bit/8] ^= 1 << (bit % 8)
					env.Source = bytesSource{out.ID: damaged}
					_, err := readers[name](t.Context(), env, out, typ)
					if err == nil {
						t.Fatalf("%s: bit %d flipped: no error", name, bit)
					}
					wantUnreadable(t, name, err, out, fault.Corrupt, fault.Fetch)
				}
				for n := range len(whole) {
					env.Source = bytesSource{out.ID: whole[:n]}
					_, err := readers[name](t.Context(), env, out, typ)
					wantUnreadable(t, name, err, out, fault.Corrupt, fault.Fetch)
				}
			}
		})
	}
}

func TestMissingOutput(t *testing.T) {
	p := newPlace(t, 1<<20, 0, block.S2)
	outs := smallOutputs(t, p)
	for name, read := range readers {
		for what, source := range map[string]Source{"dropped": p.store, "unreachable": bytesSource{}} {
			t.Run(name+" "+what, func(t *testing.T) {
				out := outs[name]
				if err := p.store.DropAttempt(out.ID.Attempt); err != nil {
					t.Fatal(err)
				}
				env := p.env()
				env.Source = source
				_, err := read(t.Context(), env, out, typeOf[item](t))
				wantUnreadable(t, what, err, out, fault.Fetch)
			})
		}
	}
}

func TestOtherDigest(t *testing.T) {
	p := newPlace(t, 1<<20, 0, block.S2)
	for name, out := range smallOutputs(t, p) {
		t.Run(name, func(t *testing.T) {
			env := p.env()
			env.Source = bytesSource{out.ID: contents(t, p, out)}
			out.Digest = "00" + out.Digest[2:]
			_, err := readers[name](t.Context(), env, out, typeOf[item](t))
			wantUnreadable(t, name, err, out, fault.Corrupt, fault.Fetch)
		})
	}
}

// TestErrorOfUse checks that what the consumer returns is not taken for damage.
func TestErrorOfUse(t *testing.T) {
	p := newPlace(t, 1<<20, 0, block.S2)
	out := smallOutputs(t, p)["hash"]
	mine := errors.New("mine")
	err := ReadHash(t.Context(), p.env(), &plan.Partition{EndBucket: 4, Outputs: []plan.MapOutput{out}}, typeOf[item](t), new(Count),
		func(*column.Keys, []item) error { return mine })
	if err != mine {
		t.Errorf("ReadHash = %v, want %v", err, mine)
	}
	if ids := Unreadable(err); ids != nil {
		t.Errorf("Unreadable(%v) = %v, want none", err, ids)
	}
}

func TestCanceled(t *testing.T) {
	p := newPlace(t, 256<<10, 0, block.S2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, out := range smallOutputs(t, p) {
		t.Run("read "+name, func(t *testing.T) {
			_, err := readers[name](ctx, p.env(), out, typeOf[item](t))
			if name == "hash" && fault.KindOf(err) != fault.Canceled {
				t.Errorf("read = %v, want kind Canceled", err)
			}
			if err != nil && (fault.KindOf(err) != fault.Canceled || Unreadable(err) != nil) {
				t.Errorf("read = %v of kind %v, naming %v, want kind Canceled", err, fault.KindOf(err), Unreadable(err))
			}
		})
	}
	r := rand.New(rand.NewPCG(2, 2))
	var id int64
	typ := typeOf[item](t)
	for name, w := range map[string]rowWriter{"hash": NewHashWriter[item](p.env(), 0, 9, typ), "sorted": NewSortWriter[item](p.env(), 0, typ)} {
		t.Run("finish "+name, func(t *testing.T) {
			writeAll(t, r, w, randomRows(r, "random", 6000, 200, &id))
			if _, err := w.Finish(ctx); fault.KindOf(err) != fault.Canceled {
				t.Errorf("Finish = %v, want kind Canceled", err)
			}
		})
	}
}

// TestAbort checks that a writer given up in the middle leaves nothing, and
// that Abort may follow a Finish.
func TestAbort(t *testing.T) {
	p := newPlace(t, 10<<10, 0, block.S2)
	r := rand.New(rand.NewPCG(3, 3))
	var id int64
	typ := typeOf[item](t)
	for name, w := range map[string]rowWriter{"hash": NewHashWriter[item](p.env(), 0, 9, typ), "sorted": NewSortWriter[item](p.env(), 0, typ)} {
		t.Run(name, func(t *testing.T) {
			writeAll(t, r, w, randomRows(r, "random", 2000, 100, &id))
			w.Abort()
			w.Abort()
			if inMemory, onDisk := p.store.Usage(); inMemory+onDisk != 0 {
				t.Errorf("Usage() = %d, %d after Abort, want nothing", inMemory, onDisk)
			}
		})
	}
}

// TestStoreDropped ends writers whose attempt was dropped under them.
func TestStoreDropped(t *testing.T) {
	p := newPlace(t, 0, 0, block.S2)
	r := rand.New(rand.NewPCG(3, 3))
	var id int64
	env := p.env()
	w := NewSortWriter[item](env, 0, typeOf[item](t))
	defer w.Abort()
	writeAll(t, r, w, randomRows(r, "random", 2000, 100, &id))
	if err := p.store.DropAttempt(env.Attempt); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(t.Context()); fault.KindOf(err) != fault.Canceled {
		t.Errorf("Finish = %v of kind %v, want kind Canceled", err, fault.KindOf(err))
	}
}

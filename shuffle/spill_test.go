package shuffle

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// spiller is something that spills: what it reads back may be damaged between.
type spiller interface {
	write(keys *column.Keys, rows []item) error
	spill() error
	// readBack gives every row that was written; what it spilled is read then.
	readBack(ctx context.Context) ([]item, error)
	close()
}

// spillers make everything that spills, in an environment.
var spillers = map[string]func(env *Env, typ *column.Type) spiller{
	"sort writer": func(env *Env, typ *column.Type) spiller {
		return &sortSpiller{env: env, w: NewSortWriter[item](env, 0, typ)}
	},
	"hash writer": func(env *Env, typ *column.Type) spiller {
		return &hashSpiller{env: env, w: NewHashWriter[item](env, 0, 2, typ)}
	},
	"parts": func(env *Env, typ *column.Type) spiller {
		return &partsSpiller{NewParts[item](env, 1, typ)}
	},
}

type sortSpiller struct {
	env *Env
	w   *SortWriter[item]
}

func (s *sortSpiller) write(keys *column.Keys, rows []item) error {
	return s.w.Write(keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
}

func (s *sortSpiller) spill() error { return s.w.spill() }

func (s *sortSpiller) readBack(ctx context.Context) (rows []item, err error) {
	out, err := s.w.Finish(ctx)
	if err != nil {
		return nil, err
	}
	err = ReadSorted(ctx, s.env, &plan.Partition{Outputs: []plan.MapOutput{out}}, s.w.typ, new(Count), func(m *Merge[item]) error {
		for m.Next() && m.LoadKey() && m.Load() {
			rows = append(rows, *m.Row())
		}
		return m.Err()
	})
	return rows, err
}

func (s *sortSpiller) close() { s.w.Abort() }

type hashSpiller struct {
	env *Env
	w   *HashWriter[item]
}

func (s *hashSpiller) write(keys *column.Keys, rows []item) error {
	return s.w.Write(keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
}

func (s *hashSpiller) spill() error { return s.w.b.spill() }

func (s *hashSpiller) readBack(ctx context.Context) (rows []item, err error) {
	out, err := s.w.Finish(ctx)
	if err != nil {
		return nil, err
	}
	p := &plan.Partition{EndBucket: 2, Outputs: []plan.MapOutput{out}}
	err = ReadHash(ctx, s.env, p, s.w.b.buf.typ, new(Count), func(_ *column.Keys, some []item) error {
		rows = append(rows, some...)
		return nil
	})
	return rows, err
}

func (s *hashSpiller) close() { s.w.Abort() }

type partsSpiller struct{ p *Parts[item] }

func (s *partsSpiller) write(keys *column.Keys, rows []item) error { return s.p.Write(keys, rows) }

func (s *partsSpiller) spill() error { return s.p.b.spill() }

func (s *partsSpiller) readBack(ctx context.Context) (rows []item, err error) {
	if err := s.p.Finish(); err != nil {
		return nil, err
	}
	for part := range PartsPerLevel {
		err := s.p.Read(ctx, part, func(_ *column.Keys, some []item) error {
			rows = append(rows, some...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (s *partsSpiller) close() { s.p.Close() }

// spilled is a spiller of a few rows in two runs, and its file.
type spilled struct {
	spiller
	store *store.Store
	path  string
}

// spillTwice spills few rows with their numbers from 0 in two runs.
func spillTwice(t testing.TB, name string, codec block.Codec, dir string) spilled {
	t.Helper()
	st, err := store.Open(store.Config{Dirs: []string{dir}, MemoryBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{
		Attempt: plan.AttemptID{Job: plan.JobID{1}, Number: 1}, Store: st, Source: st, Codec: codec,
		Budget: memory.NewBudget(1 << 20), Spilled: new(atomic.Int64),
	}
	s := spilled{spiller: spillers[name](env, typeOf[item](t)), store: st}
	for run := range 2 {
		var keys column.Keys
		rows := make([]item, spillRows/2)
		for i := range rows {
			id := int64(run*len(rows) + i)
			keys.Add(fmt.Appendf(nil, "%c", 'a'+id*5%7))
			rows[i] = item{ID: id, Text: strings.Repeat("so long ", 6)}
		}
		if err := s.write(&keys, rows); err != nil {
			t.Fatal(err)
		}
		if err := s.spill(); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.spill"))
	if err != nil || len(files) != 1 {
		t.Fatalf("spill files = %q, %v, want one", files, err)
	}
	s.path = files[0]
	return s
}

const spillRows = 4

// end reads back and closes everything.
func (s spilled) end(t testing.TB) ([]item, error) {
	t.Helper()
	rows, err := s.readBack(t.Context())
	s.spiller.close()
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	return rows, err
}

// TestSpillDamage flips every bit of a spill file and cuts it at every byte:
// whoever reads it back must say that it is corrupt, or give what was written
// where the damage touched nothing.
func TestSpillDamage(t *testing.T) {
	for name := range spillers {
		for _, codec := range []block.Codec{block.None, block.S2} {
			t.Run(fmt.Sprint(name, " ", codec), func(t *testing.T) {
				dir := t.TempDir()
				s := spillTwice(t, name, codec, dir)
				whole, err := os.ReadFile(s.path)
				if err != nil {
					t.Fatal(err)
				}
				if rows, err := s.end(t); err != nil || len(rows) != spillRows {
					t.Fatalf("undamaged: %d rows, %v, want %d", len(rows), err, spillRows)
				}
				for bit := range 8 * len(whole) {
					s := spillTwice(t, name, codec, dir)
					damaged := bytes.Clone(whole)
					damaged[bit/8] ^= 1 << (bit % 8)
					if err := overwrite(s.path, damaged); err != nil {
						t.Fatal(err)
					}
					if rows, err := s.end(t); fault.KindOf(err) != fault.Corrupt {
						t.Fatalf("bit %d of byte %d flipped: %v, error %v of kind %v, want kind %v", bit%8, bit/8, rows, err, fault.KindOf(err), fault.Corrupt)
					}
				}
				for n := range whole {
					s := spillTwice(t, name, codec, dir)
					if err := os.Truncate(s.path, int64(n)); err != nil {
						t.Fatal(err)
					}
					if rows, err := s.end(t); fault.KindOf(err) != fault.Corrupt {
						t.Fatalf("torn after %d of %d bytes: %v, error %v of kind %v, want kind %v", n, len(whole), rows, err, fault.KindOf(err), fault.Corrupt)
					}
				}
				t.Logf("%d bytes", len(whole))
			})
		}
	}
}

// overwrite changes a file that somebody has open.
func overwrite(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

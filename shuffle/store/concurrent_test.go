package store

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// TestConcurrentUse has many attempts at work while jobs are dropped.
func TestConcurrentUse(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := mustOpen(t, Config{Dirs: []string{t.TempDir(), t.TempDir()}, MemoryBytes: 256 << 10})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for i := range 60 {
				job := byte(r.IntN(4))
				if err := work(s, r, plan.OutputID{Attempt: attempt(job, g*1000+i)}); err != nil && fault.KindOf(err) != fault.Canceled && fault.KindOf(err) != fault.Fetch {
					t.Errorf("goroutine %d, round %d: %v", g, i, err)
				}
				if r.IntN(20) == 0 {
					if err := s.DropJob(plan.JobID{job}); err != nil {
						t.Errorf("DropJob: %v", err)
					}
				}
				if memory, _ := s.Usage(); memory > 256<<10 {
					t.Errorf("Usage = %d bytes of memory, above the limit", memory)
				}
			}
		})
	}
	wg.Wait()
}

// work writes, reads and drops one output and one spill file.
func work(s *Store, r *rand.Rand, id plan.OutputID) error {
	sizes := []int{r.IntN(1000), r.IntN(100_000)}
	out, err := publish(s, id, sizes...)
	if err != nil {
		return err
	}
	f, err := s.Spill(id.Attempt)
	if err != nil {
		return err
	}
	if _, err := f.Write(make([]byte, sizes[0])); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Close(), verify(s, out, sizes...)); err != nil {
		return err
	}
	if r.IntN(2) == 0 {
		return s.DropAttempt(id.Attempt)
	}
	return nil
}

// TestBlocksSurvive sends blocks through a map output, as the shuffle does,
// and flips every bit of it: each is found either in a block or in the tail.
func TestBlocksSurvive(t *testing.T) {
	var b []byte
	var ix Index
	for i, c := range []block.Codec{block.None, block.S2, block.Zstd1} {
		at := int64(len(b))
		raw := bytes.Repeat([]byte{byte(i)}, 40)
		var err error
		if b, err = block.NewEncoder(c).Append(b, raw, 10); err != nil {
			t.Fatal(err)
		}
		ix.Segments = append(ix.Segments, Segment{Bucket: uint32(i), Offset: at, StoredBytes: int64(len(b)) - at, RawBytes: 40, Rows: 10})
	}
	image, digest, err := appendTail(b, ix, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	read := func() error {
		ix, err := ReadIndex(memoryOutput{image}, digest)
		if err != nil {
			return err
		}
		for _, seg := range ix.Segments {
			if _, _, err := block.NewDecoder().Decode(nil, image[seg.Offset:seg.Offset+seg.StoredBytes]); err != nil {
				return err
			}
		}
		return nil
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	detected := 0
	for bit := range len(image) * 8 {
		image[bit/8] ^= 1 << (bit % 8)
		if err := read(); fault.KindOf(err) == fault.Corrupt {
			detected++
		} else {
			t.Errorf("bit %d: error %v, want kind corrupt", bit, err)
		}
		image[bit/8] ^= 1 << (bit % 8)
	}
	t.Logf("%d of %d flipped bits detected", detected, len(image)*8)
}

package csv

import (
	"bytes"
	"context"
	"io"
	"sort"
	"sync"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/sdk/format"
)

// A newline ends a row only outside quotes, and whether a piece of a file begins
// inside or outside is decided by all that stands before it: guesses from what
// follows (Ge et al., "Speculative Distributed CSV Data Parsing for Big Data
// Analytics", 2019) can be wrong, and a wrong one gives wrong rows without an
// error. In a file that is right, every quote changes from outside to inside
// or back, so that the number of quotes before a place tells: odd is inside.
// That number is counted at the speed of memory, some ten times faster than
// rows are parsed, by a process once for every byte of a file at most: pieces
// count on from the nearest place that any piece of the source knows, and where
// a reader has found a row to begin is such a place. A file whose quotes
// are wrong fails in the piece of the first wrong one, which begins right.

// quoteIndex knows places of files that are inside or outside quotes.
type quoteIndex struct {
	mu    sync.Mutex // guards files
	files map[plan.Split]*quotedFile
}

// quotedFile knows places of one version of a file.
type quotedFile struct {
	mu     sync.Mutex // guards places, and is held while a step is counted
	places []quotedPlace
}

// quotedPlace is a place that was looked at.
type quotedPlace struct {
	offset int64
	inside bool
}

// stepBytes is how far apart known places are: near enough that a piece which
// begins anywhere counts little, far enough that a terabyte has few.
const stepBytes = 4 << 20

// countBytes is how much is read at once to count: as much as stays in the
// second-level cache.
const countBytes = 256 << 10

var countBuffers = sync.Pool{New: func() any { return new([countBytes]byte) }}

func (x *quoteIndex) file(s plan.Split) *quotedFile {
	s.Offset, s.Length = 0, 0
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.files[s]
	if f == nil {
		if x.files == nil {
			x.files = map[plan.Split]*quotedFile{}
		}
		f = &quotedFile{places: []quotedPlace{{0, false}}}
		x.files[s] = f
	}
	return f
}

// worthKnowing reports whether there may be no place known near the end of the
// bytes taken at an offset.
func worthKnowing(offset int64, taken int) bool {
	return offset/stepBytes != (offset+int64(taken))/stepBytes
}

// know takes note that a row begins at an offset.
func (x *quoteIndex) know(p format.Piece, offset int64) {
	f := x.file(p.Split)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(quotedPlace{offset, false})
}

// begin returns where the first row begins that is of a piece: behind the first
// newline at its offset-1 or later that is outside quotes.
func (x *quoteIndex) begin(ctx context.Context, p format.Piece) (int64, error) {
	pooled := countBuffers.Get().(*[countBytes]byte)
	defer countBuffers.Put(pooled)
	at := p.Offset - 1
	in, err := x.file(p.Split).inside(ctx, p.File, at, pooled[:])
	if err != nil {
		return 0, err
	}
	for {
		n, err := p.File.ReadAt(pooled[:beginBytes], at)
		if err != nil && err != io.EOF {
			return 0, err
		}
		for i, c := range pooled[:n] {
			switch {
			case c == '"':
				in = !in
			case c == '\n' && !in:
				return at + int64(i) + 1, nil
			}
		}
		if at += int64(n); err == io.EOF || n == 0 {
			return p.Size, nil
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
}

// beginBytes is how much is read at once to find a row's end: mostly enough.
const beginBytes = 4 << 10

// inside reports whether the byte at an offset is inside quotes, by the quotes
// before it.
func (f *quotedFile) inside(ctx context.Context, r io.ReaderAt, offset int64, buf []byte) (bool, error) {
	for {
		known, err := f.step(r, offset, buf)
		if err != nil || known.offset == offset {
			return known.inside, err
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
	}
}

// step counts on towards an offset from the place known before it, one step at
// most, and returns the place that it came to.
func (f *quotedFile) step(r io.ReaderAt, offset int64, buf []byte) (quotedPlace, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := sort.Search(len(f.places), func(i int) bool { return f.places[i].offset > offset })
	at := f.places[i-1]
	end := min(offset, (at.offset/stepBytes+1)*stepBytes)
	for at.offset < end {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), end-at.offset)], at.offset)
		if err != nil && (err != io.EOF || n == 0) {
			return at, err
		}
		at.inside = at.inside != (bytes.Count(buf[:n], quoteMark)%2 == 1)
		at.offset += int64(n)
	}
	f.add(at)
	return at, nil
}

var quoteMark = []byte{'"'}

// add adds a place, in order.
func (f *quotedFile) add(p quotedPlace) {
	i := sort.Search(len(f.places), func(i int) bool { return f.places[i].offset >= p.offset })
	if i < len(f.places) && f.places[i].offset == p.offset {
		return
	}
	f.places = append(f.places, quotedPlace{})
	copy(f.places[i+1:], f.places[i:])
	f.places[i] = p
}

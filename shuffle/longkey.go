package shuffle

import (
	"bytes"
	"context"
	"io"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// LongKey is the key of a large row, which stays on disk: what looks for equal
// keys knows its length and hash, and reads it piece by piece where those are
// equal. One goroutine uses it.
type LongKey struct {
	Bytes int64 // its length
	Hash  xxh3.Uint128

	open   func() (io.ReaderAt, func() error, error) // nil for a key in memory
	offset int64                                     // of its block
	key    []byte
	failed func(error) error
}

// LongKeyBytes is the size from which a key is long for a task.
func (e *Env) LongKeyBytes() int64 { return e.largeBytes() }

// KeepKey returns a copy of a key as a long one.
func KeepKey(key []byte) *LongKey {
	return &LongKey{Bytes: int64(len(key)), Hash: xxh3.Hash128(key), key: bytes.Clone(key)}
}

// longKeyOf returns the key of the next block of s if it is a long one, without
// passing over the block, and nil if it is not.
func longKeyOf(ctx context.Context, env *Env, out plan.MapOutput, s *segmentReader) (*LongKey, error) {
	h, err := s.header()
	if err != nil || !env.isLarge(h) {
		return nil, err
	}
	if err := s.need(block.HeaderBytes + column.KeyFrameHead); err != nil {
		return nil, err
	}
	size, err := column.KeyLength(s.buf[block.HeaderBytes:], int64(h.RawBytes))
	if err != nil || size < env.LongKeyBytes() {
		return nil, err
	}
	return &LongKey{
		Bytes: size, offset: s.offset(),
		open: func() (io.ReaderAt, func() error, error) {
			f, err := env.Source.Open(ctx, out)
			if err != nil {
				return nil, nil, err
			}
			return f, f.Close, nil
		},
		failed: func(err error) error { return unreadable(out.ID, err) },
	}, nil
}

// readLong decodes the row of the block with a long key, without the key, which
// it hashes.
func (r *blockReader[V]) readLong(k *LongKey, s *segmentReader, c *chunk[V]) (bytes int, err error) {
	scratch := scratches.Get().(*[256 << 10]byte)
	defer scratches.Put(scratch)
	h, err := s.header()
	if err != nil {
		return 0, err
	}
	_, raw, err := block.ReadPart(s.src, k.offset, column.KeyFrameHead+k.Bytes, int64(h.StoredBytes), scratch[:])
	if err != nil {
		return 0, err
	}
	sum := xxh3.New()
	if err := k.each(s.src, scratch[:], func(piece []byte) { sum.Write(piece) }); err != nil {
		return 0, err
	}
	k.Hash = sum.Sum128()
	if err := r.decodeRows(raw, 1, c); err != nil {
		return 0, err
	}
	return h.BlockBytes(), s.skip(int64(h.BlockBytes()))
}

// each reads the key from src, piece by piece.
func (k *LongKey) each(src io.ReaderAt, scratch []byte, use func(piece []byte)) error {
	section := io.NewSectionReader(src, k.offset+block.HeaderBytes+column.KeyFrameHead, k.Bytes)
	for left := k.Bytes; left > 0; {
		piece := scratch[:min(left, int64(len(scratch)))]
		if _, err := io.ReadFull(section, piece); err != nil {
			return err
		}
		use(piece)
		left -= int64(len(piece))
	}
	return nil
}

// Same reports whether two long keys are equal.
func (k *LongKey) Same(other *LongKey) (bool, error) {
	if k.Bytes != other.Bytes || k.Hash != other.Hash {
		return false, nil
	}
	x, err := k.cursor()
	if err != nil {
		return false, err
	}
	defer x.close()
	y, err := other.cursor()
	if err != nil {
		return false, err
	}
	defer y.close()
	order, err := compareKeys(x, y)
	return order == 0, k.wrap(err)
}

// cursor stands at the key, to be compared.
func (k *LongKey) cursor() (*cursor[struct{}], error) {
	if k.open == nil {
		return &cursor[struct{}]{key: k.key, close: func() error { return nil }}, nil
	}
	src, closer, err := k.open()
	if err != nil {
		return nil, k.wrap(err)
	}
	return &cursor[struct{}]{
		blocks: &segmentReader{src: src}, close: closer,
		large: &largeRow{offset: k.offset, keyBytes: k.Bytes},
	}, nil
}

// Load returns the key; its memory is the caller's.
func (k *LongKey) Load() ([]byte, error) {
	if k.open == nil {
		return k.key, nil
	}
	src, closer, err := k.open()
	if err != nil {
		return nil, k.wrap(err)
	}
	defer closer()
	scratch := scratches.Get().(*[256 << 10]byte)
	defer scratches.Put(scratch)
	_, key, err := block.ReadPart(src, k.offset, column.KeyFrameHead, column.KeyFrameHead+k.Bytes, scratch[:])
	return key, k.wrap(err)
}

func (k *LongKey) wrap(err error) error {
	if err == nil || k.failed == nil {
		return err
	}
	return k.failed(err)
}

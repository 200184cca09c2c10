package block

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codec is a compression method. Its number stands in block headers and never
// changes its meaning.
type Codec uint8

const (
	// None stores the payload as it is.
	None Codec = 0
	// S2 is the fastest: for local disks and fast networks.
	S2 Codec = 1
	// Zstd1 is zstd at its fastest level.
	Zstd1 Codec = 2
	// Zstd3 is zstd at its usual level.
	Zstd3 Codec = 3
	// Zstd7 is zstd at its better level: for slow networks.
	Zstd7 Codec = 4

	codecs = 5 // number of codecs

	// Default is the codec of a job that names none: the shuffle is bound by
	// cores more often than by bytes, and s2 costs the least of them.
	Default = S2
)

var codecNames = [codecs]string{"none", "s2", "zstd-1", "zstd-3", "zstd-7"}

// String returns the codec's name, which ParseCodec reads.
func (c Codec) String() string {
	if c < codecs {
		return codecNames[c]
	}
	return fmt.Sprintf("codec(%d)", uint8(c))
}

// ParseCodec returns the codec of a name: none, s2, zstd-1, zstd-3 or zstd-7;
// "zstd" is zstd-3. The error for another name lists these.
func ParseCodec(name string) (Codec, error) {
	if name == "zstd" {
		return Zstd3, nil
	}
	for i, n := range codecNames {
		if n == name {
			return Codec(i), nil
		}
	}
	return None, fmt.Errorf("no codec is called %q: choose one of %s or zstd", name, strings.Join(codecNames[:], ", "))
}

// maxWindow bounds the history of a zstd frame, on both sides. A block is
// rarely larger, so a larger window would only cost memory.
const maxWindow = 1 << 20

// zstdSlack is how many bytes behind its output zstd's fast path may touch.
const zstdSlack = 16

// shelf keeps idle compressors for the next block. It is no sync.Pool: that
// empties itself with every garbage collection, and a compressor has megabytes
// of tables to allocate anew.
type shelf[T any] struct {
	idle  chan T // as many as can work at once; more are left to the collector
	build func() (T, error)
}

func newShelf[T any](build func() (T, error)) *shelf[T] {
	return &shelf[T]{idle: make(chan T, runtime.GOMAXPROCS(0)), build: build}
}

func (s *shelf[T]) take() T {
	select {
	case t := <-s.idle:
		return t
	default:
	}
	t, err := s.build()
	if err != nil {
		panic(fmt.Sprintf("block: zstd refuses its options: %v", err)) // they are constants: any test finds it
	}
	return t
}

func (s *shelf[T]) put(t T) {
	select {
	case s.idle <- t:
	default:
	}
}

var zstdEncoders = [codecs]*shelf[*zstd.Encoder]{
	Zstd1: encoderShelf(zstd.SpeedFastest),
	Zstd3: encoderShelf(zstd.SpeedDefault),
	Zstd7: encoderShelf(zstd.SpeedBetterCompression),
}

// Concurrency 1 starts no goroutine; the block has its own checksum.
func encoderShelf(level zstd.EncoderLevel) *shelf[*zstd.Encoder] {
	return newShelf(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(maxWindow), zstd.WithEncoderCRC(false))
	})
}

var zstdDecoders = newShelf(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecoderMaxMemory(MaxRowBytes+zstdSlack), zstd.WithDecodeAllCapLimit(true))
})

// compress appends the compressed form of raw to dst, whose spare capacity it
// prefers over new memory.
func (c Codec) compress(dst, raw []byte) []byte {
	if c == S2 {
		// s2 writes to the beginning of what it gets and needs all of its bound there.
		out := s2.Encode(dst[len(dst):cap(dst)], raw)
		return dst[:len(dst)+len(out)]
	}
	e := zstdEncoders[c].take()
	defer zstdEncoders[c].put(e)
	return e.EncodeAll(raw, dst)
}

// bound is the most bytes that compress appends for n raw bytes, or for zstd
// an estimate that saves it from growing dst.
func (c Codec) bound(n int) int {
	switch c {
	case None:
		return n
	case S2:
		return s2.MaxEncodedLen(n)
	}
	return n + n>>8 + 64
}

// decompress decodes payload into dst, which has len 0 and a capacity of at
// least n+zstdSlack. The result may have another length than n, but never
// needs more memory than dst has.
func (c Codec) decompress(dst, payload []byte, n int) ([]byte, error) {
	switch c {
	case None:
		return append(dst, payload...), nil
	case S2:
		claimed, err := s2.DecodedLen(payload)
		if err != nil {
			return nil, err
		}
		if claimed != n {
			return nil, fmt.Errorf("s2 payload of %d bytes raw", claimed)
		}
		return s2.Decode(dst, payload)
	}
	d := zstdDecoders.take()
	defer zstdDecoders.put(d)
	return d.DecodeAll(payload, dst[:0:n+zstdSlack])
}

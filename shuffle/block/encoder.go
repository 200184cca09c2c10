package block

import (
	"fmt"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Encoder makes blocks under one codec. It is used by one goroutine at a time.
type Encoder struct {
	codec Codec
}

// NewEncoder returns an encoder. It panics if c is not one of the codecs.
func NewEncoder(c Codec) *Encoder {
	if c >= codecs {
		panic(fmt.Sprintf("block: %v does not exist", c))
	}
	return &Encoder{codec: c}
}

// Append appends to dst one block that holds raw, which stands for the given
// number of rows, and returns the extended slice. It keeps neither slice; they
// must not overlap. A dst that is used again and again soon has the capacity
// that makes Append free of allocation.
//
// The payload stays uncompressed, and the header says so, if compressing saves
// less than a tenth. A single row above MaxRowBytes is an error of kind
// fault.Invalid; other sizes beyond the limits are the caller's mistake and of
// kind fault.Internal. On error dst is returned as it was.
func (e *Encoder) Append(dst, raw []byte, rows int) ([]byte, error) {
	if err := checkSizes(len(raw), rows); err != nil {
		return dst, err
	}
	start, begin := len(dst), len(dst)+HeaderBytes
	grown := slices.Grow(dst, HeaderBytes+e.codec.bound(len(raw)))
	h := Header{Codec: e.codec, Rows: uint32(rows), RawBytes: uint32(len(raw))}
	out := grown[:begin]
	if e.codec != None {
		out = e.codec.compress(out, raw)
	}
	if stored := len(out) - begin; e.codec == None || stored > len(raw)-len(raw)/10 || stored >= len(raw) {
		h.Codec = None
		out = append(out[:begin], raw...)
	}
	h.StoredBytes = uint32(len(out) - begin)
	h.put(out[start:begin], out[begin:])
	return out, nil
}

func checkSizes(raw, rows int) error {
	switch {
	case rows < 1 || rows > MaxRows:
		return fault.New(fault.Internal, "a block of %d rows, the limits are 1 and %d", rows, MaxRows)
	case rows == 1 && raw > MaxRowBytes:
		return fault.New(fault.Invalid, "a row of %d bytes is above the limit of %d MiB a row", raw, MaxRowBytes>>20)
	case rows > 1 && raw > MaxRawBytes:
		return fault.New(fault.Internal, "a block of %d rows and %d bytes, above the limit of %d bytes", rows, raw, MaxRawBytes)
	}
	return nil
}

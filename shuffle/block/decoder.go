package block

import (
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Decoder reads blocks of any codec. It is used by one goroutine at a time.
type Decoder struct{}

// NewDecoder returns a decoder.
func NewDecoder() *Decoder { return &Decoder{} }

// Decode returns the raw payload of stored, which is one whole block, and its
// header. The payload's checksum is verified first, over the bytes as they are
// stored; then it is decompressed within the memory that the header and the
// limits allow; then its length must be exactly what the header says. Any
// mismatch is an error of kind fault.Corrupt.
//
// The result uses dst's memory, whatever is in it, if its capacity suffices,
// and new memory of the caller otherwise. It never shares memory with stored.
func (d *Decoder) Decode(dst []byte, stored []byte) (raw []byte, h Header, err error) {
	h, err = Check(stored)
	if err != nil {
		return nil, Header{}, err
	}
	n := int(h.RawBytes)
	if cap(dst) < n+zstdSlack {
		dst = make([]byte, 0, n+zstdSlack)
	}
	raw, err = h.Codec.decompress(dst[:0], stored[HeaderBytes:], n)
	if err != nil {
		return nil, Header{}, fault.Wrap(fault.Corrupt, fmt.Errorf("decode %v block of %d bytes raw: %w", h.Codec, n, err))
	}
	if len(raw) != n {
		return nil, Header{}, corrupt("%v block decodes to %d bytes, its header says %d", h.Codec, len(raw), n)
	}
	if n > 0 && &raw[0] == &dst[:1][0] {
		raw = dst[:n] // zstd was shown a part of dst's capacity: the caller gets all of it back
	}
	return raw, h, nil
}

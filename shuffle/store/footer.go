package store

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	footerMagic   = "SHMO"
	footerVersion = 1
	footerBytes   = 48

	// The footer's fields by their offsets.
	atVersion     = 4
	atIndexOffset = 8
	atIndexBytes  = 16
	atDigest      = 24 // xxh3-128 of the index, big endian as its text form
	atReserved    = 40 // four bytes, zero
	atChecksum    = 44 // crc32c of all bytes before

	// TailBytes is how much ReadIndex reads first: footer and index of most map
	// outputs come with one request when they are on another machine.
	TailBytes = 16 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// footer is the end of a map output.
type footer struct {
	indexOffset, indexBytes int64
	digest                  string
}

// appendTail appends index and footer of a map output with dataBytes of blocks.
func appendTail(b []byte, ix Index, dataBytes int64) (tail []byte, sum string, err error) {
	start := len(b)
	b, err = ix.AppendBinary(b)
	if err != nil {
		return nil, "", err
	}
	if ix.end() > dataBytes {
		return nil, "", fault.New(fault.Internal, "the index describes %d bytes, %d were written", ix.end(), dataBytes)
	}
	sum = digest(b[start:])
	f := footer{indexOffset: dataBytes, indexBytes: int64(len(b) - start), digest: sum}
	return f.append(b), sum, nil
}

func (f footer) append(b []byte) []byte {
	start := len(b)
	b = append(b, footerMagic...)
	b = binary.LittleEndian.AppendUint32(b, footerVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.indexOffset))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.indexBytes))
	b, _ = hex.AppendDecode(b, []byte(f.digest)) // digest made it
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// parseFooter reads the footer b of an output of size bytes.
func parseFooter(b []byte, size int64) (footer, error) {
	if string(b[:len(footerMagic)]) != footerMagic {
		return footer{}, corrupt("no map output ends here: magic %q, want %q", b[:len(footerMagic)], footerMagic)
	}
	if want, got := binary.LittleEndian.Uint32(b[atChecksum:]), crc32.Checksum(b[:atChecksum], castagnoli); got != want {
		return footer{}, corrupt("footer checksum %08x, want %08x", got, want)
	}
	if v := binary.LittleEndian.Uint32(b[atVersion:]); v != footerVersion {
		return footer{}, corrupt("map output version %d, this program reads version %d", v, footerVersion)
	}
	if binary.LittleEndian.Uint32(b[atReserved:]) != 0 {
		return footer{}, corrupt("footer has bits that version %d does not define", footerVersion)
	}
	offset, length := binary.LittleEndian.Uint64(b[atIndexOffset:]), binary.LittleEndian.Uint64(b[atIndexBytes:])
	before := uint64(size - footerBytes)
	if length > MaxIndexBytes || length > before || offset != before-length {
		return footer{}, corrupt("footer puts %d bytes of index at %d, into an output of %d", length, offset, size)
	}
	return footer{
		indexOffset: int64(offset),
		indexBytes:  int64(length),
		digest:      hex.EncodeToString(b[atDigest:atReserved]),
	}, nil
}

// ReadIndex reads the index of an output and checks everything around it: the
// footer, the index against the footer's digest and against wantDigest, which
// the producer reported (plan.MapOutput.Digest), and that the segments lie
// before the index. Damage is an error of kind fault.Corrupt; errors of
// reading keep their kind, or get fault.Fetch if they have none. An output that
// ReadIndex has read before, while it was fetched, may say so and give the index
// by CheckedIndex(digest string) (Index, bool).
func ReadIndex(out Output, wantDigest string) (Index, error) {
	if known, ok := out.(interface{ CheckedIndex(string) (Index, bool) }); ok {
		if ix, ok := known.CheckedIndex(wantDigest); ok {
			return ix, nil
		}
	}
	size := out.Size()
	if size < footerBytes {
		return Index{}, corrupt("map output of %d bytes is shorter than its footer", size)
	}
	tail, err := readRange(out, max(0, size-TailBytes), size)
	if err != nil {
		return Index{}, err
	}
	f, err := parseFooter(tail[len(tail)-footerBytes:], size)
	if err != nil {
		return Index{}, err
	}
	if f.digest != wantDigest {
		return Index{}, corrupt("map output has digest %s, want %s", f.digest, wantDigest)
	}
	encoded, err := readIndexBytes(out, f, tail)
	if err != nil {
		return Index{}, err
	}
	if got := digest(encoded); got != wantDigest {
		return Index{}, corrupt("index has digest %s, want %s", got, wantDigest)
	}
	ix, err := ParseIndex(encoded)
	if err != nil {
		return Index{}, err
	}
	if ix.end() > f.indexOffset {
		return Index{}, corrupt("index describes %d bytes, the output has %d", ix.end(), f.indexOffset)
	}
	return ix, nil
}

// readIndexBytes takes the index from the tail of the output, or reads it if
// the tail does not reach far enough.
func readIndexBytes(out Output, f footer, tail []byte) ([]byte, error) {
	if n := int64(len(tail)) - footerBytes - f.indexBytes; n >= 0 {
		return tail[n : n+f.indexBytes], nil
	}
	return readRange(out, f.indexOffset, f.indexOffset+f.indexBytes)
}

func readRange(out Output, from, to int64) ([]byte, error) {
	b := make([]byte, to-from)
	n, err := out.ReadAt(b, from)
	if n == len(b) {
		return b, nil
	}
	if err == io.EOF || err == nil {
		return nil, corrupt("map output of %d bytes ends at %d", out.Size(), from+int64(n))
	}
	return nil, fault.Wrap(fault.Fetch, fmt.Errorf("read index: %w", err))
}

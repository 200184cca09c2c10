// Package block is the frame around rows on disk and on the wire: a header,
// one payload under a codec, and checksums over both. It knows no Arrow and
// never looks inside a payload. Task runtimes encode and decode; stores and
// transfer servers only move blocks and, when in doubt, Check them.
//
// The layout is docs/format/block.md. Whatever a block says is compared with
// the limits here before memory is allocated for it, and the payload's
// checksum is verified before a decompressor sees it.
//
// The package owns no goroutine. An Encoder and a Decoder belong to one
// goroutine each and are small: the compressors' memory, some megabytes a core,
// is shared between all of them and kept.
package block

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	// HeaderBytes is the size of a header.
	HeaderBytes = 32
	// MaxRawBytes bounds the raw payload of a block of several rows. One
	// megabyte is past the point where larger blocks compress better, and
	// small enough to have many in flight.
	MaxRawBytes = 1 << 20
	// MaxRowBytes bounds the raw payload of a block that holds one row.
	MaxRowBytes = 256 << 20
	// MaxRows bounds the rows of a block: a payload of a few bytes may stand
	// for many rows, and readers allocate per row.
	MaxRows = 1 << 20
)

const (
	magic   = "SHBK"
	version = 1

	// The header's fields by their offsets.
	atVersion  = 4
	atCodec    = 5
	atReserved = 6 // two bytes, zero
	atRows     = 8
	atRaw      = 12
	atStored   = 16
	atPayload  = 20 // crc32c of the stored payload
	atUnused   = 24 // four bytes, zero
	atHeader   = 28 // crc32c of all bytes before
)

// castagnoli is the crc32c table: amd64 and arm64 have an instruction for it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header describes a block. ReadHeader returns only headers within the limits.
type Header struct {
	// Codec is how the payload is stored; None if compressing did not pay.
	Codec Codec
	// Rows is how many rows the payload holds, at least 1.
	Rows uint32
	// RawBytes and StoredBytes are the payload's lengths, decoded and as stored.
	RawBytes, StoredBytes uint32
}

// BlockBytes is the length of the whole block, header included.
func (h Header) BlockBytes() int { return HeaderBytes + int(h.StoredBytes) }

// ReadHeader reads the header at the beginning of b, which may go on behind
// it. Magic, version, header checksum and all limits have been checked when it
// returns without error; the payload has not. Errors are of kind fault.Corrupt.
func ReadHeader(b []byte) (Header, error) {
	if len(b) < HeaderBytes {
		return Header{}, corrupt("%d bytes are too short for a block header of %d", len(b), HeaderBytes)
	}
	if string(b[:len(magic)]) != magic {
		return Header{}, corrupt("no block begins here: magic %q, want %q", b[:len(magic)], magic)
	}
	if want, got := binary.LittleEndian.Uint32(b[atHeader:]), crc32.Checksum(b[:atHeader], castagnoli); want != got {
		return Header{}, corrupt("block header checksum %08x, want %08x", got, want)
	}
	if b[atVersion] != version {
		return Header{}, corrupt("block version %d, this program reads version %d", b[atVersion], version)
	}
	if binary.LittleEndian.Uint16(b[atReserved:]) != 0 || binary.LittleEndian.Uint32(b[atUnused:]) != 0 {
		return Header{}, corrupt("block header has bits that version %d does not define", version)
	}
	h := Header{
		Codec:       Codec(b[atCodec]),
		Rows:        binary.LittleEndian.Uint32(b[atRows:]),
		RawBytes:    binary.LittleEndian.Uint32(b[atRaw:]),
		StoredBytes: binary.LittleEndian.Uint32(b[atStored:]),
	}
	if err := h.check(); err != nil {
		return Header{}, err
	}
	return h, nil
}

func (h Header) check() error {
	switch {
	case h.Codec >= codecs:
		return corrupt("block codec %d does not exist", uint8(h.Codec))
	case h.Rows == 0 || h.Rows > MaxRows:
		return corrupt("block of %d rows, the limits are 1 and %d", h.Rows, MaxRows)
	case h.RawBytes > maxRaw(int(h.Rows)):
		return corrupt("block of %d rows holds %d bytes raw, above the limit of %d", h.Rows, h.RawBytes, maxRaw(int(h.Rows)))
	case h.Codec == None && h.StoredBytes != h.RawBytes:
		return corrupt("uncompressed block stores %d bytes of %d", h.StoredBytes, h.RawBytes)
	case h.Codec != None && h.StoredBytes >= h.RawBytes:
		return corrupt("compressed block stores %d bytes of %d", h.StoredBytes, h.RawBytes)
	}
	return nil
}

func maxRaw(rows int) uint32 {
	if rows == 1 {
		return MaxRowBytes
	}
	return MaxRawBytes
}

// put writes the header of payload to b, which has HeaderBytes.
func (h Header) put(b, payload []byte) { h.putSum(b, crc32.Checksum(payload, castagnoli)) }

// putSum is put with the payload's checksum.
func (h Header) putSum(b []byte, sum uint32) {
	copy(b, magic)
	b[atVersion] = version
	b[atCodec] = byte(h.Codec)
	binary.LittleEndian.PutUint16(b[atReserved:], 0)
	binary.LittleEndian.PutUint32(b[atRows:], h.Rows)
	binary.LittleEndian.PutUint32(b[atRaw:], h.RawBytes)
	binary.LittleEndian.PutUint32(b[atStored:], h.StoredBytes)
	binary.LittleEndian.PutUint32(b[atPayload:], sum)
	binary.LittleEndian.PutUint32(b[atUnused:], 0)
	binary.LittleEndian.PutUint32(b[atHeader:], crc32.Checksum(b[:atHeader], castagnoli))
}

// Check verifies one whole block as it is stored, header and payload, without
// decoding it: a server asks so whether its disk or the network did the
// damage. Errors are of kind fault.Corrupt.
func Check(stored []byte) (Header, error) {
	h, err := ReadHeader(stored)
	if err != nil {
		return Header{}, err
	}
	if len(stored) != h.BlockBytes() {
		return Header{}, corrupt("block of %d bytes, its header says %d", len(stored), h.BlockBytes())
	}
	want := binary.LittleEndian.Uint32(stored[atPayload:])
	if got := crc32.Checksum(stored[HeaderBytes:], castagnoli); got != want {
		return Header{}, corrupt("block payload checksum %08x, want %08x", got, want)
	}
	return h, nil
}

func corrupt(format string, args ...any) error {
	return fault.New(fault.Corrupt, format, args...)
}

package block

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// AppendHeader appends the header of a block of a single row whose payload is
// pieces, one after another, as they are: what a large row needs to be written
// without being gathered. Errors are those of Encoder.Append.
func AppendHeader(dst []byte, pieces [][]byte) ([]byte, error) {
	size, sum := 0, uint32(0)
	for _, p := range pieces {
		size += len(p)
		sum = crc32.Update(sum, castagnoli, p)
	}
	if err := checkSizes(size, 1); err != nil {
		return dst, err
	}
	at := len(dst)
	dst = append(dst, make([]byte, HeaderBytes)...)
	h := Header{Codec: None, Rows: 1, RawBytes: uint32(size), StoredBytes: uint32(size)}
	h.putSum(dst[at:], sum)
	return dst, nil
}

// CheckAt verifies the block at an offset of src as Check does, a scratch full
// at a time: a large one need not be in memory. Errors of src are returned as
// they are, others are of kind fault.Corrupt.
func CheckAt(src io.ReaderAt, at int64, scratch []byte) (Header, error) {
	h, _, err := ReadPart(src, at, 0, 0, scratch)
	return h, err
}

// ReadPart returns the bytes [from, to) of the payload of the block at an
// offset of src, as they are stored. The checksum of the whole payload is
// verified: what is not wanted is read into scratch, piece by piece. Errors are
// those of CheckAt; a part that the payload does not have is fault.Corrupt.
func ReadPart(src io.ReaderAt, at, from, to int64, scratch []byte) (h Header, part []byte, err error) {
	head := scratch[:HeaderBytes]
	if err := readFull(src, head, at); err != nil {
		return Header{}, nil, err
	}
	if h, err = ReadHeader(head); err != nil {
		return Header{}, nil, err
	}
	end := int64(h.StoredBytes)
	if from < 0 || to < from || to > end {
		return Header{}, nil, corrupt("bytes %d to %d of a block of %d", from, to, end)
	}
	want := binary.LittleEndian.Uint32(head[atPayload:])
	p := payload{src: src, at: at + HeaderBytes}
	if to > from {
		part = make([]byte, to-from)
	}
	p.pass(from, scratch)
	p.read(part)
	p.pass(end-to, scratch)
	if p.err != nil {
		return Header{}, nil, p.err
	}
	if p.sum != want {
		return Header{}, nil, corrupt("block payload checksum %08x, want %08x", p.sum, want)
	}
	return h, part, nil
}

// payload is read in order and summed up.
type payload struct {
	src io.ReaderAt
	at  int64
	sum uint32
	err error
}

func (p *payload) read(b []byte) {
	if p.err == nil {
		p.err = readFull(p.src, b, p.at)
	}
	if p.err == nil {
		p.sum = crc32.Update(p.sum, castagnoli, b)
		p.at += int64(len(b))
	}
}

func (p *payload) pass(n int64, scratch []byte) {
	for ; n > 0 && p.err == nil; n -= min(n, int64(len(scratch))) {
		p.read(scratch[:min(n, int64(len(scratch)))])
	}
}

func readFull(src io.ReaderAt, p []byte, at int64) error {
	n, err := src.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		return corrupt("the file ends at offset %d, in the middle of a block", at+int64(n))
	}
	return fmt.Errorf("read block: %w", err)
}

// DecodeOwned is Decode for memory that the caller gives away: the result of a
// block that is not compressed views stored.
func (d *Decoder) DecodeOwned(stored []byte) (raw []byte, h Header, err error) {
	if h, err = ReadHeader(stored); err != nil {
		return nil, Header{}, err
	}
	if h.Codec != None {
		return d.Decode(nil, stored)
	}
	if h, err = Check(stored); err != nil {
		return nil, Header{}, err
	}
	return stored[HeaderBytes:], h, nil
}

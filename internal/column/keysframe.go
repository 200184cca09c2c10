package column

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
)

// A frame of keys is
//
//	width   1 byte: 0, 1, 2 or 4
//	size    4 bytes, little endian: with width 0 the length of every key,
//	        else of all keys together
//	lengths width bytes, little endian, for each key
//	bytes   the keys, one after another
//
// It ends itself if the number of rows is known, which the block's header
// tells. The block's checksum covers it.
const keysFrameHeader = 5

// AppendFrame appends to dst a frame with the keys that sel numbers, in that
// order; a nil sel stands for all. It panics as Add does if they exceed
// MaxKeysBytes.
func (k *Keys) AppendFrame(dst []byte, sel []uint32) []byte {
	rows, total, width, size := k.measure(sel)
	checkKeysBytes(total)
	dst = slices.Grow(dst, keysFrameHeader+width*rows+total)
	dst = append(dst, byte(width))
	dst = binary.LittleEndian.AppendUint32(dst, size)
	at := len(dst)
	dst = dst[:at+width*rows]
	k.putLengths(dst[at:], sel, width)
	if sel == nil {
		return append(dst, k.Data...)
	}
	return k.gather(dst[:at+width*rows+total], at+width*rows, sel)
}

// gather copies the selected keys to dst from at on. A copy of constant size
// takes two instructions where one of the key's own length takes a call, so
// short keys are copied with what follows them, as long as it is overwritten.
func (k *Keys) gather(dst []byte, at int, sel []uint32) []byte {
	const short = 16
	for _, i := range sel {
		start, end := k.span(i)
		n := int(end - start)
		if n <= short && int(start)+short <= len(k.Data) && at+short <= len(dst) {
			*(*[short]byte)(dst[at:]) = *(*[short]byte)(k.Data[start:])
		} else {
			copy(dst[at:], k.Data[start:end])
		}
		at += n
	}
	return dst
}

// span returns where key i begins and ends.
func (k *Keys) span(i uint32) (start, end uint32) {
	if i > 0 {
		start = k.Ends[i-1]
	}
	return start, k.Ends[i]
}

func (k *Keys) measure(sel []uint32) (rows, total, width int, size uint32) {
	shortest, longest := uint32(math.MaxUint32), uint32(0)
	if sel == nil {
		rows, total = len(k.Ends), len(k.Data)
		start := uint32(0)
		for _, end := range k.Ends {
			shortest, longest = min(shortest, end-start), max(longest, end-start)
			start = end
		}
	} else {
		rows = len(sel)
		for _, i := range sel {
			start, end := k.span(i)
			shortest, longest = min(shortest, end-start), max(longest, end-start)
			total += int(end - start)
		}
	}
	switch {
	case rows == 0:
		return 0, 0, 0, 0
	case shortest == longest:
		return rows, total, 0, longest
	case longest <= math.MaxUint8:
		width = 1
	case longest <= math.MaxUint16:
		width = 2
	default:
		width = 4
	}
	return rows, total, width, uint32(total)
}

// putLengths writes the lengths of the selected keys to dst, width bytes each.
func (k *Keys) putLengths(dst []byte, sel []uint32, width int) {
	if width == 0 {
		return
	}
	rows := len(dst) / width
	for at := range rows {
		i := uint32(at)
		if sel != nil {
			i = sel[at]
		}
		start, end := k.span(i)
		switch width {
		case 1:
			dst[at] = byte(end - start)
		case 2:
			binary.LittleEndian.PutUint16(dst[2*at:], uint16(end-start))
		default:
			binary.LittleEndian.PutUint32(dst[4*at:], end-start)
		}
	}
}

// DecodeKeys reads a frame of rows keys, which the caller must have bounded:
// its ends take 4 bytes of memory a row even if the keys are empty. The keys'
// bytes are a view of frame; rest is what follows the frame. Damage gives an
// error of kind Corrupt.
func DecodeKeys(frame []byte, rows int) (keys Keys, rest []byte, err error) {
	rest, err = keys.DecodeFrame(frame, rows)
	if err != nil {
		return Keys{}, nil, err
	}
	return keys, rest, nil
}

// DecodeFrame is DecodeKeys into k: the keys of the frame replace those of k,
// whose memory for ends is used again. After an error k is empty.
func (k *Keys) DecodeFrame(frame []byte, rows int) (rest []byte, err error) {
	k.Reset()
	width, size, lengths, data, err := splitKeysFrame(frame, rows)
	if err != nil {
		return nil, err
	}
	if rows > 0 {
		k.Ends = slices.Grow(k.Ends, rows)[:rows]
	}
	if !k.sumLengths(width, size, lengths) {
		k.Reset()
		return nil, fault.New(fault.Corrupt, "decode keys: the lengths of %d keys do not add up to %d bytes", rows, len(data))
	}
	n := k.total()
	k.Data, k.view = data[:n:n], true
	return data[n:], nil
}

// total returns the number of bytes that the ends stand for.
func (k *Keys) total() int {
	if len(k.Ends) == 0 {
		return 0
	}
	return int(k.Ends[len(k.Ends)-1])
}

// splitKeysFrame cuts a frame into its parts; data holds all keys and what
// follows the frame.
func splitKeysFrame(frame []byte, rows int) (width int, size uint32, lengths, data []byte, err error) {
	if rows < 0 || uint64(rows) > MaxKeysBytes {
		return 0, 0, nil, nil, fault.New(fault.Corrupt, "decode keys: %d rows are out of range", rows)
	}
	if len(frame) < keysFrameHeader {
		return 0, 0, nil, nil, fault.New(fault.Corrupt, "decode keys: %d bytes are too few for a header", len(frame))
	}
	width, size = int(frame[0]), binary.LittleEndian.Uint32(frame[1:])
	rest := frame[keysFrameHeader:]
	if width != 0 && width != 1 && width != 2 && width != 4 {
		return 0, 0, nil, nil, fault.New(fault.Corrupt, "decode keys: lengths of %d bytes do not exist", width)
	}
	if rows == 0 && (width != 0 || size != 0) {
		return 0, 0, nil, nil, fault.New(fault.Corrupt, "decode keys: a frame of no rows has lengths")
	}
	total := uint64(size)
	if width == 0 {
		total *= uint64(rows) // both below 2^32: no overflow
	}
	if total > MaxKeysBytes || uint64(width)*uint64(rows)+total > uint64(len(rest)) {
		return 0, 0, nil, nil, fault.New(fault.Corrupt, "decode keys: %d keys of %d bytes exceed the frame's %d bytes", rows, total, len(frame))
	}
	return width, size, rest[:width*rows], rest[width*rows:], nil
}

// sumLengths turns lengths into ends and reports whether they add up to size;
// with width 0 that was checked before.
func (k *Keys) sumLengths(width int, size uint32, lengths []byte) bool {
	sum := uint64(0)
	ends := k.Ends
	switch width {
	case 0:
		for i := range ends {
			sum += uint64(size)
			ends[i] = uint32(sum)
		}
		return true
	case 1:
		for i, n := range lengths[:len(ends)] {
			sum += uint64(n)
			ends[i] = uint32(sum)
		}
	case 2:
		for i := range ends {
			sum += uint64(binary.LittleEndian.Uint16(lengths[2*i:]))
			ends[i] = uint32(sum)
		}
	default:
		for i := range ends {
			sum += uint64(binary.LittleEndian.Uint32(lengths[4*i:]))
			ends[i] = uint32(sum)
		}
	}
	// The sum is exact, so no wrapped end can hide: 2^32 rows of 2^32 bytes fit 64 bits.
	return sum == uint64(size)
}

package column

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// AppendKeys appends the whole keys of n rows to dst. The rows' values of k's
// type stand at rows, rows+stride and so on: rows points to the key inside the
// first row. It panics as Keys.Add does when dst grows beyond MaxKeysBytes.
func (k *KeyType) AppendKeys(dst *Keys, rows unsafe.Pointer, stride uintptr, n int) {
	if n <= 0 {
		return
	}
	if len(k.steps) == 1 {
		s := &k.steps[0]
		at := unsafe.Add(rows, s.offset)
		switch s.kind {
		case String:
			appendStringKeys(dst, at, stride, n)
			return
		case Bytes:
			appendBytesKeys(dst, at, stride, n)
			return
		case Int32, Uint32, Float32:
			appendKeys4(dst, s.kind, at, stride, n)
			return
		case Int64, Uint64, Float64:
			appendKeys8(dst, s.kind, at, stride, n)
			return
		}
	}
	dst.Ends = slices.Grow(dst.Ends, n)
	for i := range n {
		dst.Data = appendKey(dst.Data, k.steps, unsafe.Add(rows, uintptr(i)*stride), true)
		dst.Ends = append(dst.Ends, uint32(len(dst.Data)))
	}
	checkKeysBytes(len(dst.Data))
}

// room makes place for n more keys of total bytes and returns both parts.
func (k *Keys) room(n, total int) (data []byte, ends []uint32) {
	d, e := len(k.Data), len(k.Ends)
	checkKeysBytes(d + total)
	k.Data = slices.Grow(k.Data, total)[:d+total]
	k.Ends = slices.Grow(k.Ends, n)[:e+n]
	return k.Data[d:], k.Ends[e:]
}

func appendStringKeys(dst *Keys, rows unsafe.Pointer, stride uintptr, n int) {
	total := 0
	for i := range n {
		total += len(*(*string)(unsafe.Add(rows, uintptr(i)*stride)))
	}
	base := uint32(len(dst.Data))
	data, ends := dst.room(n, total)
	at := 0
	for i := range ends {
		at += copy(data[at:], *(*string)(unsafe.Add(rows, uintptr(i)*stride)))
		ends[i] = base + uint32(at)
	}
}

func appendBytesKeys(dst *Keys, rows unsafe.Pointer, stride uintptr, n int) {
	total := 0
	for i := range n {
		total += len(*(*[]byte)(unsafe.Add(rows, uintptr(i)*stride))) + 1
	}
	start := len(dst.Data)
	data, ends := dst.room(n, total)
	at := 0
	for i := range ends {
		b := *(*[]byte)(unsafe.Add(rows, uintptr(i)*stride))
		if b != nil && (len(b) == 0 || b[0] == keyZero) {
			data[at] = keyZero
			at++
		}
		at += copy(data[at:], b)
		ends[i] = uint32(start + at)
	}
	dst.Data = dst.Data[:start+at]
}

func appendKeys4(dst *Keys, kind Kind, rows unsafe.Pointer, stride uintptr, n int) {
	base := uint32(len(dst.Data))
	data, ends := dst.room(n, 4*n)
	for i := range ends {
		binary.BigEndian.PutUint32(data[4*i:], keyUint32(kind, unsafe.Add(rows, uintptr(i)*stride)))
		ends[i] = base + 4*uint32(i+1)
	}
}

func appendKeys8(dst *Keys, kind Kind, rows unsafe.Pointer, stride uintptr, n int) {
	base := uint32(len(dst.Data))
	data, ends := dst.room(n, 8*n)
	for i := range ends {
		binary.BigEndian.PutUint64(data[8*i:], keyUint64(kind, unsafe.Add(rows, uintptr(i)*stride)))
		ends[i] = base + 8*uint32(i+1)
	}
}

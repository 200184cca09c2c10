package column

import (
	"encoding/binary"
	"slices"
)

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// bounds returns the least and the greatest of the selected values, of which
// there is at least one.
func bounds[V integer](src []V, s selection) (lo, hi V) {
	if s.all {
		lo, hi = src[0], src[0]
		for _, v := range src[:s.n] {
			lo, hi = min(lo, v), max(hi, v)
		}
		return lo, hi
	}
	lo, hi = src[s.sel[0]], src[s.sel[0]]
	for _, r := range s.sel {
		lo, hi = min(lo, src[r]), max(hi, src[r])
	}
	return lo, hi
}

// pack appends the selected values less base in width bytes each, little
// endian.
func pack[V integer](dst []byte, src []V, s selection, width int, base uint64) []byte {
	at := len(dst)
	dst = slices.Grow(dst, s.n*width)[:at+s.n*width]
	if s.all {
		packAll(dst[at:], src[:s.n], width, base)
	} else {
		packSome(dst[at:], src, s.sel, width, base)
	}
	return dst
}

func packAll[V integer](out []byte, src []V, width int, base uint64) {
	switch width {
	case 1:
		out = out[:len(src)]
		for i, v := range src {
			out[i] = byte(uint64(v) - base)
		}
	case 2:
		for i, v := range src {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(uint64(v)-base))
		}
	case 4:
		for i, v := range src {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(uint64(v)-base))
		}
	case 8:
		for i, v := range src {
			binary.LittleEndian.PutUint64(out[8*i:], uint64(v)-base)
		}
	}
}

func packSome[V integer](out []byte, src []V, sel []uint32, width int, base uint64) {
	switch width {
	case 1:
		out = out[:len(sel)]
		for i, r := range sel {
			out[i] = byte(uint64(src[r]) - base)
		}
	case 2:
		for i, r := range sel {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(uint64(src[r])-base))
		}
	case 4:
		for i, r := range sel {
			binary.LittleEndian.PutUint32(out[4*i:], uint32(uint64(src[r])-base))
		}
	case 8:
		for i, r := range sel {
			binary.LittleEndian.PutUint64(out[8*i:], uint64(src[r])-base)
		}
	}
}

// widen is the inverse of packAll, modulo the width of V.
func widen[V integer](out []V, src []byte, width int, base V) {
	switch width {
	case 0:
		for i := range out {
			out[i] = base
		}
	case 1:
		src = src[:len(out)]
		for i := range out {
			out[i] = base + V(src[i])
		}
	case 2:
		for i := range out {
			out[i] = base + V(binary.LittleEndian.Uint16(src[2*i:]))
		}
	case 4:
		for i := range out {
			out[i] = base + V(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case 8:
		for i := range out {
			out[i] = base + V(binary.LittleEndian.Uint64(src[8*i:]))
		}
	}
}

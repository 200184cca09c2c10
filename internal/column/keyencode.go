package column

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unsafe"
)

// Marks inside keys. Their order makes nil least and a shorter list come
// before a longer one.
const (
	keyNil  = 0x00 // a nil list or pointer
	keySet  = 0x01 // a pointer to a value
	keyEnd  = 0x01 // the end of a list
	keyElem = 0x02 // an element of a list follows

	keyZero      = 0x00 // inside text: the next byte says what it means
	keyZeroNil   = 0x00 // no text at all
	keyZeroEnd   = 0x01 // the end of the text
	keyZeroPlain = 0xFF // a zero byte of the text
)

const (
	keySign64 = 1 << 63
	keySign32 = 1 << 31

	// The one NaN that keys hold: positive and quiet, so its key is above +Inf.
	keyNaN64 = 0x7FF8000000000001
	keyNaN32 = 0x7FC00000

	// keyYearOne leads from seconds since 1970 to seconds since the year 1, in
	// which time.Time counts: adding it wraps around exactly where Unix did,
	// so every time keeps its order.
	keyYearOne = 62135596800
)

// appendKey appends the parts of the value at p. If whole, the last part has
// the form that only the end of the key ends.
func appendKey(dst []byte, steps []keyStep, p unsafe.Pointer, whole bool) []byte {
	for i := range steps {
		s := &steps[i]
		at := unsafe.Add(p, s.offset)
		whole := whole && i == len(steps)-1
		switch s.kind {
		case Bool, Int8, Uint8:
			dst = append(dst, keyByte(s.kind, at))
		case Int16, Uint16:
			dst = binary.BigEndian.AppendUint16(dst, keyUint16(s.kind, at))
		case Int32, Uint32, Float32:
			dst = binary.BigEndian.AppendUint32(dst, keyUint32(s.kind, at))
		case Int64, Uint64, Float64:
			dst = binary.BigEndian.AppendUint64(dst, keyUint64(s.kind, at))
		case String:
			dst = appendKeyString(dst, *(*string)(at), whole)
		case Bytes:
			dst = appendKeyBytes(dst, *(*[]byte)(at), whole)
		case Time:
			dst = appendKeyTime(dst, *(*time.Time)(at))
		case List:
			dst = appendKeyList(dst, s, at, whole)
		case Pointer:
			dst = appendKeyPointer(dst, s, at, whole)
		}
	}
	return dst
}

func keyByte(kind Kind, at unsafe.Pointer) byte {
	v := *(*uint8)(at)
	if kind == Int8 {
		v ^= 1 << 7
	}
	return v
}

func keyUint16(kind Kind, at unsafe.Pointer) uint16 {
	v := *(*uint16)(at)
	if kind == Int16 {
		v ^= 1 << 15
	}
	return v
}

func keyUint32(kind Kind, at unsafe.Pointer) uint32 {
	v := *(*uint32)(at)
	switch kind {
	case Int32:
		v ^= keySign32
	case Float32:
		v = keyFloat32(*(*float32)(at))
	}
	return v
}

func keyUint64(kind Kind, at unsafe.Pointer) uint64 {
	v := *(*uint64)(at)
	switch kind {
	case Int64:
		v ^= keySign64
	case Float64:
		v = keyFloat64(*(*float64)(at))
	}
	return v
}

func keyFloat64(f float64) uint64 {
	switch {
	case f == 0:
		return keySign64
	case f != f:
		return keyNaN64 | keySign64
	}
	v := math.Float64bits(f)
	return v ^ (uint64(int64(v)>>63) | keySign64)
}

func keyFloat32(f float32) uint32 {
	switch {
	case f == 0:
		return keySign32
	case f != f:
		return keyNaN32 | keySign32
	}
	v := math.Float32bits(f)
	return v ^ (uint32(int32(v)>>31) | keySign32)
}

func appendKeyTime(dst []byte, t time.Time) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(t.Unix()+keyYearOne)^keySign64)
	return binary.BigEndian.AppendUint32(dst, uint32(t.Nanosecond()))
}

func appendKeyString(dst []byte, s string, whole bool) []byte {
	if whole {
		return append(dst, s...)
	}
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			break
		}
		dst = append(dst, s[:i]...)
		dst = append(dst, keyZero, keyZeroPlain)
		s = s[i+1:]
	}
	dst = append(dst, s...)
	return append(dst, keyZero, keyZeroEnd)
}

func appendKeyBytes(dst, b []byte, whole bool) []byte {
	switch {
	case whole:
		if b != nil && (len(b) == 0 || b[0] == keyZero) {
			dst = append(dst, keyZero)
		}
		return append(dst, b...)
	case b == nil:
		return append(dst, keyZero, keyZeroNil)
	}
	return appendKeyString(dst, unsafe.String(unsafe.SliceData(b), len(b)), false)
}

// keySlice is the header of a slice of any type.
type keySlice struct {
	data     unsafe.Pointer
	len, cap int
}

func appendKeyList(dst []byte, s *keyStep, at unsafe.Pointer, whole bool) []byte {
	list := (*keySlice)(at)
	if list.data == nil {
		if whole {
			return dst
		}
		return append(dst, keyNil)
	}
	for i := range list.len {
		dst = append(dst, keyElem)
		dst = appendKey(dst, s.elem, unsafe.Add(list.data, uintptr(i)*s.size), false)
	}
	if whole && list.len > 0 {
		return dst
	}
	return append(dst, keyEnd)
}

func appendKeyPointer(dst []byte, s *keyStep, at unsafe.Pointer, whole bool) []byte {
	v := *(*unsafe.Pointer)(at)
	if v == nil {
		return append(dst, keyNil)
	}
	return appendKey(append(dst, keySet), s.elem, v, whole)
}

package column

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/fault"
)

// keyDecoder reads the parts of a key from rest. It refuses whatever the
// encoder does not write, so that one value has one key also after damage.
type keyDecoder struct {
	rest []byte
	mask uint64 // all ones for descending parts
}

func (d *keyDecoder) steps(steps []keyStep, p unsafe.Pointer, whole bool) error {
	for i := range steps {
		s := &steps[i]
		if err := d.step(s, unsafe.Add(p, s.offset), whole && i == len(steps)-1); err != nil {
			return err
		}
	}
	return nil
}

func (d *keyDecoder) step(s *keyStep, at unsafe.Pointer, whole bool) error {
	switch s.kind {
	case String, Bytes:
		return d.text(s.kind, at, whole)
	case List:
		return d.list(s, at, whole)
	case Pointer:
		return d.pointer(s, at, whole)
	case Time:
		return d.time((*time.Time)(at))
	}
	return d.scalar(s.kind, at)
}

func keyDamage(reason string) error { return fault.New(fault.Corrupt, "decode key: %s", reason) }

// take returns the next n bytes, at most 8, as a big-endian number.
func (d *keyDecoder) take(n int) (uint64, error) {
	if len(d.rest) < n {
		return 0, keyDamage("it ends inside a number or before a mark")
	}
	var b [8]byte
	copy(b[8-n:], d.rest[:n])
	d.rest = d.rest[n:]
	return (binary.BigEndian.Uint64(b[:]) ^ d.mask) & (math.MaxUint64 >> (64 - 8*n)), nil
}

var keyWidths = [...]int{
	Bool: 1, Int8: 1, Uint8: 1, Int16: 2, Uint16: 2, Int32: 4, Uint32: 4, Float32: 4,
	Int64: 8, Uint64: 8, Float64: 8,
}

func (d *keyDecoder) scalar(kind Kind, at unsafe.Pointer) error {
	v, err := d.take(keyWidths[kind])
	if err != nil {
		return err
	}
	switch kind {
	case Bool:
		if v > 1 {
			return keyDamage("a bool is neither 0 nor 1")
		}
		*(*bool)(at) = v == 1
	case Int8:
		*(*int8)(at) = int8(v ^ 1<<7)
	case Int16:
		*(*int16)(at) = int16(v ^ 1<<15)
	case Int32:
		*(*int32)(at) = int32(v ^ keySign32)
	case Int64:
		*(*int64)(at) = int64(v ^ keySign64)
	case Uint8:
		*(*uint8)(at) = uint8(v)
	case Uint16:
		*(*uint16)(at) = uint16(v)
	case Uint32:
		*(*uint32)(at) = uint32(v)
	case Uint64:
		*(*uint64)(at) = v
	case Float32:
		return decodeKeyFloat32(uint32(v), (*float32)(at))
	case Float64:
		return decodeKeyFloat64(v, (*float64)(at))
	}
	return nil
}

const keyFloatDamage = "a float is a negative zero or a NaN of another pattern"

func decodeKeyFloat64(v uint64, to *float64) error {
	f := math.Float64frombits(v ^ (uint64(int64(^v)>>63) | keySign64))
	if keyFloat64(f) != v {
		return keyDamage(keyFloatDamage)
	}
	*to = f
	return nil
}

func decodeKeyFloat32(v uint32, to *float32) error {
	f := math.Float32frombits(v ^ (uint32(int32(^v)>>31) | keySign32))
	if keyFloat32(f) != v {
		return keyDamage(keyFloatDamage)
	}
	*to = f
	return nil
}

func (d *keyDecoder) time(to *time.Time) error {
	seconds, err := d.take(8)
	if err != nil {
		return err
	}
	nanos, err := d.take(4)
	if err != nil {
		return err
	}
	if nanos >= uint64(time.Second) {
		return keyDamage("a time has more than a second of nanoseconds")
	}
	*to = time.Unix(int64(seconds^keySign64)-keyYearOne, int64(nanos)).UTC()
	return nil
}

func (d *keyDecoder) text(kind Kind, at unsafe.Pointer, whole bool) error {
	text, isNil, err := []byte(nil), false, error(nil)
	switch {
	case !whole:
		text, isNil, err = d.part()
	case kind == Bytes:
		text, isNil, err = d.wholeBytes()
	default:
		text, d.rest = bytes.Clone(d.rest), nil
	}
	switch {
	case err != nil:
		return err
	case kind == Bytes && isNil:
		*(*[]byte)(at) = nil
	case kind == Bytes:
		*(*[]byte)(at) = text
	case isNil:
		return keyDamage("a string is nil")
	default: // text is ours and nobody else sees it
		*(*string)(at) = unsafe.String(unsafe.SliceData(text), len(text))
	}
	return nil
}

func (d *keyDecoder) wholeBytes() (text []byte, isNil bool, err error) {
	raw := d.rest
	d.rest = nil
	if len(raw) == 0 {
		return nil, true, nil
	}
	if raw[0] == keyZero {
		if raw = raw[1:]; len(raw) > 0 && raw[0] != keyZero {
			return nil, false, keyDamage("a zero byte precedes bytes that need none")
		}
	}
	return append(make([]byte, 0, len(raw)), raw...), false, nil
}

// part reads text up to its end mark and returns a copy.
func (d *keyDecoder) part() (text []byte, isNil bool, err error) {
	end, zeros, err := d.measure()
	if err != nil {
		return nil, false, err
	}
	raw := d.rest[:end]
	mark := d.rest[end+1] ^ byte(d.mask)
	d.rest = d.rest[end+2:]
	if mark == keyZeroNil {
		return nil, true, nil
	}
	text = make([]byte, 0, len(raw)-zeros)
	for zero := byte(d.mask); zeros > 0; zeros-- {
		i := bytes.IndexByte(raw, zero)
		text = append(text, raw[:i+1]...)
		raw = raw[i+2:]
	}
	text = append(text, raw...)
	if d.mask != 0 {
		for i := range text {
			text[i] = ^text[i]
		}
	}
	return text, false, nil
}

// measure returns where the end mark of the text stands and how many zero
// bytes the text has. A nil mark counts as an end, but only at the start.
func (d *keyDecoder) measure() (end, zeros int, err error) {
	for at := 0; ; at += 2 {
		i := bytes.IndexByte(d.rest[at:], keyZero^byte(d.mask))
		if i < 0 || at+i+1 >= len(d.rest) {
			return 0, 0, keyDamage("it ends inside a string")
		}
		at += i
		switch mark := d.rest[at+1] ^ byte(d.mask); {
		case mark == keyZeroPlain:
			zeros++
		case mark == keyZeroEnd, mark == keyZeroNil && at == 0:
			return at, zeros, nil
		default:
			return 0, 0, keyDamage("a zero byte in a string is followed by an unknown mark")
		}
	}
}

func (d *keyDecoder) list(s *keyStep, at unsafe.Pointer, whole bool) error {
	list := reflect.NewAt(s.goType, at).Elem()
	list.SetZero()
	if whole && len(d.rest) == 0 {
		return nil
	}
	for n := 0; ; n++ {
		if whole && n > 0 && len(d.rest) == 0 {
			return nil
		}
		mark, err := d.take(1)
		switch {
		case err != nil:
			return err
		case mark == keyNil && n == 0 && !whole:
			return nil
		case mark == keyEnd && (n == 0 || !whole):
			if n == 0 {
				list.Set(reflect.MakeSlice(s.goType, 0, 0))
			}
			return nil
		case mark != keyElem:
			return keyDamage("a list has an unknown mark")
		}
		list.Grow(1)
		list.SetLen(n + 1)
		if err := d.steps(s.elem, list.Index(n).Addr().UnsafePointer(), false); err != nil {
			return err
		}
	}
}

func (d *keyDecoder) pointer(s *keyStep, at unsafe.Pointer, whole bool) error {
	mark, err := d.take(1)
	if err != nil {
		return err
	}
	switch mark {
	case keyNil:
		*(*unsafe.Pointer)(at) = nil
		return nil
	case keySet:
		v := reflect.New(s.goType.Elem()).UnsafePointer()
		*(*unsafe.Pointer)(at) = v
		return d.steps(s.elem, v, whole)
	}
	return keyDamage("a pointer has an unknown mark")
}

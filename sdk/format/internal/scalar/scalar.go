// Package scalar is what formats of text share about single values: numbers
// and bools as text, and times of RFC 3339. The formats call it from their
// inner loops; it allocates nothing and owns no goroutine.
package scalar

import (
	"reflect"
	"strconv"
	"unsafe"
)

// AppendFunc appends the text of the value at p.
type AppendFunc func(dst []byte, p unsafe.Pointer) []byte

// Appender returns the function that appends values of a Go type: whole
// numbers in decimal, floats as short as they can be read back, bools as true
// and false. It returns nil for any other type.
func Appender(t reflect.Type) AppendFunc {
	// By the kind in Go, since int has another size in columns than in the
	// memory of some machines.
	return appenders[t.Kind()]
}

var appenders = map[reflect.Kind]AppendFunc{
	reflect.Bool:    appendBool,
	reflect.Int:     appendInt[int],
	reflect.Int8:    appendInt[int8],
	reflect.Int16:   appendInt[int16],
	reflect.Int32:   appendInt[int32],
	reflect.Int64:   appendInt[int64],
	reflect.Uint:    appendUint[uint],
	reflect.Uint8:   appendUint[uint8],
	reflect.Uint16:  appendUint[uint16],
	reflect.Uint32:  appendUint[uint32],
	reflect.Uint64:  appendUint[uint64],
	reflect.Float32: appendFloat32,
	reflect.Float64: appendFloat64,
}

func appendBool(dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendBool(dst, *(*bool)(p))
}

func appendInt[N int | int8 | int16 | int32 | int64](dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendInt(dst, int64(*(*N)(p)), 10)
}

func appendUint[N uint | uint8 | uint16 | uint32 | uint64](dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendUint(dst, uint64(*(*N)(p)), 10)
}

func appendFloat32(dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendFloat(dst, float64(*(*float32)(p)), 'g', -1, 32)
}

func appendFloat64(dst []byte, p unsafe.Pointer) []byte {
	return strconv.AppendFloat(dst, *(*float64)(p), 'g', -1, 64)
}

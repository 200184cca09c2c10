package csv

import (
	"bytes"
	"math/bits"
	"strconv"
	"unsafe"
)

// load8 returns the 8 bytes of data from at on; there must be as many.
func load8(data []byte, at int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(data)), at))
}

// digits8 reads 1 to 8 decimal digits, which are the lowest n bytes of word, as
// in Lemire, "Quickly parsing eight digits" (2018). It is wrong on machines
// whose words begin with their highest byte; Go has none that this runs on.
func digits8(word uint64, n int) (value uint64, ok bool) {
	const zeros, highs = 0x3030303030303030, 0x8080808080808080
	// Zeros go before the digits: below them, since the first byte is lowest.
	word = (word ^ zeros) << (uint(8-n) * 8 & 63)
	if (word|(word+0x7676767676767676))&highs != 0 {
		return 0, false // 10 + 0x76 is 0x80
	}
	word = word*10 + word>>8
	return (word&0x000000ff000000ff*0x000f424000000064 + word>>16&0x000000ff000000ff*0x0000271000000001) >> 32, true
}

// parseDigits reads data[from:to] as decimal digits. It fails on anything else,
// on nothing, and above 64 bits.
func parseDigits(data []byte, from, to int) (uint64, bool) {
	n := to - from
	if n >= 1 && n <= 8 && from+8 <= len(data) {
		return digits8(load8(data, from), n)
	}
	return parseLongDigits(data, from, to)
}

func parseLongDigits(data []byte, from, to int) (value uint64, ok bool) {
	if to <= from {
		return 0, false
	}
	for to-from >= 8 {
		low, ok := digits8(load8(data, from), 8)
		if !ok {
			return 0, false
		}
		high, scaled := bits.Mul64(value, 1e8)
		var carry uint64
		if value, carry = bits.Add64(scaled, low, 0); high|carry != 0 {
			return 0, false
		}
		from += 8
	}
	for ; from < to; from++ {
		digit := uint64(data[from] - '0')
		high, scaled := bits.Mul64(value, 10)
		var carry uint64
		if value, carry = bits.Add64(scaled, digit, 0); digit > 9 || high|carry != 0 {
			return 0, false
		}
	}
	return value, true
}

// parseInt reads data[from:to] as a decimal number with or without a sign.
func parseInt(data []byte, from, to int) (int64, bool) {
	if from >= to {
		return 0, false
	}
	sign := data[from]
	if sign == '-' || sign == '+' {
		from++
	}
	v, ok := parseDigits(data, from, to)
	if sign == '-' {
		return -int64(v), ok && v <= 1<<63
	}
	return int64(v), ok && v < 1<<63
}

// parseUint is parseInt for numbers that are not negative; like package
// strconv, it takes no sign.
func parseUint(data []byte, from, to int) (uint64, bool) { return parseDigits(data, from, to) }

// tens are the powers of ten that a float64 holds exactly.
var tens = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// tens64 are those that fit 64 bits with room to spare.
var tens64 = [...]uint64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// decimal reads data[from:to] as digits with at most one point among them, at
// most 8 on either side: value / 10^scale. That is what most numbers look like;
// others fail here and are read otherwise.
func decimal(data []byte, from, to int) (value uint64, scale int, ok bool) {
	n := to - from
	if n < 1 || n > 17 || from+8 > len(data) {
		return 0, 0, false
	}
	word := load8(data, from)
	// The lowest mark of a byte that is a point; marks above may be wrong.
	x := word ^ 0x2e2e2e2e2e2e2e2e
	point := bits.TrailingZeros64((x-0x0101010101010101)&^x&0x8080808080808080) >> 3
	if point >= n {
		if n > 8 {
			return 0, 0, false
		}
		value, ok = digits8(word, n)
		return value, 0, ok
	}
	if point == 8 && data[from+8] != '.' {
		return 0, 0, false
	}
	scale = n - point - 1
	if point == 0 || scale == 0 || scale > 8 || from+point+9 > len(data) {
		return 0, 0, false
	}
	whole, ok := digits8(word, point)
	part, ok2 := digits8(load8(data, from+point+1), scale)
	return whole*tens64[scale] + part, scale, ok && ok2
}

// parseFloat64 reads data[from:to] as a decimal number, NaN or infinity, to the
// nearest float64. A number beyond its range fails.
func parseFloat64(data []byte, from, to int) (float64, bool) {
	if from >= to {
		return 0, false
	}
	begin := from
	if data[from] == '-' {
		begin++
	}
	// Both parts are exact, so that their quotient is the nearest (Clinger, "How
	// to Read Floating Point Numbers Accurately", 1990).
	if v, scale, ok := decimal(data, begin, to); ok && v < 1<<53 {
		f := float64(v) / tens[scale]
		if begin > from {
			f = -f
		}
		return f, true
	}
	return parseAnyFloat(data[from:to], 64)
}

// parseFloat32 is parseFloat64 for a float32.
func parseFloat32(data []byte, from, to int) (float32, bool) {
	if from >= to {
		return 0, false
	}
	begin := from
	if data[from] == '-' {
		begin++
	}
	if v, scale, ok := decimal(data, begin, to); ok && v < 1<<24 {
		f := float32(v) / float32(tens[scale]) // exact up to 10^10
		if begin > from {
			f = -f
		}
		return f, true
	}
	f, ok := parseAnyFloat(data[from:to], 32)
	return float32(f), ok
}

func parseAnyFloat(text []byte, size int) (float64, bool) {
	for _, c := range text {
		if c == 'x' || c == 'X' || c == '_' {
			return 0, false // of Go's syntax, not of data
		}
	}
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), size)
	return f, err == nil
}

// parseBool reads data[from:to] as true or false, t or f, 1 or 0, in the cases
// that package strconv takes.
func parseBool(data []byte, from, to int) (bool, bool) {
	switch string(data[from:max(from, to)]) {
	case "1", "t", "T", "true", "TRUE", "True":
		return true, true
	case "0", "f", "F", "false", "FALSE", "False":
		return false, true
	}
	return false, false
}

// wholeNumber reports whether a text is a whole number of any size.
func wholeNumber(text []byte) bool {
	digits := bytes.TrimPrefix(text, []byte{'-'})
	return len(digits) > 0 && len(bytes.Trim(digits, "0123456789")) == 0
}

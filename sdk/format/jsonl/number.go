package jsonl

import (
	"reflect"
	"strconv"
	"unsafe"
)

type integer interface {
	int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64
}

// safeDigits is how many digits can be added up without an overflow.
const safeDigits = 18

// parseInt is the parseFunc of whole numbers. A number with a fraction or an
// exponent is refused, even where it is whole, as encoding/json does.
func parseInt[N integer](in *input, at int, p unsafe.Pointer) int {
	data := in.data
	i := at
	if data[i] == '-' {
		i++
	}
	first := i
	n := uint64(data[i] - '0')
	if n > 9 {
		return notNumber[N](in, at, "a whole number")
	}
	if i++; n != 0 {
		for ; ; i++ {
			digit := uint64(data[i] - '0')
			if digit > 9 {
				break
			}
			n = n*10 + digit
		}
	}
	if c := data[i]; c == '.' || c|0x20 == 'e' {
		return in.mismatch(at, "a whole number", goName[N]())
	}
	if i-first > safeDigits {
		return parseLong[N](in, at, i, p)
	}
	negative := first > at
	if signed[N]() {
		v := int64(n)
		if negative {
			v = -v
		}
		if int64(N(v)) != v {
			return outside[N](in, at, i)
		}
		*(*N)(p) = N(v)
		return i
	}
	if negative || uint64(N(n)) != n {
		return outside[N](in, at, i)
	}
	*(*N)(p) = N(n)
	return i
}

func signed[N integer]() bool { return ^N(0) < 0 }

func goName[N any]() string { return reflect.TypeFor[N]().String() }

// parseLong is parseInt for numbers that may overflow 64 bits.
func parseLong[N integer](in *input, at, end int, p unsafe.Pointer) int {
	text := string(in.data[at:end])
	size := 8 * int(unsafe.Sizeof(N(0)))
	if signed[N]() {
		v, err := strconv.ParseInt(text, 10, size)
		if err != nil {
			return outside[N](in, at, end)
		}
		*(*N)(p) = N(v)
		return end
	}
	v, err := strconv.ParseUint(text, 10, size)
	if err != nil {
		return outside[N](in, at, end)
	}
	*(*N)(p) = N(v)
	return end
}

func outside[N any](in *input, at, end int) int {
	return in.fail(at, "%s is outside the range of %s", in.shown(at, end), goName[N]())
}

// notNumber is what stands where a number should: null, or an error.
func notNumber[N any](in *input, at int, what string) int {
	if in.null(at) {
		return at + 4
	}
	return in.mismatch(at, what, goName[N]())
}

// powers are the powers of ten that a float64 holds exactly.
var powers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// The limits within which one multiplication or division of two exact numbers
// gives the nearest float (W. D. Clinger, How to Read Floating Point Numbers
// Accurately, 1990): whole numbers up to 2^53 and 2^24, powers of ten up to
// 10^22 and 10^10.
const (
	exactMantissa64, exactPower64 = 1 << 53, 22
	exactMantissa32, exactPower32 = 1 << 24, 10
)

// parseFloat64 is the parseFunc of float64.
func parseFloat64(in *input, at int, p unsafe.Pointer) int {
	mantissa, power, end := in.number(at)
	if end == failed {
		return notNumber[float64](in, at, "a number")
	}
	if mantissa > exactMantissa64 || power < -exactPower64 || power > exactPower64 {
		return parseLongFloat[float64](in, at, end, p)
	}
	v := float64(mantissa)
	if power < 0 {
		v /= powers[-power]
	} else {
		v *= powers[power]
	}
	if in.data[at] == '-' {
		v = -v
	}
	*(*float64)(p) = v
	return end
}

// parseFloat32 is the parseFunc of float32.
func parseFloat32(in *input, at int, p unsafe.Pointer) int {
	mantissa, power, end := in.number(at)
	if end == failed {
		return notNumber[float32](in, at, "a number")
	}
	if mantissa > exactMantissa32 || power < -exactPower32 || power > exactPower32 {
		return parseLongFloat[float32](in, at, end, p)
	}
	v := float32(mantissa)
	if power < 0 {
		v /= float32(powers[-power])
	} else {
		v *= float32(powers[power])
	}
	if in.data[at] == '-' {
		v = -v
	}
	*(*float32)(p) = v
	return end
}

func parseLongFloat[F float32 | float64](in *input, at, end int, p unsafe.Pointer) int {
	text := unsafe.String(&in.data[at], end-at)
	v, err := strconv.ParseFloat(text, 8*int(unsafe.Sizeof(F(0))))
	if err != nil {
		return outside[F](in, at, end)
	}
	*(*F)(p) = F(v)
	return end
}

// tooLong is the mantissa of a number with more digits than can be added up.
const tooLong = 1<<64 - 1

// number returns the end of the number at a place, failed if there is none,
// and its value without the sign: mantissa * 10^power.
func (in *input) number(at int) (mantissa uint64, power, end int) {
	data := in.data
	if data[at] == '-' {
		at++
	}
	first := at
	n := uint64(data[at] - '0')
	if n > 9 {
		return 0, 0, failed
	}
	if at++; n != 0 {
		for ; ; at++ {
			digit := uint64(data[at] - '0')
			if digit > 9 {
				break
			}
			n = n*10 + digit
		}
	}
	digits := at - first
	if data[at] == '.' {
		at++
		point := at
		for ; ; at++ {
			digit := uint64(data[at] - '0')
			if digit > 9 {
				break
			}
			n = n*10 + digit
		}
		if at == point {
			return 0, 0, failed
		}
		power = point - at
		digits -= power
	}
	if data[at]|0x20 == 'e' {
		exponent, after := in.exponent(at + 1)
		if after == failed {
			return 0, 0, failed
		}
		power, at = power+exponent, after
	}
	if digits > safeDigits {
		n = tooLong
	}
	return n, power, at
}

// exponent reads what follows the "e" of a number. One beyond all floats is
// cut off, so that it does not overflow.
func (in *input) exponent(at int) (exponent, end int) {
	negative := in.data[at] == '-'
	if negative || in.data[at] == '+' {
		at++
	}
	first := at
	for ; in.data[at]-'0' <= 9; at++ {
		exponent = min(10*exponent+int(in.data[at]-'0'), 1<<20)
	}
	if at == first {
		return 0, failed
	}
	if negative {
		exponent = -exponent
	}
	return exponent, at
}

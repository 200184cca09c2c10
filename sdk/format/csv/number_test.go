package csv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// numbers are texts around the edges of what is read fast.
func numbers(rng *rand.Rand) []string {
	all := []string{"", "-", "+", ".", "-.", "0", "-0", "+0", "00", "1.", ".5", "-.5", "1.5.2", "1..2", "--1", "+-1", "1-", "1 ", " 1", "1e5", "1E-5", "1e", "e5",
		"12345678", "123456789", "1234567.8", "12345678.9", "12345678.12345678", "123456789.1", "0.123456789", "99999999.99999999", "16777217", "16777216.0", "0.1", "4503599627370497.5",
		"9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "100000000000000000000000",
		"inf", "-Inf", "+Infinity", "nan", "NaN", "1e308", "1e309", "3.5e38", "1/2", "1:2", "1/", "/1", "a", "1a", "\x00", "1\x00", "\xff1", "0000000000000000000000001", "12345678901234567890123456789.5"}
	for range 2000 {
		text := strconv.FormatUint(rng.Uint64()>>rng.IntN(64), 10)
		switch at := rng.IntN(len(text) + 1); rng.IntN(4) {
		case 0:
			text = text[:at] + "." + text[at:]
		case 1:
			text = text[:at] + string(rune(rng.IntN(128))) + text[at:]
		case 2:
			text = "-" + text
		}
		all = append(all, text)
	}
	return all
}

// TestNumbers compares with package strconv, the number alone and with other
// bytes around it.
func TestNumbers(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, text := range numbers(rand.New(rand.NewPCG(seed, 0))) {
		for _, around := range []string{"", "1.2.3.4.5.6.7.8.9."} {
			data := []byte(around + text + around)
			from, to := len(around), len(around)+len(text)
			i, iErr := strconv.ParseInt(text, 10, 64)
			if got, ok := parseInt(data, from, to); ok != (iErr == nil) || ok && got != i {
				t.Errorf("parseInt(%q) = %v, %v, want %v, %v", text, got, ok, i, iErr)
			}
			u, uErr := strconv.ParseUint(text, 10, 64)
			if got, ok := parseUint(data, from, to); ok != (uErr == nil) || ok && got != u {
				t.Errorf("parseUint(%q) = %v, %v, want %v, %v", text, got, ok, u, uErr)
			}
			f, fErr := strconv.ParseFloat(text, 64)
			if strings.ContainsAny(text, "xX_") {
				continue
			}
			if got, ok := parseFloat64(data, from, to); ok != (fErr == nil) || ok && math.Float64bits(got) != math.Float64bits(f) {
				t.Errorf("parseFloat64(%q) = %v, %v, want %v, %v", text, got, ok, f, fErr)
			}
			f, fErr = strconv.ParseFloat(text, 32)
			if got, ok := parseFloat32(data, from, to); ok != (fErr == nil) || ok && math.Float32bits(got) != math.Float32bits(float32(f)) {
				t.Errorf("parseFloat32(%q) = %v, %v, want %v, %v", text, got, ok, f, fErr)
			}
		}
	}
}

func TestBools(t *testing.T) {
	for _, text := range []string{"", "1", "0", "t", "F", "true", "False", "TRUE", "tRUE", "yes", "2"} {
		want, err := strconv.ParseBool(text)
		if got, ok := parseBool([]byte(text), 0, len(text)); ok != (err == nil) || got != want {
			t.Errorf("parseBool(%q) = %v, %v, want %v, %v", text, got, ok, want, err)
		}
	}
}

func TestFlatten(t *testing.T) {
	for _, mask := range []uint64{0, 1, 1 << 63, 0xff, 0x1ff, math.MaxUint64, 0x8000000000000001, 0x5555555555555555} {
		var dst [72]int32
		n := flatten(unsafe.Pointer(&dst), mask, 1000)
		var want []int32
		for i := range int32(64) {
			if mask>>i&1 != 0 {
				want = append(want, 1000+i)
			}
		}
		if got := dst[:n]; fmt.Sprint(got) != fmt.Sprint(want) && n+len(want) > 0 {
			t.Errorf("flatten(%x) = %v, want %v", mask, got, want)
		}
	}
}

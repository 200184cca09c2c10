package jsonl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// randomDigits returns a decimal number of JSON with up to 25 digits.
func randomDigits(rng *rand.Rand) string {
	digits := func(most int) string {
		b := make([]byte, 1+rng.IntN(most))
		for i := range b {
			b[i] = '0' + byte(rng.IntN(10))
		}
		return string(b)
	}
	text := strings.TrimLeft(digits([]int{3, 9, 25}[rng.IntN(3)]), "0")
	if text == "" {
		text = "0"
	}
	if rng.IntN(2) == 0 {
		text = "-" + text
	}
	if rng.IntN(3) > 0 {
		text += "." + digits([]int{3, 9, 25}[rng.IntN(3)])
	}
	if rng.IntN(3) == 0 {
		text += fmt.Sprintf("e%d", rng.IntN(120)-60)
	}
	return text
}

func TestFloats(t *testing.T) {
	rng := seeded(t)
	for range 50_000 {
		text := randomDigits(rng)
		in := &input{data: []byte(text + "\n")}
		var f64 float64
		end64 := parseFloat64(in, 0, unsafe.Pointer(&f64))
		if want, err := strconv.ParseFloat(text, 64); err != nil || end64 != len(text) || math.Float64bits(f64) != math.Float64bits(want) {
			t.Fatalf("parseFloat64(%s) = %v, end %d, want %v", text, f64, end64, want)
		}
		var f32 float32
		end32 := parseFloat32(in, 0, unsafe.Pointer(&f32))
		want, err := strconv.ParseFloat(text, 32)
		if (err != nil) != (end32 == failed) || err == nil && math.Float32bits(f32) != math.Float32bits(float32(want)) {
			t.Fatalf("parseFloat32(%s) = %v, end %d, want %v, error %v", text, f32, end32, want, err)
		}
	}
}

func TestIntegers(t *testing.T) {
	rng := seeded(t)
	for range 30_000 {
		// Close to a power of two, where types overflow, or anywhere.
		text := strconv.FormatUint(1<<rng.IntN(64)+rng.Uint64N(5)-2, 10)
		if rng.IntN(2) == 0 {
			text = strconv.FormatUint(max(1, rng.Uint64()>>rng.IntN(64)), 10) + []string{"", "0", "00"}[rng.IntN(3)]
		}
		if rng.IntN(2) == 0 {
			text = "-" + text
		}
		checkInteger[int8](t, text)
		checkInteger[int16](t, text)
		checkInteger[int32](t, text)
		checkInteger[int64](t, text)
		checkInteger[int](t, text)
		checkInteger[uint8](t, text)
		checkInteger[uint16](t, text)
		checkInteger[uint32](t, text)
		checkInteger[uint64](t, text)
		checkInteger[uint](t, text)
	}
}

func checkInteger[N integer](t *testing.T, text string) {
	t.Helper()
	var got, want N
	in := &input{data: []byte(text + "\n")}
	end := parseInt[N](in, 0, unsafe.Pointer(&got))
	err := json.Unmarshal([]byte(text), &want)
	if (err != nil) != (end == failed) || got != want {
		t.Fatalf("parseInt[%T](%s) = %v, end %d, want %v, error %v", want, text, got, end, want, err)
	}
}

func TestTimes(t *testing.T) {
	rng := seeded(t)
	for range 30_000 {
		at := time.Unix(rng.Int64N(maxTime.Unix()-minTime.Unix())+minTime.Unix()+1, 0)
		at = at.In(time.FixedZone("", (rng.IntN(47)-23)*3600+rng.IntN(60)*60))
		text := []byte(at.Format(time.RFC3339))
		if rng.IntN(4) == 0 { // make something of it that may be no time
			text[rng.IntN(len(text))] = "0123456789-+:TZ.x"[rng.IntN(17)]
		}
		if rng.IntN(2) == 0 {
			text = append(append(bytes.Clone(text[:19]), fmt.Sprintf(".%0*d", 1+rng.IntN(11), rng.IntN(1e9))...), text[19:]...)
		}
		var want time.Time
		err := want.UnmarshalJSON(fmt.Appendf(nil, "%q", text))
		held := err == nil && (want.IsZero() || !want.Before(minTime) && !want.After(maxTime))
		var got time.Time
		in := &input{data: fmt.Appendf(nil, "%q\n", text)}
		end := parseTime(in, 0, unsafe.Pointer(&got))
		if held != (end != failed) || held && got != want.UTC() {
			t.Fatalf("parseTime(%s) = %v, end %d, want %v, error %v", text, got, end, want.UTC(), err)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b\\c\n\x00\x1f\x7f", "\xff\xe2\x80", "é\u2028\u2029😀", strings.Repeat("x", 20) + "\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := bytes.TrimSuffix(linesOf(t, []string{s}), []byte("\n"))
		got := appendString([]byte("x"), s)[1:]
		if !bytes.Equal(got, want) {
			t.Fatalf("appendString(%q) = %s, want %s", s, got, want)
		}
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatal(err)
		}
		in := &input{data: append(got, '\n')}
		var read string
		if end := parseString(in, 0, unsafe.Pointer(&read)); end != len(got) || read != back {
			t.Fatalf("parseString(%s) = %q, end %d, want %q", got, read, end, back)
		}
	})
}

package memory

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sheafdata/sheaf/internal/fault"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"64MiB": 64 << 20, "2GiB": 2 << 30, "512M": 512 << 20, "1g": 1 << 30, "1048576": 1 << 20, "1.5GiB": 3 << 29,
		"1": 1, "1b": 1, "7 B": 7, "1k": 1024, "1KB": 1024, "1kib": 1024, "1Ki": 1024, "1 KiB": 1024, " 3 M ": 3 << 20,
		"2T": 2 << 40, "1PiB": 1 << 50, "7E": 7 << 60, "0.5k": 512, "1.0": 1, "1.9": 1, "0.001M": 1048, "007": 7,
		"9223372036854775807": math.MaxInt64, "8388607T": 8388607 << 40,
	} {
		if got, err := ParseSize(text); got != want || err != nil {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestParseSizeErrors(t *testing.T) {
	for text, want := range map[string]string{
		"": "is empty", "  ": "is empty", "-1": "is negative", "-1G": "is negative", "0": "is zero", "0GiB": "is zero", "0.0001k": "is zero",
		"9223372036854775808": "too large", "8E": "too large", "8388608T": "too large", "99999999999999999999999G": "too large",
		"G": "begin with a number", "1.5.2G": "begin with a number", ".5G": "begin with a number", "5.G": "begin with a number", "1..2": "begin with a number",
		"+1G": "begin with a number", "1e9": "unknown unit", "0x10": "unknown unit", "1Mb/s": "unknown unit", "1 G G": "unknown unit",
		"1KK": "unknown unit", "1iB": "unknown unit", "1BB": "unknown unit", "1_000": "unknown unit", "1,5G": "unknown unit", "½G": "begin with a number", "1µ": "unknown unit",
		strings.Repeat("9", 1000): "too long",
	} {
		got, err := ParseSize(text)
		if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "such as 512MiB") || len(err.Error()) > 200 {
			t.Errorf("ParseSize(%q) = %d, %v, want an error with %q and an example", text, got, err, want)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 1 << 20: "1 MiB", 3 << 29: "1.5 GiB",
		1<<20 - 1: "1 MiB", 1<<30 - 1: "1 GiB", 1023 << 10: "1023 KiB", 5 << 40: "5 TiB", 1 << 60: "1 EiB",
		math.MaxInt64: "8 EiB", -1: "-1 B", -1536: "-1.5 KiB", math.MinInt64: "-8 EiB",
	} {
		if got := FormatSize(n); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFormatAndParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 7<<60).Draw(t, "n")
		got, err := ParseSize(FormatSize(n))
		if err != nil || math.Abs(float64(got)-float64(n)) > 0.051*math.Max(float64(n), 1) {
			t.Fatalf("ParseSize(FormatSize(%d)) = ParseSize(%q) = %d, %v, want about the same", n, FormatSize(n), got, err)
		}
	})
}

func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"64MiB", "1.5g", "-1", "0", "1e9", "9223372036854775808", " 1 K "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := ParseSize(text); (err == nil) != (n > 0) {
			t.Errorf("ParseSize(%q) = %d, %v, want either a size or an error", text, n, err)
		}
	})
}

func TestParseSizeEveryTruncationAndFlip(t *testing.T) {
	const sample = "1536.25 GiB"
	check := func(text string) {
		if n, err := ParseSize(text); (err == nil) != (n > 0) {
			t.Errorf("ParseSize(%q) = %d, %v, want either a size or an error", text, n, err)
		}
	}
	for i := range sample {
		check(sample[:i])
	}
	for i := range len(sample) * 8 {
		flipped := []byte(sample)
		flipped[i/8] ^= 1 << (i % 8)
		check(string(flipped))
	}
}

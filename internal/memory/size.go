package memory

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
)

// maxSizeText bounds what ParseSize looks at: no sensible size is longer, and
// the exact arithmetic behind it would otherwise cost what the input asks for.
const maxSizeText = 40

// units are the powers of 1024 in order.
const units = "KMGTPE"

// ParseSize reads a size in bytes: "64MiB", "2GiB", "512M", "1g", "1.5 GiB",
// "1048576". K, M, G, T, P and E, with or without i and B and in either case, are
// powers of two. A fraction of a byte is cut off. Negative sizes, zero, sizes
// of 8 EiB and more and anything else are errors of kind fault.Invalid that
// show an example.
func ParseSize(s string) (int64, error) {
	n, reason := parseSize(s)
	if reason != "" {
		return 0, fault.New(fault.Invalid, "size %q %s: write a number and a unit, such as 512MiB, 2GiB or 1.5G", clip(s), reason)
	}
	return n, nil
}

func parseSize(s string) (n int64, reason string) {
	text := strings.TrimSpace(s)
	if text == "" {
		return 0, "is empty"
	}
	if len(text) > maxSizeText {
		return 0, "is too long"
	}
	if text[0] == '-' {
		return 0, "is negative"
	}
	digits := text[:len(text)-len(strings.TrimLeft(text, "0123456789."))]
	if !decimal(digits) {
		return 0, "does not begin with a number"
	}
	shift, ok := unitShift(strings.TrimLeft(text[len(digits):], " "))
	if !ok {
		return 0, "has an unknown unit"
	}
	value, ok := new(big.Rat).SetString(digits)
	if !ok {
		return 0, "does not begin with a number"
	}
	value.Mul(value, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), shift)))
	whole := new(big.Int).Quo(value.Num(), value.Denom())
	switch {
	case !whole.IsInt64():
		return 0, "is too large"
	case whole.Sign() == 0:
		return 0, "is zero"
	}
	return whole.Int64(), ""
}

// decimal reports whether s is digits with at most one point between digits.
func decimal(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	return whole != "" && (!point || fraction != "" && !strings.Contains(fraction, "."))
}

// unitShift returns the power of two of a unit: "", "b", "k", "ki", "kb", "kib" and so on.
func unitShift(unit string) (uint, bool) {
	u := strings.ToUpper(unit)
	if u == "" || u == "B" {
		return 0, true
	}
	i := strings.IndexByte(units, u[0])
	switch u[1:] {
	case "", "I", "B", "IB":
		return uint(i+1) * 10, i >= 0
	}
	return 0, false
}

func clip(s string) string {
	if len(s) <= maxSizeText {
		return s
	}
	return s[:maxSizeText] + "…"
}

// FormatSize writes a size for people: "1.5 GiB" with at most one digit after
// the point, "1023 B" exactly. ParseSize reads it back to within that rounding.
func FormatSize(n int64) string {
	if n < 0 {
		if n == -n { // the one value without a positive counterpart
			return "-8 EiB"
		}
		return "-" + FormatSize(-n)
	}
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	// 1023.95 would be shown as 1024.0 of the smaller unit.
	for value >= 1023.95 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	text := strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0")
	return text + " " + units[unit:unit+1] + "iB"
}

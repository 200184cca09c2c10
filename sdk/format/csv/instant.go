package csv

import (
	"math"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/sdk/format/internal/scalar"
)

// Times are stored as nanoseconds in 64 bits.
const maxSeconds = math.MaxInt64 / 1_000_000_000

// parseTime reads a text as a time of the layout, or by default as RFC 3339 or
// a date, and returns it in nanoseconds since 1970.
func (t *table) parseTime(text []byte) (int64, bool) {
	if t.TimeLayout == "" {
		if nanos, ok := parseInstant(text); ok {
			return nanos, true
		}
		return parseLayout(time.RFC3339, text)
	}
	return parseLayout(t.TimeLayout, text)
}

func parseLayout(layout string, text []byte) (int64, bool) {
	at, err := time.Parse(layout, unsafe.String(unsafe.SliceData(text), len(text)))
	if s := at.Unix(); err != nil || s < -maxSeconds || s >= maxSeconds {
		return 0, false
	}
	return at.UnixNano(), true
}

// The dates that are read: of years which 64 bits of nanoseconds hold whole.
var (
	firstDate = time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastDate  = time.Date(2261, 12, 31, 0, 0, 0, 0, time.UTC).Unix()
)

// parseInstant reads dates and the usual forms of RFC 3339.
func parseInstant(text []byte) (int64, bool) {
	if seconds, ok := scalar.Date(text); ok {
		return seconds * 1_000_000_000, seconds >= firstDate && seconds <= lastDate
	}
	seconds, nanos, ok := scalar.RFC3339(text)
	return seconds*1_000_000_000 + nanos, ok && seconds >= -maxSeconds && seconds < maxSeconds
}

package jsonl

import (
	"math"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/sdk/format/internal/scalar"
)

// The first and the last time that a column holds, the zero time apart:
// nanoseconds since 1970 in 64 bits.
var (
	minTime = time.Unix(0, math.MinInt64+1).UTC()
	maxTime = time.Unix(0, math.MaxInt64).UTC()
)

// parseTime is the parseFunc of time.Time. The usual form is read here; what
// is unusual or wrong is for package time to tell.
func parseTime(in *input, at int, p unsafe.Pointer) int {
	if in.data[at] != '"' {
		return in.notString(at, "time.Time")
	}
	end, _ := in.stringEnd(at + 1)
	if end == failed {
		return failed
	}
	end++
	seconds, nanos, ok := scalar.RFC3339(in.data[at+1 : end-1])
	t := time.Unix(seconds, nanos).UTC()
	if !ok {
		// Escapes are not undone, as encoding/json does not undo them.
		if err := t.UnmarshalJSON(in.data[at:end]); err != nil {
			return in.fail(at, "%s is not a time of RFC 3339 (time.Time)", in.shown(at, end))
		}
		t = t.UTC()
	}
	if (t.Before(minTime) || t.After(maxTime)) && !t.IsZero() {
		return in.fail(at, "%s is outside of what a column holds (%s to %s)", in.shown(at, end), minTime.Format(time.DateOnly), maxTime.Format(time.DateOnly))
	}
	*(*time.Time)(p) = t
	return end
}

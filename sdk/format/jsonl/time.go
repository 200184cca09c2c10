package jsonl

import (
	"math"
	"time"
	"unsafe"
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
	t, ok := rfc3339(in.data[at+1 : end-1])
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

// rfc3339 reads a time such as 2024-02-29T12:30:00.25+01:00. It reports false
// for what it does not know for certain to be one.
func rfc3339(b []byte) (t time.Time, ok bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return t, false
	}
	year := 100*two(b[0:]) + two(b[2:])
	month, day := two(b[5:]), two(b[8:])
	hour, minute, second := two(b[11:]), two(b[14:]), two(b[17:])
	if year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || uint(hour) > 23 || uint(minute) > 59 || uint(second) > 59 {
		return t, false
	}
	seconds := int64(daysSince1970(year, month, day))*86400 + int64(hour*3600+minute*60+second)
	nanos, b, ok := fraction(b[19:])
	if !ok {
		return t, false
	}
	east, ok := zone(b)
	if !ok {
		return t, false
	}
	return time.Unix(seconds-east, nanos).UTC(), true
}

// two reads two digits; what is none makes a number below 0.
func two(b []byte) int {
	tens, ones := b[0]-'0', b[1]-'0'
	if tens > 9 || ones > 9 {
		return math.MinInt16
	}
	return 10*int(tens) + int(ones)
}

// fraction reads the fraction of a second, if there is one, and returns what
// follows it.
func fraction(b []byte) (nanos int64, rest []byte, ok bool) {
	if b[0] != '.' {
		return 0, b, true
	}
	i := 1
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		nanos = 10*nanos + int64(b[i]-'0')
	}
	digits := i - 1
	if digits < 1 || digits > 9 {
		return 0, nil, false
	}
	for ; digits < 9; digits++ {
		nanos *= 10
	}
	return nanos, b[i:], true
}

// zone reads an offset to UTC and returns it in seconds.
func zone(b []byte) (east int64, ok bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) != len("+00:00") || b[0] != '+' && b[0] != '-' || b[3] != ':' {
		return 0, false
	}
	hours, minutes := two(b[1:]), two(b[4:])
	if uint(hours) > 23 || uint(minutes) > 59 {
		return 0, false
	}
	east = int64(hours*3600 + minutes*60)
	if b[0] == '-' {
		east = -east
	}
	return east, true
}

func daysIn(year, month int) int {
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

// daysSince1970 counts days in the Gregorian calendar by years that begin in
// March, so that the day of a leap year is its last (H. Hinnant,
// chrono-Compatible Low-Level Date Algorithms: days_from_civil). The year is
// not negative.
func daysSince1970(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	if year < 0 { // January of the year 0
		return -719528 + (month-13)*31 + day - 1
	}
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return 365*year + year/4 - year/100 + year/400 + dayOfYear - 719468
}

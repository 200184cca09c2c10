package csv

import (
	"math"
	"time"
	"unsafe"
)

const (
	secondsADay = 24 * 60 * 60
	// Times are stored as nanoseconds in 64 bits.
	maxSeconds = math.MaxInt64 / 1_000_000_000
)

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

// parseInstant reads the usual forms of RFC 3339 and dates without allocating,
// which package time does for the zone of every time that has one.
func parseInstant(text []byte) (int64, bool) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	year, month, day := number(text[:4]), number(text[5:7]), number(text[8:10])
	if year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 || day > daysIn(month, year) {
		return 0, false
	}
	seconds := int64(daysSince1970(year, month, day)) * secondsADay
	if len(text) == 10 {
		return seconds * 1_000_000_000, true
	}
	if len(text) < 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return 0, false
	}
	hour, minute, second := number(text[11:13]), number(text[14:16]), number(text[17:19])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, false
	}
	nanos, rest, ok := fraction(text[19:])
	if !ok {
		return 0, false
	}
	zone, ok := zoneOf(rest)
	return (seconds+int64(hour*3600+minute*60+second-zone))*1_000_000_000 + int64(nanos), ok
}

// number reads digits; -1 if there is anything else.
func number(digits []byte) int {
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

func fraction(text []byte) (nanos int, rest []byte, ok bool) {
	if text[0] != '.' {
		return 0, text, true
	}
	end := 1
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	if end == 1 || end > 10 {
		return 0, nil, false
	}
	nanos = number(text[1:end])
	for range 10 - end {
		nanos *= 10
	}
	return nanos, text[end:], true
}

// zoneOf reads "Z" or "+01:00" as seconds.
func zoneOf(text []byte) (seconds int, ok bool) {
	if string(text) == "Z" {
		return 0, true
	}
	if len(text) != 6 || text[3] != ':' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hours, minutes := number(text[1:3]), number(text[4:6])
	if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	seconds = hours*3600 + minutes*60
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func daysIn(month, year int) int {
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

// daysSince1970 counts days of the Gregorian calendar, as in Hinnant,
// "chrono-Compatible Low-Level Date Algorithms" (2013), for years above 0.
func daysSince1970(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	ofYear := (153*(month-3)+2)/5 + day - 1
	return 365*year + year/4 - year/100 + year/400 + ofYear - 719468
}

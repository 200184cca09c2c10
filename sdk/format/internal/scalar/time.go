package scalar

import "math"

const (
	dateBytes      = len("2006-01-02")
	secondsADay    = 24 * 60 * 60
	fractionDigits = 9
)

// Date reads a date such as 2024-02-29 and returns its beginning in UTC, in
// seconds since 1970. It reports false for what it does not know for certain
// to be one.
func Date(text []byte) (seconds int64, ok bool) {
	if len(text) != dateBytes {
		return 0, false
	}
	return date(text)
}

// RFC3339 reads a time such as 2024-02-29T12:30:00.25+01:00 and returns it in
// seconds since 1970 and nanoseconds. It reports false for what it does not
// know for certain to be one: package time reads more, but allocates for the
// zone of every time that has one.
func RFC3339(text []byte) (seconds, nanos int64, ok bool) {
	if len(text) < len("2006-01-02T15:04:05Z") || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return 0, 0, false
	}
	day, ok := date(text)
	hour, minute, second := two(text[11:]), two(text[14:]), two(text[17:])
	if !ok || uint(hour) > 23 || uint(minute) > 59 || uint(second) > 59 {
		return 0, 0, false
	}
	nanos, rest, ok := fraction(text[19:])
	if !ok {
		return 0, 0, false
	}
	east, ok := zone(rest)
	return day + int64(hour*3600+minute*60+second) - east, nanos, ok
}

// date reads the date that a text begins with.
func date(text []byte) (seconds int64, ok bool) {
	if text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	year := 100*two(text) + two(text[2:])
	month, day := two(text[5:]), two(text[8:])
	if year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return int64(daysSince1970(year, month, day)) * secondsADay, true
}

// two reads two digits; what is none makes a number below 0.
func two(text []byte) int {
	tens, ones := text[0]-'0', text[1]-'0'
	if tens > 9 || ones > 9 {
		return math.MinInt16
	}
	return 10*int(tens) + int(ones)
}

// fraction reads the fraction of a second, if there is one, and returns what
// follows it.
func fraction(text []byte) (nanos int64, rest []byte, ok bool) {
	if text[0] != '.' {
		return 0, text, true
	}
	i := 1
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		nanos = 10*nanos + int64(text[i]-'0')
	}
	digits := i - 1
	if digits < 1 || digits > fractionDigits {
		return 0, nil, false
	}
	for ; digits < fractionDigits; digits++ {
		nanos *= 10
	}
	return nanos, text[i:], true
}

// zone reads an offset to UTC and returns it in seconds.
func zone(text []byte) (east int64, ok bool) {
	if len(text) == 1 && text[0] == 'Z' {
		return 0, true
	}
	if len(text) != len("+00:00") || text[0] != '+' && text[0] != '-' || text[3] != ':' {
		return 0, false
	}
	hours, minutes := two(text[1:]), two(text[4:])
	if uint(hours) > 23 || uint(minutes) > 59 {
		return 0, false
	}
	east = int64(hours*3600 + minutes*60)
	if text[0] == '-' {
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

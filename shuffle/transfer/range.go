package transfer

import (
	"errors"
	"fmt"
	"strings"
)

var errBeyond = errors.New("the range lies beyond the end")

// parseRange reads a Range header against an output of size bytes: one range
// "bytes=first-last", "bytes=first-" or "bytes=-suffix", of which the part
// within the output counts. No header means everything. errBeyond says that
// there is no such part.
func parseRange(header string, size int64) (from, end int64, err error) {
	if header == "" {
		return 0, size, nil
	}
	text, found := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(text, "-")
	if !found || !dash {
		return 0, 0, invalid("the range is not one of the forms bytes=first-last, bytes=first- and bytes=-suffix; several pieces are asked for by POST")
	}
	a, hasFirst := parseNumber(first)
	b, hasLast := parseNumber(last)
	switch {
	case hasFirst && hasLast && a <= b:
		from, end = a, min(b+1, size)
	case hasFirst && last == "":
		from, end = a, size
	case first == "" && hasLast:
		from, end = max(0, size-b), size
	default:
		return 0, 0, invalid("the range holds other than plain numbers, or ends before it begins")
	}
	if from >= end {
		return 0, 0, errBeyond
	}
	return from, end, nil
}

// contentRange is the header of an answer that holds [from, end) of size bytes.
func contentRange(from, end, size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", from, end-1, size)
}

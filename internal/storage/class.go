package storage

import (
	"strings"
	"unicode/utf8"
)

// class is a set of characters in brackets.
type class struct {
	negated bool
	ranges  []charRange
}

type charRange struct{ low, high rune }

func (c *class) has(r rune) bool {
	for _, in := range c.ranges {
		if in.low <= r && r <= in.high {
			return !c.negated
		}
	}
	return c.negated
}

// parseClass reads a class at the beginning of text and returns its length. Its
// grammar is that of path.Match, and ! negates like ^, as in shells.
func parseClass(text string) (set *class, width int, reason string) {
	const open = `[ is never closed; write \[ for the character itself`
	set = &class{}
	i := 1
	if i < len(text) && (text[i] == '^' || text[i] == '!') {
		set.negated = true
		i++
	}
	for first := true; ; first = false {
		if i >= len(text) {
			return nil, 0, open
		}
		if text[i] == ']' && !first {
			return set, i + 1, ""
		}
		low, n, ok := classChar(text[i:])
		if !ok {
			return nil, 0, open
		}
		i += n
		high := low
		// A minus before the bracket stands for itself.
		if strings.HasPrefix(text[i:], "-") && !strings.HasPrefix(text[i:], "-]") {
			high, n, ok = classChar(text[i+1:])
			if !ok {
				return nil, 0, open
			}
			i += 1 + n
		}
		if high < low {
			return nil, 0, "the range " + string(low) + "-" + string(high) + " runs backwards"
		}
		set.ranges = append(set.ranges, charRange{low, high})
	}
}

// classChar reads one character of a class, protected or not. A slash cannot be
// in one, since a class never matches it.
func classChar(text string) (r rune, width int, ok bool) {
	escape := 0
	if strings.HasPrefix(text, `\`) {
		text, escape = text[1:], 1
	}
	if text == "" || text[0] == '/' {
		return 0, 0, false
	}
	r, width = decodeRune(text)
	return r, width + escape, true
}

// decodeRune is utf8.DecodeRuneInString, but a byte that is no UTF-8 becomes a
// character of its own beyond Unicode, so that it never equals another.
func decodeRune(s string) (rune, int) {
	r, width := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && width <= 1 {
		return utf8.MaxRune + 1 + rune(s[0]), 1
	}
	return r, width
}

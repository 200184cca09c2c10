package outline

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// cells measures text in cells of a terminal: a Chinese character takes two. What
// may be either takes one, whatever the locale says, since boxes are drawn of it.
var cells = &runewidth.Condition{}

// size is how many cells a text takes.
func size(s string) int { return cells.StringWidth(s) }

// plain makes text of the user's fit into a line, and into XML: what is no character
// to see could move the cursor or turn the line around.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
}

// clip shortens a text to so many cells.
func clip(s string, most int) string {
	if size(s) <= most {
		return s
	}
	return cells.Truncate(s, max(most, 1), "…")
}

// clipLeft shortens a text at its beginning: the end of a path tells more.
func clipLeft(s string, most int) string {
	if size(s) <= most {
		return s
	}
	return cells.TruncateLeft(s, size(s)-most+1, "…")
}

// pad fills a text up with spaces.
func pad(s string, to int) string {
	return s + strings.Repeat(" ", max(to-size(s), 0))
}

// wrap breaks a text into lines of so many cells at most. A longer word has
// a line of its own, shortened.
func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		word = clip(word, width)
		switch {
		case line == "":
			line = word
		case size(line)+1+size(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

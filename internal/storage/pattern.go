package storage

import (
	"strings"
	"unicode/utf8"

	"github.com/sheafdata/sheaf/internal/fault"
)

// maxNesting bounds braces inside braces.
const maxNesting = 32

type tokenKind uint8

const (
	literal   tokenKind = iota // one byte, text
	slash                      // ends a segment
	anyOne                     // ?
	anyRun                     // *
	anyDepth                   // **, alone in its segment
	anyOf                      // [...]
	openBrace                  // { of alternatives
	nextBrace                  // , inside braces
	endBrace                   // }
	comma                      // , outside braces: ends an item
)

// token is one element of the pattern language.
type token struct {
	kind tokenKind
	char byte   // of a literal
	set  *class // of anyOf
	at   int    // byte position in the user's text
}

// item is one of the comma separated parts of the user's text.
type item struct {
	text  string // as written
	paths [][]token
}

// parsePatterns reads the whole pattern text. Each item's braces are multiplied
// out, so its paths consist of literals, slashes and wildcards only.
func parsePatterns(text string) ([]item, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	var items []item
	for start := 0; start <= len(tokens); {
		end := start
		for end < len(tokens) && tokens[end].kind != comma {
			end++
		}
		from, to := position(tokens, start, text), position(tokens, end, text)
		if start == end {
			return nil, badPattern(text, from, "nothing stands between the commas; write \\, for a comma in a name")
		}
		paths, err := expandBraces(tokens[start:end])
		if err != nil {
			return nil, err.in(text)
		}
		for _, path := range paths {
			if err := checkDepth(path); err != nil {
				return nil, err.in(text)
			}
		}
		items = append(items, item{text: text[from:to], paths: paths})
		start = end + 1
	}
	return items, nil
}

func position(tokens []token, i int, text string) int {
	if i < len(tokens) {
		return tokens[i].at
	}
	return len(text)
}

// patternError is a mistake at a position of the text that is not known here.
type patternError struct {
	at     int
	reason string
}

func (e *patternError) in(text string) error { return badPattern(text, e.at, e.reason) }

func badPattern(text string, at int, reason string) error {
	return fault.New(fault.Invalid, "bad input pattern %q at character %d: %s", text, utf8.RuneCountInString(text[:at])+1, reason)
}

// tokenize cuts the text into tokens and checks that braces and brackets pair.
func tokenize(text string) ([]token, error) {
	var tokens []token
	var open []int // positions of braces that are not closed yet
	for i := 0; i < len(text); {
		t := token{kind: literal, char: text[i], at: i}
		width := 1
		switch c := text[i]; {
		case c == '\\':
			if i+1 == len(text) {
				return nil, badPattern(text, i, "a backslash must stand before the character that it protects")
			}
			t.char, width = text[i+1], 2
			if t.char == '/' {
				t.kind = slash
			}
		case c == '/':
			t.kind = slash
		case c == '?':
			t.kind = anyOne
		case c == '*':
			t.kind = anyRun
			if strings.HasPrefix(text[i:], "**") {
				t.kind, width = anyDepth, 2
			}
		case c == '[':
			set, n, reason := parseClass(text[i:])
			if reason != "" {
				return nil, badPattern(text, i, reason)
			}
			t.kind, t.set, width = anyOf, set, n
		case c == '{':
			t.kind = openBrace
			open = append(open, i)
			if len(open) > maxNesting {
				return nil, badPattern(text, i, "braces are nested too deeply")
			}
		case c == '}':
			if len(open) == 0 {
				return nil, badPattern(text, i, `} closes nothing; write \} for the character itself`)
			}
			t.kind = endBrace
			open = open[:len(open)-1]
		case c == ',' && len(open) > 0:
			t.kind = nextBrace
		case c == ',':
			t.kind = comma
		}
		tokens = append(tokens, t)
		i += width
	}
	if len(open) > 0 {
		return nil, badPattern(text, open[len(open)-1], `{ is never closed; write \{ for the character itself`)
	}
	return tokens, nil
}

// checkDepth makes sure that ** stands alone between slashes: **.csv would look
// as if it reached into subdirectories.
func checkDepth(path []token) *patternError {
	for i, t := range path {
		if t.kind != anyDepth {
			continue
		}
		if i > 0 && path[i-1].kind != slash || i+1 < len(path) && path[i+1].kind != slash {
			return &patternError{t.at, "** must stand alone between slashes, as in logs/**/*.csv"}
		}
	}
	return nil
}

package storage

import "strings"

// segment is what stands between two slashes of a pattern.
type segment struct {
	tokens []token
	deep   bool   // **
	plain  bool   // no wildcard: text is the name
	text   string // of a plain segment
}

func newSegment(tokens []token) segment {
	s := segment{tokens: tokens, plain: true, deep: len(tokens) == 1 && tokens[0].kind == anyDepth}
	var text strings.Builder
	for _, t := range tokens {
		if t.kind != literal {
			s.plain = false
			return s
		}
		text.WriteByte(t.char)
	}
	s.text = text.String()
	return s
}

// wantsHidden reports whether the segment names hidden entries literally.
func (s segment) wantsHidden() bool {
	return len(s.tokens) > 0 && s.tokens[0].kind == literal
}

// matches reports whether the segment stands for name, which has no slash. It
// is the usual greedy match: on a mismatch only the latest * takes one character
// more, so the cost is at most the product of the lengths.
func (s segment) matches(name string) bool {
	if s.plain {
		return s.text == name
	}
	tokens := s.tokens
	at, pos := 0, 0
	star, starPos := -1, 0
	for pos < len(name) || at < len(tokens) {
		if at < len(tokens) && tokens[at].kind == anyRun {
			star, starPos = at, pos
			at++
			continue
		}
		if at < len(tokens) {
			if width := tokens[at].matchOne(name[pos:]); width > 0 {
				at++
				pos += width
				continue
			}
		}
		if star < 0 || starPos >= len(name) {
			return false
		}
		_, width := decodeRune(name[starPos:])
		starPos += width
		at, pos = star+1, starPos
	}
	return true
}

// matchOne returns how many bytes at the beginning of name the token takes, 0 for none.
func (t token) matchOne(name string) int {
	if name == "" {
		return 0
	}
	if t.kind == literal {
		if name[0] == t.char {
			return 1
		}
		return 0
	}
	r, width := decodeRune(name)
	if t.kind == anyOne || t.kind == anyOf && t.set.has(r) {
		return width
	}
	return 0
}

// hidden reports whether directories and wildcards pass over a name.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// glob is one path pattern, ready to walk.
type glob struct {
	prefix   string // fixed text before the first segment with a wildcard, as written
	segments []segment
	dirs     bool // ends in a slash: stands for directories, whose files are meant
}

// newGlob cuts a path without braces into its fixed prefix and its segments; a
// path without wildcards is all prefix.
func newGlob(path []token) glob {
	var g glob
	var prefix strings.Builder
	fixed := 0 // tokens in the prefix
	for start := 0; start <= len(path); {
		end := start
		for end < len(path) && path[end].kind != slash {
			end++
		}
		s := newSegment(path[start:end])
		if !s.plain {
			break
		}
		prefix.WriteString(s.text)
		if end < len(path) {
			prefix.WriteByte('/')
		}
		fixed, start = end+1, end+1
	}
	g.prefix = prefix.String()
	if fixed > len(path) {
		return g
	}
	g.addSegments(path[fixed:])
	return g
}

func (g *glob) addSegments(path []token) {
	for start := 0; start <= len(path); {
		end := start
		for end < len(path) && path[end].kind != slash {
			end++
		}
		s := newSegment(path[start:end])
		empty := s.plain && (s.text == "" || s.text == ".")
		repeated := s.deep && len(g.segments) > 0 && g.segments[len(g.segments)-1].deep
		if !empty && !repeated {
			g.segments = append(g.segments, s)
		}
		g.dirs = empty
		start = end + 1
	}
	// A directory stands for the files below it, which is what ** says.
	if g.dirs && !g.segments[len(g.segments)-1].deep {
		g.segments = append(g.segments, segment{deep: true})
	}
}

package storage

import "slices"

const (
	// maxAlternatives bounds what the braces of one item may stand for: each
	// further pair multiplies.
	maxAlternatives = 4096
	// maxExpanded bounds the tokens of all alternatives together, about 24 MiB.
	maxExpanded = 1 << 20
)

// expandBraces multiplies out the alternatives of one item: a{b,c{d,e}} becomes
// ab, acd and ace, in this order. Braces pair, tokenize has seen to that.
func expandBraces(tokens []token) ([][]token, *patternError) {
	if !slices.ContainsFunc(tokens, func(t token) bool { return t.kind == openBrace }) {
		return [][]token{tokens}, nil
	}
	e := expander{left: maxExpanded}
	paths, _, err := e.alternatives(tokens)
	return paths, err
}

type expander struct {
	left int // tokens that may still be made
}

// alternatives expands tokens up to the comma or brace that ends the
// alternative, or to the end, and returns how many tokens it took.
func (e *expander) alternatives(tokens []token) (paths [][]token, taken int, err *patternError) {
	paths = [][]token{nil}
	for taken < len(tokens) {
		t := tokens[taken]
		switch t.kind {
		case nextBrace, endBrace:
			return paths, taken, nil
		case openBrace:
			choices, n, err := e.group(tokens[taken:])
			if err != nil {
				return nil, 0, err
			}
			if paths, err = e.product(paths, choices, t.at); err != nil {
				return nil, 0, err
			}
			taken += n
		default:
			if e.left -= len(paths); e.left < 0 {
				return nil, 0, tooMany(t.at)
			}
			for i := range paths {
				paths[i] = append(paths[i], t)
			}
			taken++
		}
	}
	return paths, taken, nil
}

// group expands the braces at the beginning of tokens.
func (e *expander) group(tokens []token) (choices [][]token, taken int, err *patternError) {
	taken = 1
	for {
		paths, n, err := e.alternatives(tokens[taken:])
		if err != nil {
			return nil, 0, err
		}
		choices = append(choices, paths...)
		if len(choices) > maxAlternatives {
			return nil, 0, tooMany(tokens[0].at)
		}
		taken += n + 1
		if tokens[taken-1].kind == endBrace {
			return choices, taken, nil
		}
	}
}

// product puts each choice behind each path.
func (e *expander) product(paths, choices [][]token, at int) ([][]token, *patternError) {
	if len(paths)*len(choices) > maxAlternatives {
		return nil, tooMany(at)
	}
	all := make([][]token, 0, len(paths)*len(choices))
	for _, path := range paths {
		for _, choice := range choices {
			if e.left -= len(path) + len(choice); e.left < 0 {
				return nil, tooMany(at)
			}
			all = append(all, slices.Concat(path, choice))
		}
	}
	return all, nil
}

func tooMany(at int) *patternError {
	return &patternError{at, "the braces stand for too many alternatives; name a directory or use * instead"}
}

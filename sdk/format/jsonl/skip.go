package jsonl

// maxDepth is how deep values may be nested: the limit of encoding/json.
const maxDepth = 10_000

// skip returns the end of the value at a place, whatever it is, or failed. It
// checks the value as far as JSON goes. Depth is how many objects and arrays
// there are around it.
func (in *input) skip(at, depth int) int {
	data := in.data
	switch c := data[at]; c {
	case '"':
		end, _ := in.stringEnd(at + 1)
		if end == failed {
			return failed
		}
		return end + 1
	case '{', '[':
		if depth >= maxDepth {
			return in.fail(at, "values are nested deeper than %d", maxDepth)
		}
		if c == '{' {
			return in.skipObject(at, depth+1)
		}
		return in.elements(at, func(_, at int) int { return in.skip(at, depth+1) })
	case 't':
		return in.literal(at, "true")
	case 'f':
		return in.literal(at, "false")
	case 'n':
		return in.literal(at, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if _, _, end := in.number(at); end != failed {
			return end
		}
		return in.fail(at, "a number is not one of JSON")
	}
	return in.expected(at, "a value")
}

func (in *input) literal(at int, word string) int {
	if len(in.data)-at < len(word) || string(in.data[at:at+len(word)]) != word {
		return in.expected(at, "a value")
	}
	return at + len(word)
}

func (in *input) skipObject(at, depth int) int {
	at = in.space(at + 1)
	if in.data[at] == '}' {
		return at + 1
	}
	for {
		if in.data[at] != '"' {
			return in.expected(at, "the name of a member")
		}
		end, _ := in.stringEnd(at + 1)
		if end == failed {
			return failed
		}
		if at = in.colon(end + 1); at == failed {
			return failed
		}
		if at = in.skip(at, depth); at == failed {
			return failed
		}
		var more bool
		if at, more = in.separator(at, '}'); !more {
			return at
		}
	}
}

// colon passes over the colon after a member's name, and the white space
// around it.
func (in *input) colon(at int) int {
	at = in.space(at)
	if in.data[at] != ':' {
		return in.expected(at, `":"`)
	}
	return in.space(at + 1)
}

// separator passes over the comma after a member or an element, and the white
// space around it, or over what ends the object or array: then more is false.
func (in *input) separator(at int, last byte) (next int, more bool) {
	c := in.data[at]
	if c <= ' ' {
		at = in.space(at)
		c = in.data[at]
	}
	if c == ',' {
		if at++; in.data[at] > ' ' {
			return at, true
		}
		return in.space(at), true
	}
	if c == last {
		return at + 1, false
	}
	return in.expected(at, `"," or "`+string(last)+`"`), false
}

// elements calls parse with the number and the place of each element of the
// array at a place, which returns its end, and returns the array's end.
func (in *input) elements(at int, parse func(i, at int) int) int {
	at = in.space(at + 1)
	if in.data[at] == ']' {
		return at + 1
	}
	for i := 0; ; i++ {
		if at = parse(i, at); at == failed {
			return failed
		}
		var more bool
		if at, more = in.separator(at, ']'); !more {
			return at
		}
	}
}

package jsonl

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// object parses objects into structs.
//
// Which member follows which is learned from the data: rows of one source
// mostly have the same members in the same order, also those that the struct
// does not have, and then a name is one comparison of words.
type object struct {
	goType  string
	strict  bool
	depth   int // of objects and arrays, this one included
	members map[string]*objectMember
	folded  map[string]*objectMember // by folded name, the first of equal ones

	first *spelling            // of the first member of the last object
	names map[string]*spelling // by the bytes between the quotes
}

// objectMember is a member that the struct has.
type objectMember struct {
	name   string
	offset uintptr
	parse  parseFunc
}

// spelling is a member's name as the data spells it.
type spelling struct {
	quoted string // the name in quotes and the colon, as mostly written
	// The first 16 bytes of quoted, and masks of as many as there are.
	words, masks [2]uint64
	member       *objectMember // nil if the struct does not have it
	next         *spelling     // what followed it last
	kept         bool          // in object.names; only such are pointed to
}

const (
	// maxSpellings bounds the names that are kept, for objects that are maps
	// with ever new names.
	maxSpellings = 1024
	// maxNameBytes is the longest name that is kept.
	maxNameBytes = 256
)

func (o *object) parse(in *input, at int, p unsafe.Pointer) int {
	data := in.data
	if data[at] != '{' {
		if in.null(at) {
			return at + 4
		}
		return in.mismatch(at, "an object", o.goType)
	}
	if at++; data[at] <= ' ' {
		at = in.space(at)
	}
	if data[at] == '}' {
		return at + 1
	}
	for expected := &o.first; ; {
		name := *expected
		if name != nil && name.stands(data, at) {
			at += len(name.quoted)
			if data[at] <= ' ' {
				at = in.space(at)
			}
		} else {
			if name, at = o.look(in, at); at == failed {
				return failed
			}
			if name.kept {
				*expected = name
			}
		}
		expected = &name.next
		if m := name.member; m == nil {
			if at = in.skip(at, o.depth); at == failed {
				return failed
			}
		} else if at = m.parse(in, at, unsafe.Add(p, m.offset)); at == failed {
			return in.inside(m.name)
		}
		var more bool
		if at, more = in.separator(at, '}'); !more {
			return at
		}
	}
}

// stands reports whether the name, in quotes and with its colon, is at a place.
func (n *spelling) stands(data []byte, at int) bool {
	if len(data)-at < 16 {
		return len(data)-at >= len(n.quoted) && string(data[at:at+len(n.quoted)]) == n.quoted
	}
	if binary.LittleEndian.Uint64(data[at:])&n.masks[0] != n.words[0] ||
		binary.LittleEndian.Uint64(data[at+8:])&n.masks[1] != n.words[1] {
		return false
	}
	return len(n.quoted) <= 16 || len(data)-at >= len(n.quoted) && string(data[at+16:at+len(n.quoted)]) == n.quoted[16:]
}

// look reads the name at a place and returns the place of its value.
func (o *object) look(in *input, at int) (*spelling, int) {
	if in.data[at] != '"' {
		return nil, in.expected(at, "the name of a member")
	}
	end, plain := in.stringEnd(at + 1)
	if end == failed {
		return nil, failed
	}
	raw := in.data[at+1 : end]
	name := o.names[string(raw)]
	if name == nil {
		name = o.learn(in, raw, plain)
	}
	if o.strict && name.member == nil {
		return nil, in.fail(at, "%s is not a member of %s", in.shown(at, end+1), o.goType)
	}
	return name, in.colon(end + 1)
}

// learn makes out what a name stands for.
func (o *object) learn(in *input, raw []byte, plain bool) *spelling {
	text := raw
	if !plain {
		text = in.unquote(raw)
	}
	m := o.members[string(text)]
	if m == nil {
		m = o.folded[fold(text)]
	}
	n := &spelling{quoted: `"` + string(raw) + `":`, member: m}
	var head, mask [16]byte
	for i := range copy(head[:], n.quoted) {
		mask[i] = 0xff
	}
	for i := range n.words {
		n.words[i] = binary.LittleEndian.Uint64(head[8*i:])
		n.masks[i] = binary.LittleEndian.Uint64(mask[8*i:])
	}
	if len(o.names) < maxSpellings && len(raw) <= maxNameBytes {
		o.names[string(raw)] = n
		n.kept = true
	}
	return n
}

// fold returns a name with the letters that differ by case alone made equal,
// as encoding/json does.
func fold(name []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (r < 'A' || r > 'z') {
			return r
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name))
}

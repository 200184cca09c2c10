package jsonl

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
)

// member is a field of a struct as JSON shows it.
type member struct {
	name      string
	offset    uintptr
	typ       *column.Type
	omitEmpty bool
	omitZero  bool
}

// membersOf lists the members of a struct type, those of embedded structs in
// their place.
func membersOf(t *column.Type) ([]member, error) {
	var found []embeddedMember
	if err := collect(t, 0, 0, &found); err != nil {
		return nil, err
	}
	// As in Go, a name hides those that are embedded deeper.
	least := map[string]int{}
	for _, m := range found {
		if depth, ok := least[m.name]; !ok || m.depth < depth {
			least[m.name] = m.depth
		}
	}
	var members []member
	taken := map[string]bool{}
	for _, m := range found {
		if m.depth > least[m.name] {
			continue
		}
		if taken[m.name] {
			return nil, fault.New(fault.Invalid, "%v: two fields have the member name %q: rename one with a json tag", t.Go, m.name)
		}
		taken[m.name] = true
		members = append(members, m.member)
	}
	return members, nil
}

type embeddedMember struct {
	member
	depth int // of embedding
}

// collect adds the members of a struct that stands at an offset.
func collect(t *column.Type, offset uintptr, depth int, found *[]embeddedMember) error {
	stored := 0
	for i := range t.Go.NumField() {
		f := t.Go.Field(i)
		if f.Tag.Get(column.Tag) == "-" {
			continue
		}
		c := &t.Fields[stored]
		stored++
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		m, named, err := tagged(f, tag)
		if err != nil {
			return err
		}
		if f.Anonymous && !named && f.Tag.Get(column.Tag) == "" {
			if c.Type.Kind == column.Struct && !hasMethods(c.Type.Go) {
				if err := collect(c.Type, offset+f.Offset, depth+1, found); err != nil {
					return err
				}
				continue
			}
			if c.Type.Kind == column.Pointer && c.Type.Elem.Kind == column.Struct {
				return fault.New(fault.Invalid, "%v: field %s is an embedded pointer, whose members may be missing all at once: give it a name with a json tag, or embed the struct itself", t.Go, f.Name)
			}
		}
		if !named {
			m.name = c.Name
		}
		m.offset, m.typ = offset+f.Offset, c.Type
		*found = append(*found, embeddedMember{m, depth})
	}
	return nil
}

// tagged reads a json tag: the name, if it gives one, and the options.
func tagged(f reflect.StructField, tag string) (m member, named bool, err error) {
	name, options, _ := strings.Cut(tag, ",")
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			m.omitEmpty = true
		case "omitzero":
			m.omitZero = true
		case "string":
			return m, false, fault.New(fault.Invalid, "field %s: the json option \"string\" is not supported: make the field a string", f.Name)
		}
	}
	m.name = name
	return m, validName(name), nil
}

// validName reports whether encoding/json takes a tag's name for one.
func validName(name string) bool {
	for _, c := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return name != ""
}

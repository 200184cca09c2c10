package operator

import (
	"strings"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Order is a list of sort terms; the first that differs decides.
type Order[T any] []Term[T]

// Term is one sort term: a key of the row and a direction.
type Term[T any] struct {
	descending bool
	start      func(descending, last bool) term[T]
}

// Descending returns the term turned around.
func (t Term[T]) Descending() Term[T] {
	t.descending = !t.descending
	return t
}

// term makes the keys of one chunk of rows at a time: load takes the chunk,
// append appends the key of its row i.
type term[T any] struct {
	load   func(rows []T)
	append func(dst []byte, i int) []byte
	// view is append without a copy: nil where the key's bytes stand nowhere.
	view func(i int) []byte
	// forget lets go of the chunk.
	forget func()
	// text returns the key with which some bytes begin, for people, and what follows.
	// It is nil for terms that are no keys of their own.
	text func(key []byte) (text string, rest []byte, err error)
}

// By returns the term that sorts by a function of the row; kt is the type of K.
func By[T, K any](kt *column.KeyType, key func(T) K) Term[T] {
	return Term[T]{start: func(descending, last bool) term[T] {
		// The chunk's keys stand in a slice: a key on the stack would escape,
		// one allocation a row.
		var keys []K
		t := term[T]{
			load: func(rows []T) {
				keys = keys[:0]
				for i := range rows {
					keys = append(keys, key(rows[i]))
				}
			},
			append: func(dst []byte, i int) []byte {
				if last && !descending {
					return kt.Append(dst, unsafe.Pointer(&keys[i]))
				}
				return kt.AppendPart(dst, unsafe.Pointer(&keys[i]), descending)
			},
			forget: func() { clear(keys) },
			text: func(key []byte) (string, []byte, error) {
				var k K
				var rest []byte
				var err error
				if last && !descending {
					err = kt.Decode(key, unsafe.Pointer(&k))
				} else {
					rest, err = kt.DecodePart(key, unsafe.Pointer(&k), descending)
				}
				return kt.Text(unsafe.Pointer(&k), plan.MaxKeyTextBytes), rest, err
			},
		}
		if last && !descending && kt.IsString() {
			t.view = func(i int) []byte {
				key := *(*string)(unsafe.Pointer(&keys[i]))
				return unsafe.Slice(unsafe.StringData(key), len(key))
			}
		}
		return t
	}}
}

// orderer makes the normalised keys of chunks of rows. One goroutine uses it.
type orderer[T any] struct {
	terms []term[T]
	keys  column.Keys
	one   []byte
}

func newOrderer[T any](o Order[T]) *orderer[T] {
	r := &orderer[T]{}
	for i, t := range o {
		r.terms = append(r.terms, t.start(t.descending, i == len(o)-1))
	}
	return r
}

// keysOf returns the keys of rows, valid until the next call.
func (o *orderer[T]) keysOf(rows []T) *column.Keys {
	o.keys.Reset()
	for _, t := range o.terms {
		t.load(rows)
	}
	for i := range rows {
		o.one = o.one[:0]
		for _, t := range o.terms {
			o.one = t.append(o.one, i)
		}
		o.keys.Add(o.one)
	}
	return &o.keys
}

// keyOf returns the key of a single row, valid until the next call: a view of
// the row where its bytes stand there.
func (o *orderer[T]) keyOf(row []T) column.Keys {
	if len(o.terms) == 1 && o.terms[0].view != nil {
		o.terms[0].load(row)
		return column.ViewKey(o.terms[0].view(0))
	}
	o.one = o.one[:0]
	for _, t := range o.terms {
		t.load(row)
		o.one = t.append(o.one, 0)
	}
	return column.ViewKey(o.one)
}

// text is a key for people: its terms with commas between them; empty where it is
// cut off, or has a term that is no key.
func (o *orderer[T]) text(key []byte) string {
	terms := make([]string, len(o.terms))
	for i, t := range o.terms {
		if t.text == nil {
			return ""
		}
		var err error
		if terms[i], key, err = t.text(key); err != nil {
			return ""
		}
	}
	return column.CutText(strings.Join(terms, ", "), plan.MaxKeyTextBytes)
}

// forget lets go of the rows and of the memory for keys: they were large.
func (o *orderer[T]) forget() {
	for _, t := range o.terms {
		t.forget()
	}
	o.one = nil
}

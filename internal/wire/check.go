package wire

import (
	"fmt"
	"math"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
)

// checker walks over a parsed message, keeps the place where it is and the first
// thing that is wrong. After a failure its values are of no use.
type checker struct {
	place []step
	err   error
}

// step is one field on the way to a place; index is -1 outside lists.
type step struct {
	field string
	index int
}

// fail keeps the first failure.
func (c *checker) fail(field, format string, args ...any) {
	if c.err != nil {
		return
	}
	var b strings.Builder
	for _, s := range append(c.place, step{field, -1}) {
		if b.Len() > 0 && s.field != "" {
			b.WriteByte('.')
		}
		b.WriteString(s.field)
		if s.index >= 0 {
			fmt.Fprintf(&b, "[%d]", s.index)
		}
	}
	c.err = fault.New(fault.Invalid, "%s: %s", b.String(), fmt.Sprintf(format, args...))
}

// decode checks one message with read; root names it in errors.
func decode[M, T any](root string, m *M, read func(*checker, *M) T) (T, error) {
	c := &checker{place: make([]step, 0, 8)}
	v := one(c, root, m, read)
	if c.err != nil {
		var none T
		return none, c.err
	}
	return v, nil
}

// one reads a part that must be there.
func one[M, T any](c *checker, field string, m *M, read func(*checker, *M) T) (v T) {
	if m == nil {
		c.fail(field, "is missing")
		return v
	}
	c.place = append(c.place, step{field, -1})
	v = read(c, m)
	c.place = c.place[:len(c.place)-1]
	return v
}

// maybe reads a part that may be absent.
func maybe[M, T any](c *checker, field string, m *M, read func(*checker, *M) T) *T {
	if m == nil {
		return nil
	}
	v := one(c, field, m, read)
	return &v
}

// list reads a list of parts; an empty one is nil.
func list[M, T any](c *checker, field string, in []*M, read func(*checker, *M) T) []T {
	if len(in) == 0 || !c.length(field, len(in)) {
		return nil
	}
	out := make([]T, len(in))
	c.place = append(c.place, step{field, 0})
	for i, m := range in {
		c.place[len(c.place)-1].index = i
		if m == nil {
			c.fail("", "is missing")
		} else {
			out[i] = read(c, m)
		}
		if c.err != nil {
			return nil
		}
	}
	c.place = c.place[:len(c.place)-1]
	return out
}

// length checks how long a list is.
func (c *checker) length(field string, n int) bool {
	if n > maxElements {
		c.fail(field, "%d elements, at most %d", n, maxElements)
		return false
	}
	return true
}

// number checks a count or an index.
func (c *checker) number(field string, v int32) int {
	if v < 0 {
		c.fail(field, "is %d, want 0 or more", v)
	}
	return int(v)
}

// quantity checks a number of bytes, rows or units of time.
func (c *checker) quantity(field string, v int64) int64 {
	if v < 0 {
		c.fail(field, "is %d, want 0 or more", v)
	}
	return v
}

// numbers checks a list of numbers; an empty one is nil.
func numbers[T ~int](c *checker, field string, in []int32) []T {
	if len(in) == 0 || !c.length(field, len(in)) {
		return nil
	}
	out := make([]T, len(in))
	for i, v := range in {
		if v < 0 {
			c.fail(field, "element %d is %d, want 0 or more", i, v)
		}
		out[i] = T(v)
	}
	return out
}

// quantities checks a list of quantities, which it keeps; an empty one is nil.
func (c *checker) quantities(field string, in []int64) []int64 {
	if len(in) == 0 || !c.length(field, len(in)) {
		return nil
	}
	for i, v := range in {
		if v < 0 {
			c.fail(field, "element %d is %d, want 0 or more", i, v)
		}
	}
	return in
}

// Bounds of texts, in bytes.
const (
	maxName   = 4 << 10 // names, addresses, destinations
	maxText   = 1 << 20 // arguments, messages, details
	maxDigits = 64      // of a sha256
)

// text checks the length of a text.
func (c *checker) text(field, s string, limit int) string {
	if len(s) > limit {
		c.fail(field, "%d bytes, at most %d", len(s), limit)
	}
	return s
}

// texts checks a list of texts; an empty one is nil.
func (c *checker) texts(field string, in []string, limit int) []string {
	if len(in) == 0 || !c.length(field, len(in)) {
		return nil
	}
	for i, s := range in {
		if len(s) > limit {
			c.fail(field, "element %d has %d bytes, at most %d", i, len(s), limit)
		}
	}
	return in
}

// name checks a text of the usual length.
func (c *checker) name(field, s string) string { return c.text(field, s, maxName) }

// given checks a name that must be there.
func (c *checker) given(field, s string) string {
	if s == "" {
		c.fail(field, "is empty")
	}
	return c.name(field, s)
}

// digest checks a digest of so many bytes, in lower-case hexadecimal.
func (c *checker) digest(field, s string, bytes int) string {
	if len(s) != 2*bytes || strings.Trim(s, "0123456789abcdef") != "" {
		c.fail(field, "%q is not %d hexadecimal digits", s[:min(len(s), maxDigits)], 2*bytes)
	}
	return s
}

// digestOrNone checks a digest that may be empty.
func (c *checker) digestOrNone(field, s string, bytes int) string {
	if s == "" {
		return s
	}
	return c.digest(field, s, bytes)
}

// known returns the value of an enumeration's number.
func known[E ~int32, T any](c *checker, field string, e E, values map[E]T) T {
	v, ok := values[e]
	if !ok {
		c.fail(field, "%d is not known", int32(e))
	}
	return v
}

// narrow makes a number of the schema out of one of ours. One that does not fit
// becomes one that every reader refuses, not another number.
func narrow[T ~int](v T) int32 {
	if int64(v) > math.MaxInt32 || int64(v) < math.MinInt32 {
		return math.MinInt32
	}
	return int32(v)
}

// narrows is narrow for a list.
func narrows[T ~int](in []T) []int32 {
	if len(in) == 0 {
		return nil
	}
	out := make([]int32, len(in))
	for i, v := range in {
		out[i] = narrow(v)
	}
	return out
}

// messages makes a list of messages.
func messages[T, M any](in []T, encode func(*T) *M) []*M {
	if len(in) == 0 {
		return nil
	}
	out := make([]*M, len(in))
	for i := range in {
		out[i] = encode(&in[i])
	}
	return out
}

// inverse turns the values of an enumeration around.
func inverse[K, V comparable](m map[K]V) map[V]K {
	out := make(map[V]K, len(m))
	for k, v := range m {
		out[v] = k
	}
	return out
}

package shuffle

import "bytes"

// KeepFirst says that of the rows of a group, as KeepTogether tells it, no more than
// the first n matter: the others do not leave the task. Rows of a group whose keys
// begin with more than longestGroup bytes all stay.
func (w *SortWriter[V]) KeepFirst(n int64) { w.firsts = &firsts{n: n, group: w.group} }

// longestGroup is so much less than what is held of a large row's key that whether
// a group is longer does not depend on where its rows stand.
const longestGroup = longKeyBytes / 2

// firsts picks the first rows of every group out of rows that come in key order.
type firsts struct {
	n     int64
	group func(key []byte) int
	begin []byte // of all keys of the group at hand
	rows  int64  // of the group so far; 0 where begin is of no group
}

// keeps reports whether the next row is one of the first of its group. Nil keeps all.
func (f *firsts) keeps(key []byte) bool {
	if f == nil {
		return true
	}
	if f.rows == 0 || !bytes.HasPrefix(key, f.begin) {
		n := f.group(key)
		if f.rows = 0; n > longestGroup {
			return true
		}
		f.begin = append(f.begin[:0], key[:n]...)
	}
	f.rows++
	return f.rows <= f.n
}

// restart says that the next row is the first of other ones.
func (f *firsts) restart() {
	if f != nil {
		f.rows = 0
	}
}

// dropOthers leaves out of order, which is that of the keys, all but the first rows
// of every group.
func (w *SortWriter[V]) dropOthers(order []uint32) []uint32 {
	if w.firsts == nil {
		return order
	}
	w.firsts.restart()
	kept := order[:0]
	for _, i := range order {
		if w.firsts.keeps(w.buf.keys.At(int(i))) {
			kept = append(kept, i)
		}
	}
	return kept
}

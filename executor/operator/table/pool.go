package table

import "sync"

// free keeps the tables of ended tasks for the next ones: growing a large table
// anew, page by page, costs as much as some of the work in it. What nobody
// uses, the garbage collector takes away.
var free sync.Pool

// Get returns an empty table, which may hold memory already.
func Get() *Table {
	if t, ok := free.Get().(*Table); ok {
		return t
	}
	return New()
}

// Put takes a table that its owner does not use any more.
func Put(t *Table) {
	t.Reset()
	free.Put(t)
}

package table

import (
	"sync"
	"weak"
)

// free keeps the tables of ended tasks for the next ones: growing a large table
// anew, page by page, costs as much as some of the work in it. The pointers are
// weak, so the garbage collector takes away what nobody uses. A sync.Pool would
// do that too, but keeps one table a processor where no other finds it, and
// tasks wander.
var free struct {
	sync.Mutex // guards tables
	tables     []weak.Pointer[Table]
}

// maxFree bounds the list; there are hardly more than tasks at once.
const maxFree = 256

// Get returns an empty table, which may hold memory already.
func Get() *Table {
	free.Lock()
	defer free.Unlock()
	for len(free.tables) > 0 {
		last := len(free.tables) - 1
		t := free.tables[last].Value()
		free.tables = free.tables[:last]
		if t != nil {
			return t
		}
	}
	return New()
}

// Put takes a table that its owner does not use any more.
func Put(t *Table) {
	t.Reset()
	free.Lock()
	defer free.Unlock()
	if len(free.tables) < maxFree {
		free.tables = append(free.tables, weak.Make(t))
	}
}

package table

import (
	"runtime"
	"testing"
)

func TestPutTablesComeBackEmptyFromAnyGoroutine(t *testing.T) {
	used := New()
	used.Groups(sequence(0, 10_000), nil)
	held := used.Bytes()
	Put(used)
	got := make(chan *Table)
	go func() { got <- Get() }()
	if again := <-got; again != used || again.Len() != 0 || again.Bytes() != held {
		t.Errorf("Get() = %p with %d groups and %d bytes, want %p with 0 and %d", again, again.Len(), again.Bytes(), used, held)
	}
	runtime.KeepAlive(used)
}

func TestFreeTablesAreGarbage(t *testing.T) {
	const n = maxFree + 10
	for range n {
		Put(New())
	}
	if got := len(free.tables); got > maxFree {
		t.Errorf("after Put of %d tables %d are kept, want at most %d", n, got, maxFree)
	}
	runtime.GC()
	runtime.GC() // the first one may have begun before
	Get()
	if got := len(free.tables); got != 0 {
		t.Errorf("after a collection Get leaves %d tables, want 0", got)
	}
}

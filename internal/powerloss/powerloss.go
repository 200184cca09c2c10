// Package powerloss shows tests what a loss of power may leave of the files that
// a program wrote. It watches a real process, below everything that it links: each
// system call that changes a directory goes into a Trace. Replayed on a Disk, which
// forgets what was not synced, the trace gives the trees that the next process may
// find. Only tests import it, and only the watching needs Linux.
//
// The model: bytes of a file are safe once that file was synced; until then each
// write may be there, be missing, be cut off, read as zeros or be garbage. A name
// that was made, changed or removed is safe once its directory was synced; until
// then it may be either way, each on its own. A rename happens or does not, as a
// whole: every file system with a journal promises that. A name of a directory
// does not become safe by what happens inside it.
package powerloss

import (
	"fmt"
	"iter"
	"path/filepath"
	"slices"
)

// Trace is what one process after the other did to a directory.
type Trace struct {
	root  string
	start *Disk
	ops   []op
}

// Begin begins a trace. What is in the directory already is taken to be safe.
func Begin(root string) (*Trace, error) {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	start, err := load(root)
	if err != nil {
		return nil, err
	}
	return &Trace{root: root, start: start}, nil
}

// Len is how many operations there were.
func (t *Trace) Len() int { return len(t.ops) }

// What describes an operation.
func (t *Trace) What(i int) string {
	if i == len(t.ops) {
		return "the end"
	}
	return fmt.Sprintf("%d, %v", i, &t.ops[i])
}

// Syncs lists the operations that make something safe that was not.
func (t *Trace) Syncs() []int {
	var list []int
	d := t.start.clone()
	for i := range t.ops {
		if t.ops[i].kind == opSync && d.unsafe(t.ops[i].path) {
			list = append(list, i)
		}
		d.apply(&t.ops[i])
	}
	return list
}

// Crashes gives the disk as it is before each operation and after the last.
// The syncs in ignored do not happen: it is how a test plants an error.
func (t *Trace) Crashes(ignored ...int) iter.Seq2[int, *Disk] {
	return func(yield func(int, *Disk) bool) {
		d := t.start.clone()
		for i := range t.ops {
			if !yield(i, d) {
				return
			}
			if !slices.Contains(ignored, i) {
				d.apply(&t.ops[i])
			}
		}
		yield(len(t.ops), d)
	}
}

// Said is what the processes had written to their standard output before an
// operation.
func (t *Trace) Said(before int) string {
	var text []byte
	for _, o := range t.ops[:before] {
		if o.kind == opSay {
			text = append(text, o.data...)
		}
	}
	return string(text)
}

package store

import (
	"fmt"
	"sync"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	// smallBytes is how large a map output may grow in memory. Beyond it, what
	// a file costs is its bytes, not its making, and the page cache keeps it in
	// memory anyway if there is room.
	smallBytes = 1 << 20
	// firstBytes is the memory that a writer begins with.
	firstBytes = 4 << 10
)

// Writer writes one map output: blocks by Write, then Publish or Abort. It
// begins in memory and moves to a file when it grows or when the store's
// memory is used up. It is used by one goroutine.
type Writer struct {
	store *Store
	id    plan.OutputID
	turn  uint64

	mu     sync.Mutex // guards what follows: the attempt may be dropped meanwhile
	mem    []byte     // what is written, unless file is set; its capacity is reserved
	file   *file
	offset int64
	done   error // why nothing may be written any more
}

// Create begins a map output. The caller ends it by Publish or Abort. It fails
// only if the store is closed, by an error of kind fault.Canceled.
func (s *Store) Create(id plan.OutputID) (*Writer, error) {
	w := &Writer{store: s, id: id, turn: s.next.Add(1)}
	if err := s.enter(id.Attempt, w); err != nil {
		return nil, w.wrap("create", err)
	}
	return w, nil
}

// Offset returns the bytes written so far, which is where the next block begins.
func (w *Writer) Offset() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offset
}

// Write appends p, whole or not at all. Blocks are written as they come: a
// caller with tiny pieces gathers them first. An error is of kind
// fault.Disk if every disk is full, fault.Lost if every disk fails
// otherwise, fault.Canceled if the attempt was dropped.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.write(p); err != nil {
		return 0, w.wrap("write", err)
	}
	return len(p), nil
}

func (w *Writer) write(p []byte) error {
	if w.done != nil {
		return w.done
	}
	switch {
	case w.file != nil:
		if err := w.file.append(p); err != nil {
			return err
		}
	case w.fits(len(p)):
		w.mem = append(w.mem, p...)
	default:
		if err := w.toFile(p); err != nil {
			return err
		}
	}
	w.offset += int64(len(p))
	return nil
}

// fits makes room for n more bytes in memory, if the store has it.
func (w *Writer) fits(n int) bool {
	need := len(w.mem) + n
	if need > smallBytes {
		return false
	}
	if need <= cap(w.mem) {
		return true
	}
	size := min(smallBytes, max(firstBytes, 2*cap(w.mem), need))
	if !w.store.reserve(int64(size)) {
		return false
	}
	grown := make([]byte, len(w.mem), size)
	copy(grown, w.mem)
	w.store.release(int64(cap(w.mem)))
	w.mem = grown
	return true
}

// toFile moves what is in memory to a file, and p behind it.
func (w *Writer) toFile(p []byte) error {
	f, err := w.store.newFile(w.turn, writingName(w.id, w.turn))
	if err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.OutputCreated); err != nil {
		f.delete()
		return err
	}
	for _, piece := range [][]byte{w.mem, p} {
		if err := f.append(piece); err != nil {
			f.delete() // the write's own error says more
			return err
		}
	}
	w.file = f
	w.forget()
	return nil
}

// forget frees the memory.
func (w *Writer) forget() {
	w.store.release(int64(cap(w.mem)))
	w.mem = nil
}

// Publish appends index and footer and makes the output visible, as a whole,
// under the id that Create was given. It returns the index's digest and the
// output's length in bytes. An id that was published before and an index that
// does not fit what was written are errors of kind fault.Internal, others are
// as Write's. After an error the output is gone as after Abort.
func (w *Writer) Publish(ix Index) (digest string, bytes int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	digest, err = w.publish(ix)
	if err != nil {
		w.end(errEnded())
		w.store.leave(w.id.Attempt, w)
		return "", 0, w.wrap("publish", err)
	}
	w.done, w.mem, w.file = errEnded(), nil, nil // they belong to the output now
	return digest, w.offset, nil
}

func (w *Writer) publish(ix Index) (string, error) {
	if w.done != nil {
		return "", w.done
	}
	tail, digest, err := appendTail(nil, ix, w.offset)
	if err != nil {
		return "", err
	}
	if err := w.finish(tail); err != nil {
		return "", err
	}
	if err := w.store.claim(w.id, w); err != nil {
		return "", err
	}
	o := &output{store: w.store, size: w.offset, digest: digest}
	if err := w.place(o); err != nil {
		w.store.unclaim(w.id, w)
		return "", err
	}
	return digest, nil
}

// finish writes the tail, to a file if the output must become one.
func (w *Writer) finish(tail []byte) error {
	switch {
	case w.file != nil:
		return w.write(tail)
	case !w.store.keeps && w.seal(tail):
	default:
		if err := w.toFile(tail); err != nil {
			return err
		}
	}
	w.offset += int64(len(tail))
	return nil
}

// place gives the finished output its place and books it.
func (w *Writer) place(o *output) error {
	if w.file == nil {
		o.bytes = w.mem
	} else {
		if err := w.file.publish(outputName(w.id)); err != nil {
			return err
		}
		o.dir, o.name = w.file.dir, w.file.name
	}
	return w.store.install(w.id, w, o)
}

// seal puts the tail behind what is in memory, in a slice of the right size:
// the one that doubling made is mostly too large to keep. It reports whether
// the store has the memory.
func (w *Writer) seal(tail []byte) bool {
	need := len(w.mem) + len(tail)
	if need > smallBytes {
		return false
	}
	if snug := need <= cap(w.mem) && need > cap(w.mem)-cap(w.mem)/4; !snug {
		if !w.store.reserve(int64(need)) {
			return false
		}
		exact := make([]byte, len(w.mem), need)
		copy(exact, w.mem)
		w.forget()
		w.mem = exact
	}
	w.mem = append(w.mem, tail...)
	return true
}

// Abort deletes what was written. After Publish it does nothing, so it can be
// deferred.
func (w *Writer) Abort() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end(errEnded())
	w.store.leave(w.id.Attempt, w)
}

// drop implements dropper.
func (w *Writer) drop() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end(errDropped())
}

// end deletes what was written unless the writer has ended before.
func (w *Writer) end(why error) error {
	if w.done != nil {
		return nil
	}
	w.done = why
	w.forget()
	if w.file == nil {
		return nil
	}
	return w.file.delete()
}

func (w *Writer) wrap(what string, err error) error {
	return fmt.Errorf("%s map output %v: %w", what, w.id, err)
}

func errEnded() error { return fault.New(fault.Internal, "it has ended") }

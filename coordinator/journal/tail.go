package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"

	"github.com/sheafdata/sheaf/internal/fault"
)

// tail is the file of the log that is written to, as a crash left it.
type tail struct {
	info  types.SegmentInfo
	last  uint64                             // its last entry that can be read, 0 for none
	index int64                              // where its index is, by which a full file is read; 0 for none
	place func(index uint64) (uint32, error) // of an entry
	file  *os.File
}

// mendTail prepares the tail for the log, which does not go on by itself after
// some crashes. A file that is full gets its index with its last entries, and the
// database learns afterwards that it is full: ended in between, the log refuses to
// write to the file for ever. And what a write that was cut off left behind the
// last entry stays there: later the log takes it for entries, or for an index. What
// the mark calls durable is left alone, for verify to refuse.
func mendTail(folder string, meta types.MetaStore, filer types.SegmentFiler, durable uint64) (err error) {
	state, err := loadState(meta, folder)
	if err != nil || len(state.Segments) == 0 {
		return err
	}
	info := state.Segments[len(state.Segments)-1]
	if !info.SealTime.IsZero() {
		return nil
	}
	w, err := filer.RecoverTail(info)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the log makes it
	}
	if err != nil {
		return err
	}
	defer w.Close() // nothing was written to it
	t, err := readTail(folder, info, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.file.Close()) }()
	if max(t.last, info.BaseIndex-1) < durable || t.last > 0 && t.last < info.MinIndex {
		return nil
	}
	full, err := t.full()
	if err != nil {
		return err
	}
	if !full {
		return t.cut()
	}
	return meta.CommitState(t.followed(state))
}

// loadState reads the log's database, which panics over some damage.
func loadState(meta types.MetaStore, folder string) (_ types.PersistentState, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // it is mapped into memory
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Corrupt, "%s is damaged (%v): %s", filepath.Join(folder, metadb.FileName), p, whatToDo)
		}
	}()
	return meta.Load(folder)
}

func readTail(folder string, info types.SegmentInfo, w types.SegmentWriter) (*tail, error) {
	_, index, err := w.Sealed()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(folder, segment.FileName(info)), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &tail{info, w.LastIndex(), int64(index), w.(*segment.Writer).OffsetForFrame, f}, nil
}

// indexEntry is the length of a place in the index.
const indexEntry = 4

// full reports whether the tail has its index. A write that was cut off may have
// left what looks like one.
func (t *tail) full() (bool, error) {
	if t.index == 0 || t.last == 0 {
		return false, nil
	}
	var want []byte
	for i := t.info.MinIndex; i <= t.last; i++ {
		at, err := t.place(i)
		if err != nil {
			return false, err
		}
		want = binary.LittleEndian.AppendUint32(want, at)
	}
	got := make([]byte, len(want))
	if _, err := t.file.ReadAt(got, t.index+indexEntry*int64(t.info.MinIndex-t.info.BaseIndex)); err != nil && err != io.EOF {
		return false, err
	}
	return bytes.Equal(got, want), nil
}

// followed is the state of a log in which another file follows a tail that is full.
func (t *tail) followed(state types.PersistentState) types.PersistentState {
	full, now := t.info, time.Now()
	full.SealTime, full.MaxIndex, full.IndexStart = now, t.last, uint64(t.index)
	next := types.SegmentInfo{
		ID: state.NextSegmentID, BaseIndex: t.last + 1, MinIndex: t.last + 1,
		SizeLimit: uint32(segmentBytes), Codec: wal.CodecBinaryV1, CreateTime: now,
	}
	known := state.Segments[:len(state.Segments)-1]
	return types.PersistentState{NextSegmentID: state.NextSegmentID + 1, Segments: append(known[:len(known):len(known)], full, next)}
}

// frameHeader is what the log puts before each entry and, without anything behind
// it, after those of one write: a type and, from byte 4 on, a length. Entries are
// padded to a multiple of it.
const frameHeader = 8

// end is where the last write ends that can be read.
func (t *tail) end() (int64, error) {
	if t.last == 0 {
		return 0, nil // the first write brings the header of the file with it
	}
	at, err := t.place(t.last)
	if err != nil {
		return 0, err
	}
	var header [frameHeader]byte
	if _, err := t.file.ReadAt(header[:], int64(at)); err != nil {
		return 0, err
	}
	length := int64(binary.LittleEndian.Uint32(header[4:]))
	padded := (length + frameHeader - 1) / frameHeader * frameHeader
	return int64(at) + frameHeader + padded + frameHeader, nil
}

// cut removes what is behind the last write that can be read.
func (t *tail) cut() error {
	end, err := t.end()
	if err != nil {
		return err
	}
	size, err := t.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	rest := make([]byte, max(size-end, 0))
	if _, err := t.file.ReadAt(rest, end); err != nil && err != io.EOF {
		return err
	}
	if len(bytes.Trim(rest, "\x00")) == 0 {
		return nil
	}
	return errors.Join(t.file.Truncate(end), t.file.Truncate(size), t.file.Sync())
}

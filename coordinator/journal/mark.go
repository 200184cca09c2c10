package journal

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/internal/fault"
)

// mark remembers how far the log is durable. The log cannot tell damage in its
// last segment from a write that a crash cut off: it drops all from there on,
// and what had been acknowledged would be gone without a word. The mark is
// written behind each entry and not synced, so it may lag behind after a crash
// of the machine, but it never promises what was not durable.
type mark struct {
	file *os.File
}

const (
	markName = "mark"
	// markBytes is the index of the last entry and the checksum of that.
	markBytes = 8 + 4
)

func openMark(dir string) (*mark, error) {
	f, err := os.OpenFile(filepath.Join(dir, markName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &mark{f}, nil
}

// set notes the last index.
func (m *mark) set(index uint64) error {
	var b [markBytes]byte
	binary.LittleEndian.PutUint64(b[:], index)
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b[:8], castagnoli))
	_, err := m.file.WriteAt(b[:], 0)
	return err
}

// lower notes a last index below the one before, which must not come back: it
// would promise what is not there any more.
func (m *mark) lower(index uint64) error {
	if err := m.set(index); err != nil {
		return err
	}
	return m.file.Sync()
}

// get returns the last index noted, 0 when there is none or it is torn.
func (m *mark) get() uint64 {
	var b [markBytes]byte
	if _, err := m.file.ReadAt(b[:], 0); err != nil || binary.LittleEndian.Uint32(b[8:]) != crc32.Checksum(b[:8], castagnoli) {
		return 0
	}
	return binary.LittleEndian.Uint64(b[:])
}

// check compares the mark with the last entry that can be read.
func (m *mark) check(last uint64) error {
	if durable := m.get(); last < durable {
		return fault.New(fault.Corrupt, "entries %d to %d were durable and cannot be read any more: %s", last+1, durable, whatToDo)
	}
	return nil
}

const whatToDo = "restore the directory from a copy, or move it away to begin anew without its jobs"

package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/raft-wal/metadb"

	"github.com/sheafdata/sheaf/internal/fault"
)

// TestFullTail has a process that ended between the last write to a file of the log
// and the note that it is full: the next one goes on in a new file.
func TestFullTail(t *testing.T) {
	kept := segmentBytes
	defer func() { segmentBytes = kept }()
	segmentBytes = smallSegment
	dir, m := t.TempDir(), &list{}
	j := lead(t, Config{Dir: dir, Machine: m})
	folder := filepath.Join(dir, walFolder)
	for len(segments(t, dir)) == 1 { // rotation happens behind the write
		add(t, j, strings.Repeat("x", 300))
	}
	want := text(m.all())
	shut(t, j)
	// The note and what came after it did not happen.
	meta := &metadb.BoltMetaDB{}
	state, err := meta.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	first := state.Segments[0]
	first.SealTime, first.IndexStart, first.MaxIndex = state.Segments[1].SealTime, 0, 0
	state.Segments = append(state.Segments[:0], first)
	if err := meta.CommitState(state); err != nil {
		t.Fatal(err)
	}
	if err := meta.Close(); err != nil {
		t.Fatal(err)
	}
	files := segments(t, dir)
	if err := os.Remove(files[len(files)-1]); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, markName)); err != nil {
		t.Fatal(err)
	}
	m = &list{}
	j = lead(t, Config{Dir: dir, Machine: m})
	if got := text(m.all()); !strings.HasPrefix(want, strings.TrimSuffix(got, "]")) || got == "[]" {
		t.Errorf("records %.80s of the full file, want the beginning of those before", got)
	}
	add(t, j, "more")
	shut(t, j)
}

// TestTornTail has a write that was cut off behind what can be read: it is gone
// before anything is written in its place.
func TestTornTail(t *testing.T) {
	dir, m := t.TempDir(), &list{}
	j := lead(t, Config{Dir: dir, Machine: m})
	add(t, j, "a")
	shut(t, j)
	file := segments(t, dir)[0]
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	end := len(strings.TrimRight(string(data), "\x00"))
	end = (end + frameHeader - 1) / frameHeader * frameHeader
	torn := append([]byte{1, 0, 0, 0, 16, 0, 0, 0}, "sixteen bytes ok"...) // a frame of an entry without its end
	copy(data[end+frameHeader*4:], torn)                                   // with a hole before it
	copy(data[end:], torn)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	j = lead(t, Config{Dir: dir, Machine: &list{}})
	shut(t, j)
	data, err = os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "sixteen bytes ok") {
		t.Errorf("what a torn write left is still there")
	}
}

// TestDamagedDatabase has every kind of damage to the database of the log's files
// named, none of it end the process.
func TestDamagedDatabase(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"cut to a page":  func(b []byte) []byte { return b[:4096] },
		"cut in between": func(b []byte) []byte { return b[:5000] },
		"empty":          func([]byte) []byte { return nil },
		"zeros":          func(b []byte) []byte { return make([]byte, len(b)) },
		"other pages": func(b []byte) []byte {
			for i := 8192; i < len(b); i++ {
				b[i] = 0xa5
			}
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := lead(t, Config{Dir: dir, Machine: &list{}})
			add(t, j, "a")
			shut(t, j)
			file := filepath.Join(dir, walFolder, metadb.FileName)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			j, err = Open(within(t), Config{Dir: dir, Machine: &list{}})
			if fault.KindOf(err) != fault.Corrupt || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open = %v, want a corrupt one that names the directory", err)
			}
			if err == nil {
				shut(t, j)
			}
		})
	}
}

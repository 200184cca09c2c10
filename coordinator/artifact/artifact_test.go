package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
)

func open(t *testing.T, dir string, limits Limits) *Store {
	t.Helper()
	s, err := Open(dir, limits)
	if err != nil {
		t.Fatalf("Open(%s) = %v", dir, err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// program returns bytes that differ by seed, and their name.
func program(seed string, n int) (string, []byte) {
	data := bytes.Repeat([]byte(seed+"\x00"), n/(len(seed)+1)+1)[:n]
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), data
}

func none(string) bool { return false }

// put uploads a program in pieces.
func put(t *testing.T, s *Store, name string, data []byte, piece int, keep func(string) bool) error {
	t.Helper()
	for off := 0; ; off += piece {
		end := min(off+piece, len(data))
		n, complete, err := s.Write(Chunk{name, int64(len(data)), int64(off), data[off:end]}, keep)
		if err != nil {
			return err
		}
		if n != int64(end) || complete != (end == len(data)) {
			t.Fatalf("Write(%d to %d of %d) = %d, %v", off, end, len(data), n, complete)
		}
		if complete {
			return nil
		}
	}
}

func TestUploadAndRead(t *testing.T) {
	s := open(t, t.TempDir(), Limits{1 << 20, 1 << 20})
	name, data := program("a", 1000)
	if err := put(t, s, name, data, 300, none); err != nil {
		t.Fatal(err)
	}
	f, n, err := s.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || n != 1000 || !bytes.Equal(got, data) {
		t.Errorf("Read(name) = %d bytes of %d, %v, want those that were written", len(got), n, err)
	}
}

// TestResume: an upload goes on in a new process, and repetitions do no harm.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	name, data := program("a", 1000)
	s := open(t, dir, Limits{1 << 20, 1 << 20})
	if _, _, err := s.Write(Chunk{name, 1000, 0, data[:400]}, none); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir, Limits{1 << 20, 1 << 20})
	if n, complete, err := s.Stat(name); n != 399 || complete || err != nil {
		t.Fatalf("Stat = %d, %v, %v, want all but the last of 400 bytes", n, complete, err)
	}
	for _, step := range []struct{ from, to, want int64 }{{400, 401, 401}, {0, 400, 401}, {100, 300, 401}, {300, 600, 600}, {600, 1000, 1000}, {0, 10, 1000}} {
		n, complete, err := s.Write(Chunk{name, 1000, step.from, data[step.from:step.to]}, none)
		if n != step.want || complete != (step.want == 1000) || err != nil {
			t.Fatalf("Write(%d to %d) = %d, %v, %v, want %d", step.from, step.to, n, complete, err, step.want)
		}
	}
	s.Close()
	s = open(t, dir, Limits{1 << 20, 1 << 20})
	if n, complete, err := s.Stat(name); n != 1000 || !complete || err != nil {
		t.Errorf("Stat = %d, %v, %v, want all of it", n, complete, err)
	}
}

// TestCompletedLater: a program all of whose bytes are there, but which could not
// be given its name, is completed by who asks how much is there and sends the rest.
func TestCompletedLater(t *testing.T) {
	name, data := program("a", 1000)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name+partSuffix), data, 0o600); err != nil { // by a process that was killed
		t.Fatal(err)
	}
	sendRest(t, open(t, dir, Limits{1 << 20, 1 << 20}), name, data)

	dir = t.TempDir()
	s := open(t, dir, Limits{1 << 20, 1 << 20})
	if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil { // is in the way
		t.Fatal(err)
	}
	if err := put(t, s, name, data, 600, none); err == nil {
		t.Fatal("Write of the last chunk = nil, want an error")
	}
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	sendRest(t, s, name, data)
}

func sendRest(t *testing.T, s *Store, name string, data []byte) {
	t.Helper()
	have, complete, err := s.Stat(name)
	if have >= int64(len(data)) || complete || err != nil {
		t.Fatalf("Stat = %d, %v, %v, want less than all and not complete", have, complete, err)
	}
	if _, complete, err := s.Write(Chunk{name, int64(len(data)), have, data[have:]}, none); !complete || err != nil {
		t.Errorf("Write of the rest = %v, %v, want it complete", complete, err)
	}
}

func TestDamagedUploadIsThrownAway(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Limits{1 << 20, 1 << 20})
	name, data := program("a", 1000)
	damaged := bytes.Clone(data)
	damaged[700] ^= 4
	if err := put(t, s, name, damaged, 500, none); fault.KindOf(err) != fault.Corrupt {
		t.Fatalf("Write(damaged) = %v of kind %v, want kind corrupt", err, fault.KindOf(err))
	}
	if n, complete, _ := s.Stat(name); n != 0 || complete {
		t.Errorf("Stat = %d, %v, want nothing", n, complete)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("%d files are left", len(files))
	}
	if err := put(t, s, name, data, 500, none); err != nil {
		t.Errorf("Write(good) = %v", err)
	}
}

func TestRefused(t *testing.T) {
	name, data := program("a", 1000)
	for _, tc := range []struct {
		name  string
		chunk Chunk
		kind  fault.Kind
		want  string
	}{
		{"path", Chunk{"../../etc/passwd", 10, 0, nil}, fault.Invalid, "hexadecimal"},
		{"upper case", Chunk{strings.ToUpper(name), 10, 0, nil}, fault.Invalid, "hexadecimal"},
		{"long name", Chunk{strings.Repeat("a", 1<<20), 10, 0, nil}, fault.Invalid, "hexadecimal"},
		{"empty", Chunk{name, 0, 0, nil}, fault.Invalid, "is none"},
		{"negative", Chunk{name, -1, 0, nil}, fault.Invalid, "is none"},
		{"too large", Chunk{name, 2001, 0, data}, fault.Resource, "at most 2000"},
		{"large chunk", Chunk{name, 2000, 0, make([]byte, MaxChunkBytes+1)}, fault.Invalid, "a chunk of"},
		{"behind the end", Chunk{name, 1000, 1, data}, fault.Invalid, "does not lie within"},
		{"overflow", Chunk{name, 1000, 1<<63 - 1, data}, fault.Invalid, "does not lie within"},
		{"before the beginning", Chunk{name, 1000, -1, data[:10]}, fault.Invalid, "does not lie within"},
		{"gap", Chunk{name, 1000, 600, data[600:]}, fault.Invalid, "only 500 bytes are there"},
		{"other size", Chunk{name, 1001, 500, data[500:]}, fault.Invalid, "another chunk said 1000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := open(t, t.TempDir(), Limits{2000, 4000})
			if _, _, err := s.Write(Chunk{name, 1000, 0, data[:500]}, none); err != nil {
				t.Fatal(err)
			}
			_, _, err := s.Write(tc.chunk, none)
			if err == nil || fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Write(%s) = %v of kind %v, want %q of kind %v", tc.name, err, fault.KindOf(err), tc.want, tc.kind)
			}
			if n, complete, err := s.Stat(name); n != 499 || complete || err != nil {
				t.Errorf("Stat after it = %d, %v, %v, want all but the last of 500 bytes", n, complete, err)
			}
		})
	}
}

// TestEviction: room is made by what was not used for longest and no job needs.
func TestEviction(t *testing.T) {
	s := open(t, t.TempDir(), Limits{1000, 3000})
	now := time.Unix(1000, 0)
	s.now = func() time.Time { now = now.Add(time.Second); return now }
	var names []string
	for i := range 3 {
		name, data := program(fmt.Sprint(i), 1000)
		if err := put(t, s, name, data, 1000, none); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	s.Stat(names[0]) // now 1 is the oldest, then 2
	keep := func(name string) bool { return name == names[1] }
	name, data := program("new", 1000)
	if err := put(t, s, name, data, 1000, keep); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, false} {
		if _, complete, _ := s.Stat(names[i]); complete != want {
			t.Errorf("program %d is there: %v, want %v", i, complete, want)
		}
	}
	name, data = program("one too many", 1000)
	err := put(t, s, name, data, 1000, func(string) bool { return true })
	if fault.KindOf(err) != fault.Resource {
		t.Errorf("Write beyond the limit = %v of kind %v, want kind resource", err, fault.KindOf(err))
	}
	// An upload that broke off long ago goes as well.
	if _, _, err := s.Write(Chunk{name, 1000, 0, data[:1]}, none); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * staleAfter)
	other, data := program("another", 1000)
	if err := put(t, s, other, data, 1000, func(n string) bool { return n != name }); err != nil {
		t.Errorf("Write beside a stale upload = %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	s := open(t, t.TempDir(), Limits{1000, 3000})
	name, data := program("a", 1000)
	if _, _, err := s.Read(name); !errors.Is(err, fs.ErrNotExist) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("Read of nothing = %v", err)
	}
	s.Write(Chunk{name, 1000, 0, data[:500]}, none)
	if _, _, err := s.Read(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of a part = %v, want not exist", err)
	}
	if _, _, err := s.Read("../x"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Read(../x) = %v, want kind invalid", err)
	}
}

// TestForeignFiles: what is no program is left alone and is none.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	name, _ := program("a", 10)
	if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, Limits{1000, 3000})
	if n, complete, err := s.Stat(name); n != 0 || complete || err != nil {
		t.Errorf("Stat of a directory = %d, %v, %v, want nothing", n, complete, err)
	}
}

func TestFullDiskSaysWhatToDo(t *testing.T) {
	const advice = "free space there, or start the daemon with a directory on another disk"
	for _, tc := range []struct {
		name  string
		cause syscall.Errno
		want  bool
	}{
		{"no space", syscall.ENOSPC, true},
		{"no quota", syscall.EDQUOT, true},
		{"something else", syscall.EIO, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := advise(&os.PathError{Op: "write", Path: "/disk/x.part", Err: tc.cause})
			if got := strings.Contains(err.Error(), advice); got != tc.want || !errors.Is(err, tc.cause) {
				t.Errorf("advise(%v) = %q, want advice: %v", tc.cause, err, tc.want)
			}
		})
	}
}

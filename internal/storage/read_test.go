package storage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

func pinned(t *testing.T, path string) plan.Split {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fileOf(path, info).Split()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// changes are what may happen to an input. before says what a reader that
// opens afterwards complains of, during what one that is open does.
var changes = []struct {
	name           string
	change         func(path string) error
	before, during string
}{
	{"nothing", func(string) error { return nil }, "", ""},
	{"append", func(path string) error {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("more")
		return errors.Join(err, f.Close())
	}, "size 10 → 14 bytes", "size 10 → 14 bytes"},
	{"truncate", func(path string) error { return os.Truncate(path, 4) }, "size 10 → 4 bytes", "size 10 → 4 bytes"},
	{"rewrite", func(path string) error {
		return errors.Join(os.WriteFile(path, []byte("9876543210"), 0o666), os.Chtimes(path, time.Time{}, time.Unix(1e9, 5)))
	}, "→ 2001-09-09T01:46:40.000000005Z", "→ 2001-09-09T01:46:40.000000005Z"},
	{"replace", func(path string) error {
		info, err := os.Stat(path)
		return errors.Join(err, os.WriteFile("new", []byte("9876543210"), 0o666),
			os.Chtimes("new", time.Time{}, info.ModTime()), os.Rename("new", path))
	}, "inode", ""},
	{"delete", os.Remove, "vanished", ""},
}

func TestOpenPinnedRefusesAnotherVersion(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			must(t, os.WriteFile("in", []byte("0123456789"), 0o666))
			split := pinned(t, "in")
			must(t, c.change("in"))
			r, err := OpenPinned(split)
			if err == nil {
				defer r.Close()
			}
			checkComplaint(t, "OpenPinned after "+c.name, err, c.before)
		})
	}
}

func TestCheckNoticesChangesWhileReading(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			must(t, os.WriteFile("in", []byte("0123456789"), 0o666))
			r, err := OpenPinned(pinned(t, "in"))
			must(t, err)
			defer r.Close()
			must(t, c.change("in"))
			checkComplaint(t, "Check after "+c.name, r.Check(), c.during)
		})
	}
}

func checkComplaint(t *testing.T, what string, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s = %v, want no error", what, err)
		}
		return
	}
	if err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"in"`) {
		t.Errorf("%s = %v of kind %v, want %q and the file's name in an invalid one", what, err, fault.KindOf(err), want)
	}
}

func TestReader(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("in", []byte("0123456789"), 0o666))
	r, err := Open("in")
	must(t, err)
	if r.Size() != 10 || r.Pin().Path != "in" || r.Pin().Inode == 0 {
		t.Errorf("Size, Pin = %d, %+v, want 10 and the file", r.Size(), r.Pin())
	}
	p := make([]byte, 4)
	if n, err := r.ReadAt(p, 3); n != 4 || err != nil || string(p) != "3456" {
		t.Errorf("ReadAt(4, 3) = %d, %v, %q, want 3456", n, err, p)
	}
	if n, err := r.ReadAt(p, 8); n != 2 || err != io.EOF {
		t.Errorf("ReadAt(4, 8) = %d, %v, want 2 and the end", n, err)
	}
	if _, err := r.ReadAt(p, -1); err == nil || err == io.EOF {
		t.Errorf("ReadAt(4, -1) = %v, want an error", err)
	}
	must(t, os.Truncate("in", 4))
	if n, err := r.ReadAt(p, 3); n != 1 || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "ends at byte 4 and had 10") {
		t.Errorf("ReadAt(4, 3) of a truncated file = %d, %v, want it told from the end", n, err)
	}
	must(t, r.Close())
	if err := r.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second Close = %v, want %v", err, os.ErrClosed)
	}
	if _, err := r.ReadAt(p, 0); !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), `"in"`) {
		t.Errorf("ReadAt after Close = %v, want %v", err, os.ErrClosed)
	}
	if err := r.Check(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Check after Close = %v, want %v", err, os.ErrClosed)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.Mkdir("dir", 0o777))
	must(t, syscall.Mkfifo("pipe", 0o666))
	for path, want := range map[string]string{"dir": "is a directory", "pipe": "is a named pipe", "none": "no such file"} {
		if _, err := Open(path); err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q) = %v of kind %v, want %q", path, err, fault.KindOf(err), want)
		}
	}
	if _, err := OpenPinned(plan.Split{Path: "none", Size: 7}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "it had 7 bytes") {
		t.Errorf("OpenPinned of a missing file = %v, want the size it had", err)
	}
}

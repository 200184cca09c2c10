//go:build unix

package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	// A holder that died left a longer id than any of ours.
	if err := os.WriteFile(path, []byte("12345678901234567\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := Take(path)
	if err != nil {
		t.Fatalf("Take of a free lock = %v", err)
	}
	ours := fmt.Sprintf("%d\n", os.Getpid())
	if text, err := os.ReadFile(path); string(text) != ours || err != nil {
		t.Errorf("the lock file holds %q, %v, want %q", text, err, ours)
	}
	_, err = Take(path)
	if want := fmt.Sprintf("%s is locked by a running process: pid %d", path, os.Getpid()); !errors.Is(err, ErrHeld) || err.Error() != want {
		t.Errorf("Take of a held lock = %v, want %v", err, want)
	}
	if text, err := os.ReadFile(path); string(text) != ours || err != nil {
		t.Errorf("after a Take in vain the lock file holds %q, %v, want %q", text, err, ours)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Take(path)
	if err != nil {
		t.Fatalf("Take after the holder closed = %v", err)
	}
	again.Close()
}

// What a lock file holds is no promise: whoever locked it may not have signed.
func TestTakeOfUnsigned(t *testing.T) {
	for _, text := range []string{"", "\n", "no number\n", strings.Repeat("1", 100)} {
		path := filepath.Join(t.TempDir(), "lock")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := Try(f); err != nil {
			t.Fatal(err)
		}
		_, err = Take(path)
		if want := path + " is locked by a running process"; !errors.Is(err, ErrHeld) || err.Error() != want {
			t.Errorf("Take of a held lock that says %q = %v, want %v", text, err, want)
		}
	}
}

func TestTakeNowhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "lock")
	if _, err := Take(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("Take(%s) = %v, want an error that names it", path, err)
	}
}

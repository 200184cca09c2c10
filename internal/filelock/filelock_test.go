//go:build unix

package filelock

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestTryShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	first, second, third := open(), open(), open()
	if err := errors.Join(TryShared(first), TryShared(second)); err != nil {
		t.Fatalf("TryShared twice = %v", err)
	}
	if err := Try(third); !errors.Is(err, ErrHeld) {
		t.Errorf("Try of a shared lock = %v, want %v", err, ErrHeld)
	}
	first.Close()
	if err := Try(second); err != nil {
		t.Errorf("Try of the last that shares = %v", err)
	}
	if err := TryShared(third); !errors.Is(err, ErrHeld) {
		t.Errorf("TryShared of a held lock = %v, want %v", err, ErrHeld)
	}
}

// TestCloseBesideAChild closes a lock that a child process has inherited, as one
// does that is being started.
func TestCloseBesideAChild(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Take(path)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("cat") // until its input ends
	child.ExtraFiles = []*os.File{held}
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		input.Close()
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}()
	if err := Close(held); err != nil {
		t.Fatal(err)
	}
	next, err := Take(path)
	if err != nil {
		t.Fatalf("Take after Close = %v, want the lock", err)
	}
	if err := Close(next); err != nil {
		t.Error(err)
	}
}

func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	first, second := open(), open()
	if err := Try(first); err != nil {
		t.Fatalf("Try of a free lock = %v", err)
	}
	if err := Try(second); !errors.Is(err, ErrHeld) {
		t.Errorf("Try of a held lock = %v, want %v", err, ErrHeld)
	}
	first.Close()
	if err := Try(second); err != nil {
		t.Errorf("Try after the holder closed = %v", err)
	}
	if err := Try(first); err == nil || errors.Is(err, ErrHeld) {
		t.Errorf("Try of a closed file = %v, want an error of its own", err)
	}
}

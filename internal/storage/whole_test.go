//go:build linux

package storage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	// What a process that was ended may have left.
	if err := os.WriteFile(path+newSuffix, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "", "longer than the first"} {
		if err := WriteWhole(path, []byte(text)); err != nil {
			t.Fatalf("WriteWhole(%q) = %v", text, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("after WriteWhole(%q) the file holds %q, %v", text, got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v, want mode 0600", info.Mode(), err)
	}
}

// TestWriteWholeFailures puts a failure at each operation: the file holds the
// old bytes or the new ones, and nothing stays beside it.
func TestWriteWholeFailures(t *testing.T) {
	for nth := 1; ; nth++ {
		path := filepath.Join(t.TempDir(), "file")
		if err := WriteWhole(path, []byte("old")); err != nil {
			t.Fatal(err)
		}
		count, want := 0, "old"
		broken := &disk{before: func(operation, where string) error {
			if count++; count != nth {
				return nil
			}
			if operation == "sync" && where == filepath.Dir(path) {
				want = "new" // it has its name already
			}
			return errCrash
		}}
		err := broken.writeWhole(path, []byte("new"))
		if count < nth {
			if nth < 6 || err != nil {
				t.Errorf("%d operations, the last writeWhole = %v, want at least 6 and none", count, err)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Errorf("failure %d: writeWhole = %v, want %v", nth, err, errCrash)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("failure %d: the file holds %q, %v, want %q", nth, got, err, want)
		}
		if _, err := os.Stat(path + newSuffix); err == nil {
			t.Errorf("failure %d: %s is left", nth, path+newSuffix)
		}
	}
}

// Command cost holds the same function with failpoints and without.
package main

import (
	"os"

	"github.com/sheafdata/sheaf/internal/failpoint"
)

//go:noinline
func with(f *os.File, p []byte) error {
	if err := failpoint.Hit(failpoint.JournalWrite); err != nil {
		return err
	}
	if _, err := f.Write(p); err != nil {
		return err
	}
	return failpoint.Hit(failpoint.JournalSync)
}

//go:noinline
func without(f *os.File, p []byte) error {
	if _, err := f.Write(p); err != nil {
		return err
	}
	return nil
}

func main() {
	if with(os.Stdout, nil) != nil || without(os.Stdout, nil) != nil {
		os.Exit(1)
	}
}

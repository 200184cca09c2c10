package task

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/shuffle/block"
)

// nextLine returns "file:line" of the caller's next line.
func nextLine() string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file, line+1)
}

type custom struct{ n int }

func (c custom) String() string { return fmt.Sprintf("custom %d", c.n) }

// TestPanicPlaces checks that a panic is blamed on the user's line, also where
// a function of the standard library panics that the user called, or that
// called the user.
func TestPanicPlaces(t *testing.T) {
	var place string
	var none map[string]int
	empty := []int{}
	open := "(" // in a variable, or a linter would find it
	tests := []struct {
		name string
		user func()
		want string // in the message
	}{
		{"text", func() {
			place = nextLine()
			panic("no good")
		}, "panic: no good"},
		{"error", func() {
			place = nextLine()
			panic(errors.New("an error"))
		}, "panic: an error"},
		{"value with a String method", func() {
			place = nextLine()
			panic(custom{7})
		}, "panic: custom 7"},
		{"nil", func() {
			place = nextLine()
			panic(nil)
		}, "panic called with nil"},
		{"index", func() {
			place = nextLine()
			empty[len(empty)]++
		}, "index out of range"},
		{"nil map", func() {
			place = nextLine()
			none["x"] = 1
		}, "nil map"},
		{"standard library", func() {
			place = nextLine()
			_ = strings.Repeat("x", -1)
		}, "negative Repeat count"},
		{"standard library, deeper", func() {
			place = nextLine()
			regexp.MustCompile(open)
		}, "missing closing"},
		{"called by the standard library", func() {
			slices.SortFunc([]int{2, 1}, func(a, b int) int {
				place = nextLine()
				panic("in a comparison")
			})
		}, "in a comparison"},
		{"panicked again", func() {
			defer func() {
				v := recover()
				place = nextLine()
				panic(fmt.Sprintf("again: %v", v))
			}()
			panic("first")
		}, "again: first"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			err := protect(func() error {
				c.user()
				return nil
			})
			if fault.KindOf(err) != fault.User || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "(at "+place+")") {
				t.Errorf("protect = %v of kind %v, want kind User, %q and %s", err, fault.KindOf(err), c.want, place)
			}
			detail := fault.Detail(err)
			if !strings.Contains(detail, place) || strings.Contains(detail, "runtime.gopanic") || strings.Contains(detail, "executor/task.protect") {
				t.Errorf("detail = %s, want the user's frames with %s, and no others", detail, place)
			}
		})
	}
}

// TestPanicOfEngine checks that a panic of the engine is never blamed on the user.
func TestPanicOfEngine(t *testing.T) {
	t.Run("bug", func(t *testing.T) {
		err := protect(func() error {
			block.NewEncoder(99)
			return nil
		})
		if fault.KindOf(err) != fault.Internal || !strings.Contains(fault.Detail(err), "block.NewEncoder") {
			t.Errorf("protect = %v of kind %v, want kind Internal with the stack", err, fault.KindOf(err))
		}
	})
	t.Run("limit", func(t *testing.T) {
		// The engine gives up by a panic where keys pass 4 GiB; they are address
		// space only.
		huge, err := syscall.Mmap(-1, 0, 5<<30, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
		if err != nil {
			t.Skipf("SKIPPED: keys above 4 GiB: this process gets no 5 GiB of address space: %v", err)
		}
		defer syscall.Munmap(huge)
		keys := column.Keys{Data: huge, Ends: []uint32{1}}
		err = protect(func() error {
			keys.AppendFrame(nil, nil)
			return nil
		})
		if fault.KindOf(err) != fault.Resource {
			t.Errorf("protect = %v of kind %v, want kind Resource", err, fault.KindOf(err))
		}
	})
}

func TestStdlibFrames(t *testing.T) {
	tests := []struct {
		name           string
		panicFile      string
		function, file string
		want           bool
	}{
		{"library", "/usr/go/src/runtime/panic.go", "strings.Repeat", "/usr/go/src/strings/strings.go", true},
		{"runtime", "/usr/go/src/runtime/panic.go", "runtime.mapassign", "/usr/go/src/runtime/map.go", true},
		{"user", "/usr/go/src/runtime/panic.go", "main.main", "/home/u/job/main.go", false},
		{"library, trimmed", "runtime/panic.go", "encoding/json.Marshal", "encoding/json/encode.go", true},
		{"module, trimmed", "runtime/panic.go", "example.com/job/part.F", "example.com/job/part/part.go", false},
		{"program, trimmed", "runtime/panic.go", "main.main", "wordcount/main.go", false},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			var s stdlib
			s.learn(c.panicFile)
			if got := s.has(runtime.Frame{Function: c.function, File: c.file}); got != c.want {
				t.Errorf("has(%s in %s) = %v, want %v", c.function, c.file, got, c.want)
			}
		})
	}
}

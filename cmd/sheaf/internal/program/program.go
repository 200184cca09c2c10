// Package program deals with the user's program where it is submitted, or its plan
// is shown: it builds a Go package for the cluster's platform, tells by a file's
// header which platform it runs on, and starts the program to ask for its plan.
// Whoever calls Prepare or PrepareHere must Close what it returns. The package
// owns no goroutine; the processes that it starts end before its functions return.
package program

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
)

// MaxBytes bounds a program; a cluster takes no larger one.
const MaxBytes = 512 << 20

// Platform is what a program runs on, as Go names it.
type Platform struct{ OS, Arch string }

// Native is this machine.
func Native() Platform { return Platform{runtime.GOOS, runtime.GOARCH} }

// String returns os/arch.
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Program is a program that can be uploaded, and asked for its plan.
type Program struct {
	// File is the program for the cluster.
	File   *os.File
	Bytes  int64
	SHA256 string // 64 hexadecimal digits

	where  string // runs it, in words
	native string // the path of the program for this machine
	dir    string // holds what was built; empty when nothing was
}

// PrepareHere is Prepare for this machine, of a program that is not uploaded.
func PrepareHere(ctx context.Context, what string, stderr io.Writer) (*Program, error) {
	p := &Program{where: "this machine"}
	if err := p.prepare(ctx, what, Native(), stderr); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Prepare builds a Go package, or opens a program, for a platform. What the
// compiler says goes to stderr. Errors of the user's doing are of kind Invalid.
func Prepare(ctx context.Context, what string, target Platform, stderr io.Writer) (*Program, error) {
	p := &Program{where: "the cluster"}
	err := p.prepare(ctx, what, target, stderr)
	if err == nil {
		err = p.hash(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Program) prepare(ctx context.Context, what string, target Platform, stderr io.Writer) error {
	if isBinary(what) {
		return p.open(what, what, target)
	}
	var err error
	if p.dir, err = os.MkdirTemp("", "sheaf-submit-"); err != nil {
		return fmt.Errorf("make a directory to build in: %w", err)
	}
	path := filepath.Join(p.dir, "program")
	if err := build(ctx, what, target, path, stderr); err != nil {
		return err
	}
	if _, err := platformOf(path); err != nil {
		return fault.New(fault.Invalid, "%s is no program: its package must be main, and its main function call sdk.Main", what)
	}
	if err := p.open(path, what, target); err != nil {
		return err
	}
	if target == Native() {
		return nil
	}
	// The plan is made here, and so by a program for this machine.
	p.native = filepath.Join(p.dir, "native")
	return build(ctx, what, Native(), p.native, stderr)
}

// isBinary reports whether an argument names a program rather than a package.
func isBinary(what string) bool {
	info, err := os.Stat(what)
	return err == nil && info.Mode().IsRegular() && !strings.HasSuffix(what, ".go")
}

// open takes a file, which is what the user named or was built of that, after it
// looked at its header.
func (p *Program) open(path, what string, target Platform) error {
	got, err := platformOf(path)
	if err != nil {
		return err
	}
	if got != target {
		return fault.New(fault.Invalid, "%s is a program for %s and %s runs %s: give its package instead, or build it with GOOS=%s GOARCH=%s CGO_ENABLED=0",
			path, got, p.where, target, target.OS, target.Arch)
	}
	if p.File, err = os.Open(path); err != nil {
		return fault.Wrap(fault.Invalid, err)
	}
	info, err := p.File.Stat()
	if err != nil {
		return err
	}
	if p.Bytes = info.Size(); p.Bytes > MaxBytes {
		return fault.New(fault.Invalid, "%s has %s, and a program may have %s: build it with -ldflags='-s -w', and keep data out of it",
			path, memory.FormatSize(p.Bytes), memory.FormatSize(MaxBytes))
	}
	if p.native, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("make %s absolute: %w", path, err)
	}
	if err := links(p.File, what); err != nil {
		return err
	}
	if target != Native() && p.dir == "" {
		return fault.New(fault.Invalid, "%s cannot be asked for its plan here, since this machine is %s: give its package instead", path, Native())
	}
	return nil
}

// hash reads the file once; it ends early when ctx does.
func (p *Program) hash(ctx context.Context) error {
	h := sha256.New()
	n, err := io.Copy(h, reader{ctx, io.NewSectionReader(p.File, 0, p.Bytes)})
	if err != nil {
		return fmt.Errorf("read %s: %w", p.File.Name(), err)
	}
	if n != p.Bytes {
		return fault.New(fault.Invalid, "%s changed while it was read: wait until its build has ended", p.File.Name())
	}
	p.SHA256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// Close removes what was built.
func (p *Program) Close() error {
	var errs []error
	if p.File != nil {
		errs = append(errs, p.File.Close())
	}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	return errors.Join(errs...)
}

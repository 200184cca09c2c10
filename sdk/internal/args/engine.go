package args

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/outline"
	"github.com/sheafdata/sheaf/internal/progress"
)

// Engine holds the engine's settings.
type Engine struct {
	Parallelism int      // tasks at once, 1 to 4096
	MemoryBytes int64    // the budget of the whole program
	Tmp         []string // existing directories for spill and shuffle files, as absolute paths
	Session     string   // where a driver keeps datasets; empty for the first of Tmp
	Codec       string   // of map outputs, one of Codecs
	Progress    string   // one of progress.Modes
	Overwrite   bool     // replace output that exists
	// VerifyPerMillion is how many of a million tasks do their work twice.
	VerifyPerMillion int
	// Plan is the form in which to show the plan instead of running it; empty to run.
	Plan  outline.Form
	Given []string // names of the flags that the command line gives, such as codec
}

// Codecs are the codecs that --sheaf.codec takes. The codecs themselves live in
// the shuffle, which this package does not link.
var Codecs = []string{"none", "s2", "zstd", "zstd-1", "zstd-3", "zstd-7"}

// Bounds and defaults of the engine's settings.
const (
	// defaultCodec costs less time than the bytes it saves, even in local mode.
	defaultCodec   = "s2"
	maxParallelism = 4096
	// minMemory holds one block and one batch a task of a small machine; below
	// that a job would do nothing but spill.
	minMemory = 16 << 20
)

// settings are the engine's flags as they were written.
type settings struct {
	parallelism int
	memory      string
	tmp         []string
	session     []string
	codec       string
	progress    string
	overwrite   bool
	verify      string
	plan        outline.Form
	engine      Engine
}

// engineOptions returns the engine's flags and where their values go.
func engineOptions(h host) (*settings, []*option) {
	s := &settings{}
	s.engine.MemoryBytes = h.defaultMemory
	size := setting("memory", &s.memory, "", memory.FormatSize(h.defaultMemory)+", half of what there is",
		"memory that all tasks together may use, such as 2GiB", func() error { return s.checkMemory(h) })
	size.kind.name = "size"
	session := setting("session", &s.session, "", "the first for temporary files",
		"existing directory for what a driver keeps between its jobs; on a cluster one that all executors share", s.checkSession)
	session.kind.name = "directory"
	verify := setting("verify-determinism", &s.verify, "", "0%",
		"part of the tasks that do their work twice, to see whether it gives the same rows, such as 5%", s.checkVerify)
	verify.kind.name = "share"
	form := setting("plan", &s.plan, "", "",
		"show the plan and what is slow in it, and read and write no row: "+strings.Join(outline.Forms(), ", ")+", as in --sheaf.plan=svg",
		func() error { s.engine.Plan = s.plan; return nil })
	form.kind.name, form.alone = "", string(outline.Text)
	return s, []*option{
		setting("parallelism", &s.parallelism, strconv.Itoa(h.cores), strconv.Itoa(h.cores)+", all cores",
			"tasks at once", s.checkParallelism),
		size,
		setting("tmp", &s.tmp, "", h.tmp,
			"existing directories for temporary files, with commas between them", s.checkTmp),
		session,
		setting("codec", &s.codec, defaultCodec, defaultCodec,
			"compression of data between stages: "+strings.Join(Codecs, ", "), s.checkCodec),
		setting("progress", &s.progress, string(progress.Auto), string(progress.Auto),
			"how to show progress: "+strings.Join(progress.Modes(), ", "), s.checkProgress),
		verify,
		form,
		setting("overwrite", &s.overwrite, "", "", "replace output that exists", nil),
	}
}

// setting returns the option of an engine flag. An empty fallback leaves the
// default to finish.
func setting(name string, target any, fallback, shown, help string, check func() error) *option {
	v := reflect.ValueOf(target).Elem()
	k, _ := kindOf(v.Type())
	return &option{
		name: reserved + name, help: help, fallback: fallback, hasDef: fallback != "", shown: shown,
		env: "SHEAF_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")), value: v, kind: k, check: check,
	}
}

// readEnvironment takes the settings that no flag gave from the environment. An
// empty variable counts as none.
func readEnvironment(h host, options []*option) error {
	for _, o := range options {
		text := h.getenv(o.env)
		if o.given || text == "" {
			continue
		}
		if err := o.set(o.env, text, false); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) checkParallelism() error {
	if s.parallelism < 1 || s.parallelism > maxParallelism {
		return fmt.Errorf("expected a whole number from 1 to %d, for example 8", maxParallelism)
	}
	s.engine.Parallelism = s.parallelism
	return nil
}

func (s *settings) checkMemory(h host) error {
	n, err := memory.ParseSize(s.memory)
	switch {
	case err != nil:
		return err
	case n < minMemory:
		return fmt.Errorf("that is too little to work with: give at least %s", memory.FormatSize(minMemory))
	case h.memoryBytes > 0 && n > h.memoryBytes:
		return fmt.Errorf("that is more than there is (%s: %s): give less, or leave it out for %s",
			memory.FormatSize(h.memoryBytes), h.memorySource, memory.FormatSize(h.defaultMemory))
	}
	s.engine.MemoryBytes = n
	return nil
}

func (s *settings) checkTmp() error {
	dirs, err := directories(s.tmp)
	s.engine.Tmp = dirs
	return err
}

func (s *settings) checkSession() error {
	dirs, err := directories(s.session)
	switch {
	case err != nil:
		return err
	case len(dirs) > 1:
		return errors.New("expected one directory, for example /shared")
	}
	s.engine.Session = dirs[0]
	return nil
}

func (s *settings) checkCodec() error {
	if !slices.Contains(Codecs, s.codec) {
		return fmt.Errorf("that codec does not exist: choose one of %s", strings.Join(Codecs, ", "))
	}
	s.engine.Codec = s.codec
	return nil
}

func (s *settings) checkVerify() error {
	text, percent := strings.CutSuffix(s.verify, "%")
	share, err := strconv.ParseFloat(text, 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share >= 0 && share <= 1) {
		return errors.New("expected a part of all tasks from 0% to 100%, for example 5%")
	}
	s.engine.VerifyPerMillion = int(math.Ceil(share * 1e6))
	return nil
}

func (s *settings) checkProgress() error {
	m, err := progress.ParseMode(s.progress)
	s.engine.Progress = string(m)
	return err
}

// finish gives the settings, with the defaults that are checked only if they
// are used.
func (s *settings) finish(h host) (Engine, error) {
	e := s.engine
	e.Overwrite = s.overwrite
	if len(e.Tmp) > 0 {
		return e, nil
	}
	dirs, err := directories([]string{h.tmp})
	if err != nil {
		return Engine{}, usage(reserved+"tmp", "the system's directory for temporary files cannot be used: %w: set TMPDIR, or give --sheaf.tmp=DIR", err)
	}
	e.Tmp = dirs
	return e, nil
}

// directories checks that all paths are directories and makes them absolute:
// tasks may run elsewhere than where the user stands.
func directories(paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, errors.New("expected at least one directory, for example /tmp")
	}
	dirs := make([]string, len(paths))
	for i, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be used as a directory (%w): make it, or name another", path, unwrapPath(err))
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("%s is not a directory: name one that exists", path)
		}
		if dirs[i], err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("make %s absolute: %w", path, err)
		}
	}
	return dirs, nil
}

// unwrapPath drops the operation and the path that the os package repeats.
func unwrapPath(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

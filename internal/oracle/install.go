package oracle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// requirement is for pip; pinned, so that a test compares with the same answers
// everywhere.
const requirement = "duckdb==2.0.0"

// installBound ends an installation where a registry does not answer.
const installBound = 90 * time.Second

// installation is tried once a process: tests of a machine without it should not
// wait for it again.
var installation struct {
	sync.Once
	python, packages string
	err              error
}

// installed returns the Python to run and the directory that has DuckDB for it.
func installed(ctx context.Context) (python, packages string, err error) {
	i := &installation
	i.Do(func() { i.python, i.packages, i.err = install(ctx) })
	return i.python, i.packages, i.err
}

func install(ctx context.Context) (python, packages string, err error) {
	ctx, cancel := context.WithTimeout(ctx, installBound)
	defer cancel()
	if python, err = exec.LookPath("python3"); err != nil {
		return "", "", errors.New("python3 is not installed")
	}
	// What was built for one Python does not run in another.
	tag, err := run(ctx, python, "-c", "import sys, sysconfig; print(sys.implementation.cache_tag + '-' + sysconfig.get_platform())")
	if err != nil {
		return "", "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", "", err
	}
	cache = filepath.Join(cache, "sheaf-oracle")
	packages = filepath.Join(cache, strings.ReplaceAll(requirement, "==", "-")+"-"+strings.TrimSpace(tag))
	if _, err := os.Stat(packages); err == nil {
		return python, packages, nil
	}
	if err := os.MkdirAll(cache, 0o777); err != nil {
		return "", "", err
	}
	// Tests of several packages may install at once: each does so on its own, and
	// the first one's is kept.
	own, err := os.MkdirTemp(cache, "installing-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(own)
	_, err = run(ctx, python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
		"--no-deps", "--retries", "0", "--timeout", "15", "--target", own, requirement)
	if err != nil {
		return "", "", fmt.Errorf("install %s: %w", requirement, err)
	}
	if err := os.Rename(own, packages); err != nil && !errors.Is(err, os.ErrExist) {
		return "", "", err
	}
	return python, packages, nil
}

// run returns what a command prints; an error holds the last line of what it
// complains about.
func run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	// What pip starts must not keep the pipes, and so the test, when pip is ended.
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
		err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return string(out), err
}

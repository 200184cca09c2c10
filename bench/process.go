package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// usage is what a process took.
type usage struct {
	cpu     time.Duration // user and system
	wall    time.Duration
	peakRSS int64  // bytes
	printed string // the beginning of its output, if it prints it
}

// stopWithin is how long a program that was asked to stop may take.
const stopWithin = 10 * time.Second

// printedBytes and complaintBytes bound what is kept of a program's output.
const (
	printedBytes   = 4 << 10
	complaintBytes = 2 << 10
)

// command is a program to run as a process.
type command struct {
	argv   []string
	env    []string
	stdout string // a file for its output; "" for none
}

// execute runs a process to its end and returns what it and the children that
// it waited for took. When ctx is
// canceled, the process and its children are stopped.
func execute(ctx context.Context, c command) (usage, error) {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	var complaint tail
	cmd.Stderr = &complaint
	if c.stdout != "" {
		f, err := os.Create(c.stdout)
		if err != nil {
			return usage{}, err
		}
		defer f.Close()
		cmd.Stdout = f
	}
	inOwnGroup(cmd)
	cmd.WaitDelay = stopWithin
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	left := endGroup(cmd)
	if ctx.Err() != nil {
		return usage{}, ctx.Err()
	}
	if err != nil {
		return usage{}, fmt.Errorf("%s: %w\n%s", filepath.Base(c.argv[0]), err, strings.TrimSpace(string(complaint)))
	}
	if left {
		return usage{}, fmt.Errorf("%s left processes behind, whose figures nobody knows", filepath.Base(c.argv[0]))
	}
	u := usage{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall: wall, peakRSS: peakRSS(cmd.ProcessState)}
	if c.stdout != "" {
		u.printed, err = beginning(c.stdout)
	}
	return u, err
}

// beginning returns the first bytes of a file.
func beginning(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, printedBytes)
	n, _ := f.Read(b) // an empty file is io.EOF, and has an empty beginning
	return string(b[:n]), nil
}

// tail keeps the end of what is written.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	if extra := len(*t) - complaintBytes; extra > 0 {
		*t = append((*t)[:0], (*t)[extra:]...)
	}
	return len(p), nil
}

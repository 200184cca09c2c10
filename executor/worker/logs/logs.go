// Package logs keeps what a worker prints to one stream, and which part of it
// belongs to which attempt, in a directory that outlives the worker: in files of
// a bounded size, of which the oldest is deleted when there are too many. An
// offset counts all bytes that the worker ever printed, so that it stays true
// when files go.
// docs/format/log.md describes the directory. The package owns no goroutine.
package logs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Limits bound what a log takes on disk. The zero value of a field means its
// default.
type Limits struct {
	FileBytes int64 // of one file; default 16 MiB
	Files     int   // kept; default 4, the least is 2
	Attempts  int   // in the index; default 100,000
}

const (
	defaultFileBytes = 16 << 20
	defaultFiles     = 4
	leastFiles       = 2
	defaultAttempts  = 100_000
)

func (l Limits) orDefaults() Limits {
	if l.FileBytes <= 0 {
		l.FileBytes = defaultFileBytes
	}
	if l.Files <= 0 {
		l.Files = defaultFiles
	}
	l.Files = max(l.Files, leastFiles)
	if l.Attempts <= 0 {
		l.Attempts = defaultAttempts
	}
	return l
}

// Log is a log that a worker writes. It is safe for concurrent use.
type Log struct {
	dir    string
	limits Limits

	mu      sync.Mutex // guards what follows
	files   []int64    // offsets at which the files begin, oldest first
	file    *os.File   // the newest; nil before the first byte
	end     int64      // bytes printed so far
	index   *os.File
	marks   int                        // lines in the index
	running map[plan.AttemptID]*Extent // without an end
	err     error                      // the first that writing met: the log ends there
}

// Create makes a log in a directory of its own, which is made if it is missing.
// What an earlier worker left there is deleted. The caller calls Close.
func Create(dir string, limits Limits) (*Log, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fault.Wrap(fault.Resource, fmt.Errorf("clear the log: %w", err))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Resource, fmt.Errorf("make the log: %w", err))
	}
	index, err := os.OpenFile(filepath.Join(dir, indexName), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Resource, fmt.Errorf("make the log: %w", err))
	}
	return &Log{dir: dir, limits: limits.orDefaults(), index: index, running: map[plan.AttemptID]*Extent{}}, nil
}

// Append adds what the worker printed. A disk that fails ends the log and not
// the worker: Append then only counts, and Close returns the error.
func (l *Log) Append(text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(text) > 0 {
		n := l.room(int64(len(text)))
		l.write(text[:n])
		text = text[n:]
		l.end += n
	}
}

// room returns how many of n bytes the newest file takes, after beginning
// another where it takes none.
func (l *Log) room(n int64) int64 {
	if len(l.files) == 0 || l.end-l.files[len(l.files)-1] >= l.limits.FileBytes {
		l.rotate()
	}
	return min(n, l.limits.FileBytes-(l.end-l.files[len(l.files)-1]))
}

// rotate begins a file at the end of the log and deletes the oldest ones.
func (l *Log) rotate() {
	l.files = append(l.files, l.end)
	for len(l.files) > l.limits.Files {
		l.fail(os.Remove(filepath.Join(l.dir, fileName(l.files[0]))))
		l.files = l.files[1:]
	}
	if l.file != nil {
		l.fail(l.file.Close())
		l.file = nil
	}
	if l.err != nil {
		return
	}
	file, err := os.OpenFile(filepath.Join(l.dir, fileName(l.end)), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	l.file = file
	l.fail(err)
}

func (l *Log) write(text []byte) {
	if l.err != nil || l.file == nil {
		return
	}
	_, err := l.file.Write(text)
	l.fail(err)
}

func (l *Log) fail(err error) {
	if l.err == nil && err != nil {
		l.err = fmt.Errorf("write the log of a worker: %w", err)
	}
}

// End returns how many bytes were printed so far.
func (l *Log) End() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// Close ends the log, which stays to be read, and returns the first error that
// writing it met. Attempts without an end get the log's.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.running {
		l.finish(id, l.end)
	}
	err := l.index.Close()
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
		l.file = nil
	}
	l.fail(err)
	return l.err
}

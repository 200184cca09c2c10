package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("JOURNAL_TEST_APPEND"); dir != "" {
		appendForEver(dir)
	}
	if dir := os.Getenv(powerVariable); dir != "" {
		appendSome(dir)
	}
	if dir := os.Getenv(cutVariable); dir != "" {
		cutSome(dir)
	}
	goleak.VerifyTestMain(m)
}

// list is a machine that keeps all records.
type list struct {
	mu      sync.Mutex // guards records
	records [][]byte
}

// Apply implements Machine.
func (l *list) Apply(_ uint64, record []byte) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, bytes.Clone(record))
	return len(l.records)
}

// Snapshot implements Machine.
func (l *list) Snapshot() (func(io.Writer) error, error) {
	kept := l.all()
	return func(w io.Writer) error {
		for _, r := range kept {
			if _, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(r))), r...)); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// Restore implements Machine.
func (l *list) Restore(r io.Reader) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = nil
	for b := bufio.NewReader(r); ; {
		n, err := binary.ReadUvarint(b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		record := make([]byte, n)
		if _, err := io.ReadFull(b, record); err != nil {
			return err
		}
		l.records = append(l.records, record)
	}
}

func (l *list) all() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([][]byte(nil), l.records...)
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// lead opens a journal and waits until it leads.
func lead(t testing.TB, cfg Config) *Journal {
	t.Helper()
	j, err := Open(within(t), cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { j.Close() })
	if _, err := j.Lead(within(t)); err != nil {
		t.Fatalf("Lead: %v", err)
	}
	return j
}

func shut(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func add(t testing.TB, j *Journal, records ...string) []any {
	t.Helper()
	var all [][]byte
	for _, r := range records {
		all = append(all, []byte(r))
	}
	got, err := j.Append(within(t), all...)
	if err != nil {
		t.Fatalf("Append(%q): %v", records, err)
	}
	return got
}

func text(records [][]byte) string { return fmt.Sprintf("%q", records) }

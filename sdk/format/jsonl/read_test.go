package jsonl

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
)

// file makes a file with a content.
func file(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// readFile reads the rows of a file as one split.
func readFile[T any](path string, opts ...ReadOptions) (rows []T, err error) {
	return read[T](Source[T](path, opts...), graph.ReadOptions{})
}

func read[T any](src graph.Source, opts graph.ReadOptions) (rows []T, err error) {
	splits, err := src.Enumerate(context.Background())
	if err != nil {
		return nil, err
	}
	r, err := src.Open(context.Background(), splits[0], opts)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	typ, err := column.For[T]()
	if err != nil {
		return nil, err
	}
	for {
		batch, err := r.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		part := make([]T, batch.NumRows())
		if err := column.ScanRows(typ, batch, 0, part); err != nil {
			return nil, err
		}
		rows = append(rows, part...)
	}
}

// Package oracle answers SQL by DuckDB, a database that shares no code with
// Sheaf, so that tests can compare what jobs give with what somebody else
// computes from the same files. It is for tests alone.
//
// Start runs one process of Python that has DuckDB in it, installed once into
// the user's cache directory; a test that cannot have it is skipped. Several
// tests of a package may start one each, but a process that answers many queries
// costs less. The package owns one process a Start, which ends with its test.
package oracle

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// bound is how long a process may live, whatever it is asked: a query that
// hangs must not hold up a test run.
const bound = 5 * time.Minute

//go:embed serve.py
var program string

// DB is a database of its own, in memory. It is for one goroutine.
type DB struct {
	questions io.WriteCloser
	answers   *json.Decoder
	stderr    bytes.Buffer // to be read when the process has ended
	wait      func() error
}

// Start gives an empty database until the test's end. Where DuckDB cannot be
// installed the test is skipped, with the reason.
func Start(t testing.TB) *DB {
	t.Helper()
	python, packages, err := installed(t.Context())
	if err != nil {
		t.Skipf("SKIPPED: comparison with DuckDB: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	db := new(DB)
	cmd := exec.CommandContext(ctx, python, "-c", program)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1")
	cmd.Stderr = &db.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start DuckDB: %v", err)
	}
	db.questions, db.answers, db.wait = in, json.NewDecoder(out), cmd.Wait
	t.Cleanup(func() {
		defer cancel()
		_ = db.questions.Close() // the process ends by itself
		if err := db.wait(); err != nil && !t.Failed() {
			t.Errorf("DuckDB ended with %v\n%s", err, db.stderr.String())
		}
	})
	return db
}

// Query runs a statement and returns its rows. A cell is nil for null, a
// float64 for a float of SQL, and a string for everything else: decimals with all
// their places, dates as 2006-01-02, times as Python's isoformat writes them. An
// error ends the test.
func (db *DB) Query(t testing.TB, sql string) [][]any {
	t.Helper()
	rows, err := db.ask(sql)
	if err != nil {
		t.Fatalf("DuckDB: %v\n%s", err, sql)
	}
	return rows
}

func (db *DB) ask(sql string) ([][]any, error) {
	question, err := json.Marshal(sql)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Rows  [][]any `json:"rows"`
		Error string  `json:"error"`
	}
	_, err = db.questions.Write(append(question, '\n'))
	if err == nil {
		err = db.answers.Decode(&answer)
	}
	if err != nil {
		return nil, fmt.Errorf("the process is gone: %w", err)
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return answer.Rows, nil
}

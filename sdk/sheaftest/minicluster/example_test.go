package minicluster_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

// exampleT stands in for the *testing.T that go test gives to a test, since
// examples get none.
type exampleT struct {
	testing.TB
	dir      string
	cleanups []func()
}

func newExampleT() *exampleT {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	return &exampleT{dir: dir}
}

func (t *exampleT) Helper()                        {}
func (t *exampleT) Context() context.Context       { return context.Background() }
func (t *exampleT) TempDir() string                { return t.dir }
func (t *exampleT) Output() io.Writer              { return io.Discard }
func (t *exampleT) Cleanup(f func())               { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Errorf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (t *exampleT) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

func (t *exampleT) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
	os.RemoveAll(t.dir)
}

// The package's TestMain is
//
//	func TestMain(m *testing.M) { minicluster.Main(m, wordcount) }
func ExampleRun() {
	t := newExampleT() // func TestWordCount(t *testing.T)
	defer t.end()
	c := minicluster.New(t)
	out := filepath.Join(t.TempDir(), "counts")

	res := minicluster.Run(t, c, wordcount, wordArgs{Input: "testdata/hamlet.txt", Output: out})
	lines := sheaftest.Lines(t, out)
	slices.Sort(lines) // counts come in no order
	fmt.Printf("%d rows in, %d rows out: %q\n", res.RowsIn, res.RowsOut, lines)
	// Output: 2 rows in, 4 rows out: ["be\t2" "not\t1" "or\t1" "to\t2"]
}

// A job goes on without an executor that it had, and with one that it had not.
func ExampleCluster_KillExecutor() {
	t := newExampleT() // func TestLosesAnExecutor(t *testing.T)
	defer t.end()
	c := minicluster.New(t, minicluster.Options{Executors: 1, Lease: 500 * time.Millisecond})
	out := filepath.Join(t.TempDir(), "counts")

	job := minicluster.Submit(t, c, wordcount, wordArgs{Input: "testdata/hamlet.txt", Output: out})
	c.KillExecutor("e1")
	fmt.Println(c.AddExecutor(), "takes over")
	if _, err := job.Wait(); err != nil {
		t.Fatalf("%v", err)
	}
	fmt.Println(len(sheaftest.Lines(t, out)), "words")
	// Output:
	// e2 takes over
	// 4 words
}

// Package sdk is what users import: a typed API for batch jobs. A job is a Go
// function that builds a graph of datasets:
//
//	type Args struct {
//		Input  string `flag:"input" help:"files, directories or globs to read" required:"true"`
//		Output string `flag:"output" help:"directory to write" required:"true"`
//	}
//
//	var wordcount = sdk.Define("wordcount", func(p *sdk.Pipeline, a Args) error {
//		words := sdk.FlatMap(text.Read(p, a.Input), func(line string, emit sdk.Emit[string]) {
//			for w := range sdk.Words(line) {
//				emit(w)
//			}
//		})
//		text.Write(sdk.Count(words), a.Output)
//		return nil
//	})
//
//	func main() { sdk.Main(wordcount) }
//
// Start with Define and Main, or Run inside another program. Rows are strings,
// []byte, numbers, bools, time.Time, pointers for values that may be missing,
// slices, and structs of all these; a struct's exported fields are its columns,
// renamed by the tag `sheaf:"name"` and left out by `sheaf:"-"`. Formats live in
// the packages below sdk/format, the test kit in sdk/sheaftest.
//
// User functions run in several goroutines at once, one a task; what they
// capture must allow that. They may be run again after a failure, so they
// should give the same rows for the same input. Strings and slices that they
// get may be kept for ever. Build functions must be repeatable: with the same
// arguments they build the same graph in every process.
package sdk

import (
	"fmt"
	"io"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/internal/args"
)

// Job is a named build function with arguments of type A, a struct whose
// tagged fields are flags (see Main). It is safe for concurrent use.
type Job[A any] struct {
	name  string
	doc   string
	build func(p *Pipeline, args A) error
}

// Define names a job. build is called once every time the job runs.
func Define[A any](name string, build func(p *Pipeline, args A) error) *Job[A] {
	return &Job[A]{name: name, build: build}
}

// Doc sets the line that --help shows, and returns the job.
func (j *Job[A]) Doc(line string) *Job[A] {
	j.doc = line
	return j
}

// Name returns the name given to Define.
func (j *Job[A]) Name() string { return j.name }

// compile builds the graph of one run and turns it into a plan.
func (j *Job[A]) compile(a A) (*compiled, error) {
	if j.build == nil {
		return nil, fault.New(fault.Invalid, "job %s has no build function", j.name)
	}
	text, err := args.JSON(&a)
	if err != nil {
		return nil, fmt.Errorf("arguments of job %s: %w", j.name, err)
	}
	p := &Pipeline{graph: &graph.Graph{Name: j.name}}
	err = j.buildGraph(p, a)
	// A type or function at fault is the cause of what build saw later.
	if e := p.graph.Err(); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, fmt.Errorf("build job %s: %w", j.name, err))
	}
	c, err := graph.Compile(p.graph, text)
	if err != nil {
		return nil, err
	}
	return &compiled{c, p.returned}, nil
}

// compileJSON implements Runnable.
func (j *Job[A]) compileJSON(text string) (*compiled, error) {
	var a A
	if err := args.Set(&a, text); err != nil {
		return nil, fmt.Errorf("arguments of job %s: %w", j.name, err)
	}
	return j.compile(a)
}

// find implements Program.
func (j *Job[A]) find(job, text string) (*compiled, error) {
	if job != j.name {
		return nil, fault.New(fault.Invalid, "this program runs job %s, not %s", j.name, job)
	}
	return j.compileJSON(text)
}

// read implements Program.
func (j *Job[A]) read(argv []string, stdout io.Writer) (*command, error) {
	var a A
	engine, err := args.Parse(j.name, j.doc, &a, argv, stdout)
	if err != nil {
		return nil, err
	}
	return &command{engine: engine, compile: func() (*compiled, error) { return j.compile(a) }, run: runLocally}, nil
}

// compiled is the graph of one run, and what it returns to whoever ran it.
type compiled struct {
	*graph.Compiled
	returned map[string]any // slices of rows
}

// buildGraph calls build, and catches the one panic that is the SDK's own.
func (j *Job[A]) buildGraph(p *Pipeline, a A) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case zeroDataset:
			err = v
		default:
			panic(v)
		}
	}()
	return j.build(p, a)
}

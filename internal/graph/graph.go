// Package graph holds the user's operator graph as the SDK builds it, and
// compiles it to a plan plus the pipeline of every stage. It knows the shape
// of a job (what feeds what, where rows change place, which Go types flow) and
// nothing of how an operator works: that is in Node.Impl, made by package
// operator and used by package task. It also holds the interfaces that formats
// implement. A graph is built by one goroutine; compiled it is immutable.
package graph

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Role says what a node is to the planner.
type Role uint8

const (
	// Input is a source: it has no inputs and begins a stage.
	Input Role = iota
	// Fused runs inside the stage of its inputs.
	Fused
	// Exchange ends the stages of its inputs and begins a stage.
	Exchange
	// Output is a sink: files at a destination, or rows for the driver.
	Output
)

// OpUnion is the Op of the node that gives the rows of all its inputs as they are.
const OpUnion = "Union"

// Position is a place in the user's program.
type Position struct {
	File string
	Line int
}

// String returns "file:line".
func (p Position) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Short leaves out the directories that differ from machine to machine.
func (p Position) Short() string {
	dir, file := filepath.Split(p.File)
	return fmt.Sprintf("%s/%s:%d", filepath.Base(dir), file, p.Line)
}

// Node is one operator of the user's graph.
type Node struct {
	ID     int
	Role   Role
	Op     string       // the verb, for people: "FlatMap"
	Detail string       // what distinguishes it beyond verb and type: a source's name
	At     Position     // where the user wrote it
	Type   *column.Type // of the rows it gives; nil for an Output
	Inputs []*Node
	Impl   any // what it does, made by package operator

	Kind    plan.ExchangeKind // of an Exchange
	Buckets int               // of a Hash exchange
	Cut     plan.Cut          // of an Exchange
	// Replaces is the exchange that it does the work of beside its own, so that it is
	// not missed where nothing else takes its rows.
	Replaces *Node

	// For people, of an Exchange: Key is the type by which rows come together or
	// in order, Combines says that rows are folded before they move, and Limit,
	// above 0, is how many of a task's rows move at most.
	Key      string
	Combines bool
	Limit    int

	// Side lets the right side of an Exchange that joins be broadcast.
	Side *Side

	// Drives says of an Input that its reading runs other jobs: see plan.Source.
	Drives bool

	// Promise is what the user says of its rows, at PromisedAt: see plan.Promise.
	Promise    plan.Promise
	PromisedAt Position

	Destination string // of an Output that writes files
	Suffix      string // of those files

	graph *Graph
}

// Graph collects the nodes of one job in the order in which they were made, so
// that inputs stand before their consumers.
type Graph struct {
	Name  string
	Nodes []*Node
	// Counters are the names of what user code counts, in the order of their making.
	Counters []string
	// BadLimit lets the job leave out bad rows; nil for none.
	BadLimit *plan.BadLimit
	// SideLimitBytes is the most that a side of a join may take in memory to be
	// broadcast; nil for the default, 0 for none at all.
	SideLimitBytes *int64
	// Shared is what tasks of a process have in common, made by package operator.
	Shared []any
	shared []string // their names
	// HideKeys keeps the keys of rows out of reports.
	HideKeys bool
	errs     []error
}

// Add appends a node. Inputs must belong to the same graph.
func (g *Graph) Add(n *Node) *Node {
	n.ID = len(g.Nodes)
	n.graph = g
	for _, in := range n.Inputs {
		if in.graph != g {
			g.Fail(n.At, fmt.Errorf("%s takes a dataset of another pipeline; datasets cannot cross from one Run to the next", n.Op))
		}
	}
	g.Nodes = append(g.Nodes, n)
	return n
}

// Counter returns the number of the counter of a name, which it makes when there
// is none: two parts of a program that count under one name count together.
func (g *Graph) Counter(at Position, name string) int {
	if i := slices.Index(g.Counters, name); i >= 0 {
		return i
	}
	if err := plan.CheckCounters(append(slices.Clone(g.Counters), name)); err != nil {
		g.Fail(at, err)
		return 0
	}
	g.Counters = append(g.Counters, name)
	return len(g.Counters) - 1
}

// Share adds what tasks of a process have in common, under a name, and returns its
// number.
func (g *Graph) Share(at Position, name string, thing any) int {
	names := append(slices.Clone(g.shared), name)
	if err := plan.CheckShared(names); err != nil {
		g.Fail(at, err)
		return 0
	}
	g.Shared, g.shared = append(g.Shared, thing), names
	return len(g.Shared) - 1
}

// Fail records an error of the user's program at a place in it.
func (g *Graph) Fail(at Position, err error) {
	g.errs = append(g.errs, fault.New(fault.Invalid, "%v: %w", at, err))
}

// Err returns the first recorded error.
func (g *Graph) Err() error {
	if len(g.errs) > 0 {
		return g.errs[0]
	}
	return nil
}

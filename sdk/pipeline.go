package sdk

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/graph"
)

// Pipeline collects the operators of one job while its build function runs.
// One goroutine uses it.
type Pipeline struct {
	graph    *graph.Graph
	returned map[string]any // by Return
}

// Dataset is a typed, unordered, partitioned collection of rows of T. It holds
// no data: it says how the rows will be made when the job runs. A dataset that
// is used several times is computed once in every stage that needs it.
type Dataset[T any] struct {
	pipeline *Pipeline
	node     *graph.Node
}

// KV is a row with a key.
type KV[K, V any] = operator.KV[K, V]

// Emit takes one row that a user function gives.
type Emit[T any] = operator.Emit[T]

// Context is what user functions get that can fail: it is canceled when the
// attempt is to stop, and names the task.
type Context = operator.Context

// add appends an operator that the user wrote at the caller's place. It gives
// rows of U, whose plan is typ.
func add[U any](p *Pipeline, n *graph.Node) Dataset[U] {
	return Dataset[U]{p, p.graph.Add(n)}
}

// fused appends an operator that runs inside the stage of its input.
func fused[T, U any](in Dataset[T], op string, make func(edge *operator.Edge) *operator.Fused) Dataset[U] {
	p, at := in.pipelineOf(op)
	typ := rowType[U](p, at)
	return add[U](p, &graph.Node{
		Role: graph.Fused, Op: op, At: at, Type: typ, Inputs: in.inputs(),
		Impl: make(operator.EdgeOf[U](typ)),
	})
}

// exchanged appends an operator that moves rows.
func exchanged[T, R any](in Dataset[T], n *graph.Node, typ *column.Type, impl *operator.Exchange) Dataset[R] {
	n.Role, n.Type, n.Inputs, n.Impl = graph.Exchange, typ, in.inputs(), impl
	return add[R](in.pipeline, n)
}

// inputs returns the dataset's node as the inputs of a next one.
func (d Dataset[T]) inputs() []*graph.Node {
	if d.node == nil {
		return nil
	}
	return []*graph.Node{d.node}
}

// pipelineOf returns the pipeline of an operator's input and the user's place.
// The zero Dataset belongs to none; since there is no graph to record that in,
// build is left by a panic, which compile turns into the error.
func (d Dataset[T]) pipelineOf(op string) (*Pipeline, graph.Position) {
	at := caller()
	if d.pipeline == nil {
		panic(zeroDataset{at, op})
	}
	return d.pipeline, at
}

// zeroDataset is the use of a Dataset that nothing gave.
type zeroDataset struct {
	at graph.Position
	op string
}

func (z zeroDataset) Error() string {
	return fmt.Sprintf("%v: %s of a zero Dataset: datasets come from a Read or from another dataset", z.at, z.op)
}

// requireFunc refuses a nil user function.
func requireFunc(p *Pipeline, at graph.Position, op string, fn any) {
	if v := reflect.ValueOf(fn); !v.IsValid() || v.IsNil() {
		p.graph.Fail(at, fmt.Errorf("%s needs a function, but got nil", op))
	}
}

// rowType plans T as a row. A type that cannot be one is reported with the
// user's place; an empty plan stands in for it, since the graph will not run.
func rowType[T any](p *Pipeline, at graph.Position) *column.Type {
	typ, err := column.For[T]()
	if err != nil {
		p.graph.Fail(at, fmt.Errorf("%v cannot be a row: %w", reflect.TypeFor[T](), err))
		typ, _ = column.For[struct{}]()
	}
	return typ
}

// typeName is how people read a row type. What cannot be one is told elsewhere.
func typeName[T any]() string {
	typ, err := column.For[T]()
	if err != nil {
		return reflect.TypeFor[T]().String()
	}
	return typ.String()
}

// keyType plans T as a key.
func keyType[T any](p *Pipeline, at graph.Position) *column.KeyType {
	key, err := column.KeyOf(rowType[T](p, at))
	if err != nil {
		p.graph.Fail(at, fmt.Errorf("%v cannot be a key: %w", reflect.TypeFor[T](), err))
	}
	return key
}

// sdkPrefix begins the names of the functions of the SDK and its formats.
const sdkPrefix = "github.com/sheafdata/sheaf/sdk"

// caller returns the place in the user's program that called the SDK.
func caller() graph.Position {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		ours := strings.HasPrefix(f.Function, sdkPrefix+".") || strings.HasPrefix(f.Function, sdkPrefix+"/")
		if !ours || strings.HasSuffix(f.File, "_test.go") || !more {
			return graph.Position{File: f.File, Line: f.Line}
		}
	}
}

// failf records an error of the user's program.
func (p *Pipeline) failf(at graph.Position, format string, args ...any) {
	p.graph.Fail(at, fmt.Errorf(format, args...))
}

// term makes a sort term of a key function.
func term[T, K any](key func(T) K) (operator.Term[T], error) {
	if key == nil {
		return operator.Term[T]{}, fmt.Errorf("By needs a function, but got nil")
	}
	typ, err := column.For[K]()
	if err != nil {
		return operator.Term[T]{}, fmt.Errorf("%v cannot be a sort key: %w", reflect.TypeFor[K](), err)
	}
	kt, err := column.KeyOf(typ)
	if err != nil {
		return operator.Term[T]{}, fmt.Errorf("%v cannot be a sort key: %w", reflect.TypeFor[K](), err)
	}
	return operator.By(kt, key), nil
}

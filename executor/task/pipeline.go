package task

import (
	"io"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// pipeline is the operators of one stage, put together for one attempt.
type pipeline struct {
	runtime *Runtime
	task    *operator.Task
	input   *graph.Node
	first   any   // receiver of the stage's input: batches of a source, rows of an exchange
	ends    []any // receivers of exchanges and sinks, to be freed after a failure

	// failed is the batch that a source stage was working on when it failed,
	// and where the place of its rows is known.
	failed *failedBatch
	// quarantine takes bad rows; nil where there may be none. From doubt on, if
	// that is set, every batch goes through a rehearsal first.
	quarantine *quarantine
	doubt      *position
}

// failedBatch is a batch with a row that user code did not survive. Its reader
// stays open, because a closed one does not know the places of rows any more.
type failedBatch struct {
	batch  arrow.Record
	reader graph.BatchReader
	at     position // of its first row
	base   int      // the place of its first row in the reader's batch
}

func (f *failedBatch) where(row int) string { return f.reader.Where(f.base + row) }

// assemble attaches the operators behind input to each other, from the ends
// backwards, and reads the sides that are broadcast to them. After an error the
// pipeline is to be aborted. where, if it is not nil, follows which of them works.
func (r *Runtime) assemble(t *operator.Task, input *graph.Node, where *trace) (*pipeline, error) {
	p := &pipeline{runtime: r, task: t, input: input}
	a := assembly{pipeline: p, where: where, edges: map[*graph.Node]int{}, made: map[*graph.Node]any{}}
	a.count(input)
	form := operator.Rows
	if input.Role == graph.Input {
		form = operator.Batches
	}
	p.first = a.behind(input, form)
	for _, to := range a.besides {
		if err := operator.Open(to); err != nil {
			return p, err
		}
	}
	return p, nil
}

// assembly is the state of putting one pipeline together.
type assembly struct {
	*pipeline
	where *trace
	edges map[*graph.Node]int // edges of this stage that lead into a node
	made  map[*graph.Node]any // receivers by node: one each, however many edges
	// besides are receivers that join with sides, which they read first.
	besides []any
}

// count counts the edges of the stage that lead into each of its nodes.
func (a *assembly) count(n *graph.Node) {
	for _, next := range a.runtime.Graph.Consumers(n) {
		a.edges[next]++
		if a.edges[next] == 1 && (next.Role == graph.Fused || next.Role == graph.Exchange && a.side(next) != nil) {
			a.count(next)
		}
	}
}

// side returns what the attempt shall read of an exchange that is broadcast to it,
// or nil.
func (a *assembly) side(x *graph.Node) *plan.Partition {
	return a.task.Side(a.runtime.Graph.ExchangeOf(x))
}

// behind returns the receiver of everything that consumes n's rows, where n
// gives them in the given form.
func (a *assembly) behind(n *graph.Node, gives operator.Form) any {
	edge := edgeOf(n)
	consumers := a.runtime.Graph.Consumers(n)
	if len(consumers) == 1 {
		to, takes := a.receiver(consumers[0], edge)
		return convert(a.task, edge, to, gives, takes)
	}
	// A fork is between rows: batches are scanned once for all.
	outs := make([]any, len(consumers))
	for i, c := range consumers {
		to, takes := a.receiver(c, edge)
		outs[i] = convert(a.task, edge, to, operator.Rows, takes)
	}
	return convert(a.task, edge, edge.Fork(outs), gives, operator.Rows)
}

// convert puts the scanner or builder between two forms where they differ.
func convert(t *operator.Task, edge *operator.Edge, to any, gives, takes operator.Form) any {
	switch {
	case gives == takes:
		return to
	case gives == operator.Batches:
		return edge.Scan(t, to)
	}
	return edge.Build(t, to)
}

// receiver returns the receiver of a node that consumes rows of edge's type,
// and the form that it takes.
func (a *assembly) receiver(n *graph.Node, edge *operator.Edge) (any, operator.Form) {
	form := operator.Rows
	if f, ok := n.Impl.(*operator.Fused); ok {
		form = f.In
	}
	if made, ok := a.made[n]; ok {
		return made, form
	}
	var to any
	switch impl := n.Impl.(type) {
	case *operator.Fused:
		to = a.task.Attach(impl, n.ID, a.behind(n, impl.Out))
	case *operator.Exchange:
		if side := a.side(n); side != nil {
			to = impl.Beside(a.task, side, a.behind(n, operator.Rows))
			a.besides, a.ends = append(a.besides, to), append(a.ends, to)
			break
		}
		to = impl.Map(a.task, a.runtime.Graph.Plan.Exchanges[a.runtime.Graph.ExchangeOf(n)])
		a.ends = append(a.ends, to)
	case *operator.Output:
		to = impl.Write(a.task, a.runtime.Graph.Plan.Sinks[a.runtime.Graph.SinkOf(n)])
		a.ends = append(a.ends, to)
	}
	if a.where != nil {
		to = a.traced(n, edge, to)
	}
	if a.edges[n] > 1 && form == operator.Rows {
		to = edge.Join(to, a.edges[n])
	}
	a.made[n] = to
	return to, form
}

// traced lets the trace follow a node's receiver.
func (a *assembly) traced(n *graph.Node, edge *operator.Edge, to any) any {
	if b, ok := to.(operator.BatchReceiver); ok {
		return operator.TraceBatches(b, a.where.around(n))
	}
	return edge.Trace(to, a.where.around(n))
}

// edgeOf returns the joints of the edges behind a node.
func edgeOf(n *graph.Node) *operator.Edge {
	switch impl := n.Impl.(type) {
	case *operator.Input:
		return impl.Edge
	case *operator.Fused:
		return impl.Edge
	case *operator.Exchange:
		return impl.Edge
	}
	return nil
}

// drive reads the assignment's rows and pushes them through the stage.
func (p *pipeline) drive() error {
	if x, ok := p.input.Impl.(*operator.Exchange); ok {
		if p.task.Assignment.Partition == nil {
			return fault.New(fault.Internal, "attempt %v has no partition", p.task.Assignment.Attempt)
		}
		return x.Reduce(p.task, p.first)
	}
	source := p.input.Impl.(*operator.Input).Source
	to := p.first.(operator.BatchReceiver)
	for i := range p.task.Assignment.Splits {
		if err := p.readSplit(source, i, to); err != nil {
			return err
		}
	}
	return p.mark(position{}, 0)
}

// readSplit pushes the batches of one split.
func (p *pipeline) readSplit(source graph.Source, split int, to operator.BatchReceiver) (err error) {
	s := p.task.Assignment.Splits[split]
	opts := p.runtime.Read
	if p.quarantine != nil {
		opts.Bad = p.quarantine.undecoded
	}
	opts.Room = p.task.Shuffle.Enter
	r, err := source.Open(p.task.Context, s, opts)
	if err != nil {
		return err
	}
	defer func() {
		if p.failed != nil {
			return // abort closes it
		}
		if e := r.Close(); err == nil {
			err = e
		}
	}()
	before := p.task.Read.Bytes.Load()
	at := position{split: split}
	for {
		if err := p.task.Context.Err(); err != nil {
			return err
		}
		batch, err := r.Next()
		if err == io.EOF {
			p.task.Read.Bytes.Store(before + r.BytesRead())
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.push(to, batch, r, at); err != nil {
			return err
		}
		at.row += batch.NumRows()
		p.task.Shuffle.LeaveLarge() // whatever was large in the batch
		p.task.Read.Rows.Add(batch.NumRows())
		p.task.Read.Bytes.Store(before + r.BytesRead())
	}
}

// close ends the stream of rows: operators hand on what they hold, exchanges
// publish, sinks stage.
func (p *pipeline) close() error {
	return p.first.(interface{ Close() error }).Close()
}

// makeRoom makes the ends of the pipeline hand on what they hold in memory.
func (p *pipeline) makeRoom() error {
	for _, e := range p.ends {
		if err := operator.MakeRoom(e); err != nil {
			return err
		}
	}
	return nil
}

// abort frees what the ends of the pipeline and a reader that it failed with hold.
func (p *pipeline) abort() {
	if p.failed != nil {
		_ = p.failed.reader.Close() // only read
		p.failed = nil
	}
	p.quarantine.abort()
	for _, e := range p.ends {
		operator.Abort(e)
	}
}

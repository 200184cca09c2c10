package outline

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/sheafdata/sheaf/internal/plan"
)

func ref[T any](v T) *T { return &v }

// step is an operator of a stage that takes the rows of others.
func step(id int, verb, gives string, inputs ...int) Operator {
	return Operator{Operator: id, Verb: verb, At: fmt.Sprintf("report/main.go:%d", 20+id), Gives: gives, Inputs: append([]int{}, inputs...)}
}

func (op Operator) to(x plan.ExchangeID) Operator { op.Exchange = &x; return op }

func (op Operator) into(s plan.SinkID) Operator { op.Sink = &s; return op }

// report is an outline with all that there may be: branches that meet in their
// stage, exchanges of each kind, one that two stages write, one that passes a
// level, and warnings.
func report() *Outline {
	const pair = "{Key string, Value int64}"
	promised := step(1, "FlatMap", "string", 0)
	promised.Promise = plan.Deterministic
	return &Outline{
		Version: Version, Job: "report", Arguments: json.RawMessage(`{"Input":"logs/*","Output":"out"}`), Fingerprint: "f00d", Slots: 8,
		Counters: []string{"invalid", "late"},
		Stages: []Stage{
			{Stage: 0, Source: &Source{Name: "text logs/*", Files: 2345, Bytes: ref(int64(88 << 20)), Splits: ref(2345)}, Tasks: ref(54), Writes: []plan.ExchangeID{0, 1}, Sinks: []plan.SinkID{},
				Operators: []Operator{step(0, "Read", "string"), promised, step(2, "Filter", "string", 1), step(4, "Union", "string", 2, 3), step(5, "Count", pair, 4).to(0),
					step(3, "Map", "string", 1), step(6, "Sort", "string", 3).to(1)}},
			{Stage: 1, Source: &Source{Name: "7 values", Rows: ref(int64(7)), Splits: ref(1)}, Tasks: ref(1), Writes: []plan.ExchangeID{0}, Sinks: []plan.SinkID{},
				Operators: []Operator{step(7, "Read", "string"), step(4, "Union", "string", 7), step(5, "Count", pair, 4).to(0)}},
			{Stage: 2, Reads: ref(plan.ExchangeID(0)), MostTasks: ref(256), Writes: []plan.ExchangeID{2}, Sinks: []plan.SinkID{0},
				Operators: []Operator{step(5, "Count", pair), step(8, "Write", "", 5).into(0), step(9, "TopK", pair, 5).to(2)}},
			{Stage: 3, Reads: ref(plan.ExchangeID(2)), Tasks: ref(1), Writes: []plan.ExchangeID{3}, Sinks: []plan.SinkID{1},
				Operators: []Operator{step(9, "TopK", pair), step(10, "Collect", "", 9).into(1), step(11, "Map", "string", 9), step(12, "Join", "string", 11).to(3)}},
			{Stage: 4, Reads: ref(plan.ExchangeID(1)), Writes: []plan.ExchangeID{3}, Sinks: []plan.SinkID{},
				Operators: []Operator{step(6, "Sort", "string"), step(12, "Join", "string", 6).to(3)}},
			{Stage: 5, Reads: ref(plan.ExchangeID(3)), Writes: []plan.ExchangeID{}, Sinks: []plan.SinkID{2},
				Operators: []Operator{step(12, "Join", "string"), step(13, "Write", "", 12).into(2)}},
		},
		Exchanges: []Exchange{
			{Exchange: 0, Verb: "Count", At: "report/main.go:25", Kind: plan.Hash, Key: "string", Buckets: 256, Combiner: true, From: []plan.StageID{0, 1}, To: 2},
			{Exchange: 1, Verb: "Sort", At: "report/main.go:26", Kind: plan.Range, Key: "string descending", Buckets: 1, From: []plan.StageID{0}, To: 4},
			{Exchange: 2, Verb: "TopK", At: "report/main.go:29", Kind: plan.Gather, Key: "int64 descending, string", Buckets: 1, Limit: 1000, From: []plan.StageID{2}, To: 3},
			{Exchange: 3, Verb: "Join", At: "report/main.go:32", Kind: plan.Range, Key: "string", Buckets: 1, Side: &Side{From: []plan.StageID{4}, LimitBytes: 32 << 20}, From: []plan.StageID{3, 4}, To: 5},
		},
		Sinks: []Sink{
			{Sink: 0, Verb: "Write", At: "report/main.go:28", Format: "text", Destination: "out/counts", Suffix: ".txt"},
			{Sink: 1, Verb: "Collect", At: "report/main.go:30"},
			{Sink: 2, Verb: "Write", At: "report/main.go:33", Format: "csv", Destination: "out/" + strings.Repeat("a long name ", 9), Suffix: ".csv.gz"},
		},
		Warnings: []Warning{
			{Kind: "one-task", At: "report/main.go:20", Verb: "Read", Message: "one task reads all of logs/march.gz, 1.2 GiB: a compressed file is read from its beginning", Advice: "write it as several files, or uncompressed"},
			{Kind: "unused", At: "report/main.go:40", Verb: "Filter", Message: "nothing takes its rows, so it does not run", Advice: "write or collect them, or remove it"},
		},
	}
}

// random makes an outline of any shape: every stage reads a source or an exchange
// of stages before it, and names hold what must be quoted.
func random(r *rand.Rand) *Outline {
	name := func() string {
		return strings.Repeat([]string{"x", "longer ", `"<&>\` + "\n\x1b\u202e\uffff\xff", "ä→", "", "語言"}[r.IntN(6)], 1+r.IntN(12))
	}
	o := &Outline{Version: Version, Job: name(), Arguments: json.RawMessage(`{}`), Slots: 1 + r.IntN(9)}
	id := 0
	for i := range 1 + r.IntN(9) {
		s := Stage{Stage: plan.StageID(i)}
		if i == 0 || r.IntN(3) == 0 {
			s.Source, s.Tasks = &Source{Name: name(), Files: r.IntN(5), Bytes: ref(r.Int64N(1 << 40))}, ref(r.IntN(5000))
			s.Operators = []Operator{{Operator: id, Verb: name(), At: name()}}
		} else {
			x := Exchange{Exchange: plan.ExchangeID(len(o.Exchanges)), Kind: []plan.ExchangeKind{plan.Hash, plan.Range, plan.Gather}[r.IntN(3)], Key: name(), Buckets: 256, To: s.Stage}
			for from := range i {
				if r.IntN(3) > 0 && (from < i-1 || len(x.From) > 0) {
					continue
				}
				p := &o.Stages[from]
				x.From = append(x.From, p.Stage)
				p.Writes = append(p.Writes, x.Exchange)
				p.Operators = append(p.Operators, Operator{Operator: id, Verb: name(), At: name(), Inputs: []int{p.Operators[r.IntN(len(p.Operators))].Operator}, Exchange: &x.Exchange})
			}
			o.Exchanges = append(o.Exchanges, x)
			s.Reads = &x.Exchange
			s.Operators = []Operator{{Operator: id, Verb: name(), At: name(), Gives: name()}}
		}
		for range r.IntN(6) {
			id++
			s.Operators = append(s.Operators, Operator{Operator: id, Verb: name(), At: name(), Gives: name(), Inputs: []int{s.Operators[r.IntN(len(s.Operators))].Operator}})
		}
		id++
		o.Stages = append(o.Stages, s)
	}
	for range r.IntN(3) {
		o.Warnings = append(o.Warnings, Warning{At: name(), Verb: name(), Message: name(), Advice: name()})
	}
	return o
}

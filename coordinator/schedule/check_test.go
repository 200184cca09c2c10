package schedule

import (
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// goodPlan is two sources into a hash exchange, then a sink.
func goodPlan(t *testing.T) plan.Plan {
	return parsePlan(t, []string{"0 source > x0", "1 source > x0 s0", "2 x0 > s0 s1", "x0 hash 4"})
}

func TestCheckPlan(t *testing.T) {
	seven := plan.ExchangeID(7)
	tests := []struct {
		name  string
		spoil func(p *plan.Plan)
		want  string // "" is a good plan
	}{
		{"good", func(p *plan.Plan) {}, ""},
		{"no stages", func(p *plan.Plan) { p.Stages = nil }, "no stages"},
		{"stage number", func(p *plan.Plan) { p.Stages[1].ID = 4 }, "stage 1: numbered 4"},
		{"exchange number", func(p *plan.Plan) { p.Exchanges[0].ID = 4 }, "exchange 0: numbered 4"},
		{"sink number", func(p *plan.Plan) { p.Sinks[1].ID = 4 }, "sink 1: numbered 4"},
		{"no input", func(p *plan.Plan) { p.Stages[0].Source = nil }, "needs either"},
		{"two inputs", func(p *plan.Plan) { p.Stages[2].Source = &plan.Source{} }, "needs either"},
		{"input does not exist", func(p *plan.Plan) { p.Stages[2].Exchange = &seven }, "reads exchange 7, which does not exist"},
		{"input of another", func(p *plan.Plan) { p.Exchanges[0].Consumer = 1 }, "whose consumer is stage 1"},
		{"output does not exist", func(p *plan.Plan) { p.Stages[0].Exchanges[0] = -1 }, "writes exchange -1, which does not exist"},
		{"output twice", func(p *plan.Plan) { p.Stages[0].Exchanges = []plan.ExchangeID{0, 0} }, "writes exchange 0 twice"},
		{"not a producer", func(p *plan.Plan) { p.Exchanges[0].Producers = []plan.StageID{1} }, "without being a producer"},
		{"not written", func(p *plan.Plan) { p.Stages[0].Exchanges = nil }, "stage 0 does not write it"},
		{"producers out of order", func(p *plan.Plan) { p.Exchanges[0].Producers = []plan.StageID{1, 0} }, "not in order"},
		{"producer twice", func(p *plan.Plan) { p.Exchanges[0].Producers = []plan.StageID{0, 1, 1} }, "not in order"},
		{"producer after consumer", func(p *plan.Plan) { p.Exchanges[0].Producers = []plan.StageID{0, 1, 3} }, "not in order before stage 2"},
		{"sink does not exist", func(p *plan.Plan) { p.Stages[2].Sinks[0] = 2 }, "writes sink 2, which does not exist"},
		{"sink twice", func(p *plan.Plan) { p.Stages[2].Sinks = []plan.SinkID{1, 1} }, "writes sink 1 twice"},
		{"kind", func(p *plan.Plan) { p.Exchanges[0].Kind = "broadcast" }, `no exchange is of kind "broadcast"`},
		{"no buckets", func(p *plan.Plan) { p.Exchanges[0].Buckets = 0 }, "0 hash buckets"},
		{"too many buckets", func(p *plan.Plan) { p.Exchanges[0].Buckets = 1 << 30 }, "hash buckets, want 1 to"},
		{"buckets of a gather", func(p *plan.Plan) { p.Exchanges[0].Kind = plan.Gather }, "4 buckets, want 1"},
		{"consumer does not exist", func(p *plan.Plan) {
			p.Exchanges = append(p.Exchanges, plan.Exchange{ID: 1, Kind: plan.Gather, Buckets: 1, Consumer: 9})
		}, "consumer 9 does not exist"},
		{"consumer reads another", func(p *plan.Plan) {
			p.Exchanges = append(p.Exchanges, plan.Exchange{ID: 1, Kind: plan.Gather, Buckets: 1, Consumer: 2})
		}, "stage 2 does not read it"},
		{"no producers", func(p *plan.Plan) {
			p.Exchanges[0].Producers, p.Stages[0].Exchanges, p.Stages[1].Exchanges = nil, nil, nil
		}, "no producers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := goodPlan(t)
			tt.spoil(&p)
			err := checkPlan(&p)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("checkPlan(%+v) = %v, want nil", p, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || fault.KindOf(err) != fault.Invalid):
				t.Errorf("checkPlan(%+v) = %v, want an invalid error with %q", p, err, tt.want)
			}
		})
	}
}

// TestCheckResult: a result that does not fit its task fails the job as a bug
// instead of spoiling its output.
func TestCheckResult(t *testing.T) {
	task := plan.TaskID{Stage: 1}
	tests := []struct {
		name  string
		spoil func(r *plan.Result)
		want  string
	}{
		{"good", func(r *plan.Result) {}, ""},
		{"empty output without sizes", func(r *plan.Result) { r.Outputs[0].BucketBytes, r.Outputs[0].Bytes = nil, 0 }, ""},
		{"no output", func(r *plan.Result) { r.Outputs = nil }, "0 map outputs for 1 exchanges"},
		{"two outputs", func(r *plan.Result) { r.Outputs = append(r.Outputs, r.Outputs[0]) }, "2 map outputs"},
		{"other exchange", func(r *plan.Result) { r.Outputs[0].ID.Exchange = 3 }, "no map output for exchange 0"},
		{"other attempt's output", func(r *plan.Result) { r.Outputs[0].ID.Attempt.Number = 2 }, "no map output for exchange 0"},
		{"bucket count", func(r *plan.Result) { r.Outputs[0].BucketBytes = []int64{1} }, "1 bucket sizes for 4 buckets"},
		{"bytes without buckets", func(r *plan.Result) { r.Outputs[0].BucketBytes = nil }, "0 bucket sizes for 4 buckets"},
		{"other attempt's file", func(r *plan.Result) { r.Files[0].Attempt.Number = 2 }, `file "part"`},
		{"file of another sink", func(r *plan.Result) { r.Files[0].Sink = 1 }, `file "part"`},
		{"rows of another sink", func(r *plan.Result) { r.Rows[0].Sink = 1 }, "rows for sink 1"},
		{"split of negative length", func(r *plan.Result) { r.Splits[0].Length = -1 }, "length -1"},
		{"split that overflows", func(r *plan.Result) { r.Splits[0].Offset = 1<<63 - 2 }, "offset 9223372036854775806"},
		{"splits that overflow", func(r *plan.Result) { r.Splits[0].Length = 1<<63 - 1 }, "more bytes than can be counted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New(Config{})
			c.Step(ExecutorJoined{Executor: "e", Session: 1, Slots: 2})
			c.Step(JobSubmitted{Plan: goodPlan(t)})
			enumerated := plan.AttemptID{Task: plan.TaskID{Stage: plan.EnumerateStage, Index: 1}, Number: 1}
			c.Step(AttemptFinished{Executor: "e", Session: 1, Attempt: enumerated, Result: plan.Result{Splits: []plan.Split{file("f", 9)}}})
			id := plan.AttemptID{Task: task, Number: 1}
			r := plan.Result{
				Splits:  []plan.Split{file("g", 5)},
				Outputs: []plan.MapOutput{{ID: plan.OutputID{Attempt: id}, Bytes: 4, BucketBytes: []int64{1, 1, 1, 1}}},
				Files:   []plan.StagedFile{{Attempt: id, Name: "part"}},
				Rows:    []plan.CollectedRows{{}},
			}
			tt.spoil(&r)
			c.Step(AttemptFinished{Executor: "e", Session: 1, Attempt: id, Result: r})
			j := c.jobs[plan.JobID{}]
			switch {
			case tt.want == "" && j.state != Running:
				t.Errorf("after result %+v the job is %v (%s), want running", r, j.state, j.failure.Failure.Message)
			case tt.want != "" && (j.state != Ending || j.failure.Failure.Kind != fault.Internal || !strings.Contains(j.failure.Failure.Message, tt.want)):
				t.Errorf("after result %+v the job is %v (%s), want ending with an internal failure with %q", r, j.state, j.failure.Failure.Message, tt.want)
			}
		})
	}
}

package record

import (
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire/wiretest"
)

// events are all types of events.
var events = []schedule.Event{
	schedule.JobSubmitted{}, schedule.JobForgotten{}, schedule.ExecutorJoined{}, schedule.DiskLow{}, schedule.ExecutorDraining{}, schedule.ExecutorLost{},
	schedule.AttemptFinished{}, schedule.AttemptFailed{}, schedule.CancelRequested{}, schedule.Tick{},
}

// filled returns a record of an event of the same type with random fields.
func filled(ev schedule.Event, seed uint64) Record {
	f := wiretest.New(seed, seed%2 == 0)
	v := reflect.New(reflect.TypeOf(ev))
	f.Fill(v.Interface())
	if session := v.Elem().FieldByName("Session"); session.IsValid() && session.IsZero() {
		session.SetUint(1)
	}
	r := Record{Event: v.Elem().Interface().(schedule.Event), UnixNanos: f.Rand.Int64()}
	if submitted, ok := r.Event.(schedule.JobSubmitted); ok && f.Rand.IntN(3) > 0 {
		r.Submission = new(Submission)
		f.Fill(r.Submission)
		r.Submission.Spec.Job = submitted.Job
		if r.Submission.Step = 0; r.Submission.Driver != (plan.JobID{}) {
			r.Submission.Step = 1
		}
	}
	if ev, ok := r.Event.(schedule.JobSubmitted); ok && f.Rand.IntN(2) == 0 {
		ev.Priority *= -1
		r.Event = ev
	}
	if _, ok := r.Event.(schedule.ExecutorJoined); ok && f.Rand.IntN(3) > 0 {
		r.Details = new(Details)
		f.Fill(r.Details)
	}
	if _, ok := r.Event.(schedule.ExecutorDraining); ok && f.Rand.IntN(3) > 0 {
		r.Drain = &Drain{Deadline: time.Duration(1+f.Rand.IntN(9)) * time.Millisecond, Reason: "drained"}
	}
	return r
}

func TestEveryEventSurvives(t *testing.T) {
	if got, want := len(events), new(pb.JournalRecord).ProtoReflect().Descriptor().Oneofs().ByName("event").Fields().Len(); got != want {
		t.Fatalf("%d types of events, the schema has %d", got, want)
	}
	for _, ev := range events {
		t.Run(Name(ev), func(t *testing.T) {
			for seed := range uint64(200) {
				want := filled(ev, seed)
				data, err := Encode(want)
				if err != nil {
					t.Fatalf("Encode(%+v) = %v", want, err)
				}
				got, err := Decode(data)
				if err != nil {
					t.Fatalf("Decode(Encode(%+v)) = %v", want, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("Decode(Encode(x)), seed %d (-want +got):\n%s", seed, diff)
				}
			}
		})
	}
}

const digest = "000102030405060708090a0b0c0d0e0f"

// samples are small records, one of each kind.
func samples() []Record {
	job := plan.JobID{0xde, 0xad, 0xbe, 0xef, 15: 1}
	attempt := plan.AttemptID{Job: job, Task: plan.TaskID{Stage: 0, Index: 7}, Epoch: 1, Number: 2}
	output := plan.OutputID{Attempt: attempt}
	x := plan.ExchangeID(0)
	events := []schedule.Event{
		schedule.JobSubmitted{At: time.Second, Job: job, Priority: -1, MaxRunning: 8, Plan: plan.Plan{
			Name: "words", Args: `{"n":1}`, Fingerprint: "f",
			Stages: []plan.Stage{
				{ID: 0, Name: "read", Source: &plan.Source{Name: "text"}, Exchanges: []plan.ExchangeID{0}},
				{ID: 1, Name: "write", Exchange: &x, Sinks: []plan.SinkID{0}},
			},
			Exchanges: []plan.Exchange{{Name: "count", Kind: plan.Hash, Buckets: 256, Producers: []plan.StageID{0}, Consumer: 1}},
			Sinks:     []plan.Sink{{Name: "text", Destination: "out", Suffix: ".txt"}},
		}},
		schedule.JobForgotten{At: 2 * time.Second, Job: job},
		schedule.ExecutorJoined{At: 3 * time.Second, Executor: "e1", Session: 5, Slots: 4},
		schedule.ExecutorLost{At: 4 * time.Second, Executor: "e1", Session: 5},
		schedule.AttemptFinished{At: 5 * time.Second, Executor: "e1", Session: 5, Attempt: attempt, Result: plan.Result{
			Splits:  []plan.Split{{Path: "a.txt", Length: 9, Size: 9, ModNanos: -1, Inode: 3, Cuttable: true, Align: 4}},
			Outputs: []plan.MapOutput{{ID: output, Digest: digest, Bytes: 301, Rows: 2, BucketBytes: []int64{1, 300}, Samples: []plan.KeySample{{Key: []byte("k"), Bytes: 1}}}},
			Files:   []plan.StagedFile{{Attempt: attempt, Name: "part-0", Bytes: 3, Rows: 1, XXH3: digest}},
			Rows:    []plan.CollectedRows{{Sink: 1, Blocks: [][]byte{{1, 2}, {3}}}},
			Figures: plan.Figures{RowsIn: 1, BytesIn: 2, RowsOut: 3, BytesOut: 4, ShuffleBytes: 5, SpilledBytes: 6, SourceRows: 7, SourceBytes: 8, SinkRows: 9},
		}},
		schedule.AttemptFailed{At: 6 * time.Second, Executor: "e1", Session: 5, Attempt: attempt,
			Failure: fault.Report{Kind: fault.Fetch, Message: "gone", Detail: "stack"}, Unreadable: []plan.OutputID{output}},
		schedule.CancelRequested{At: 7 * time.Second, Job: job, Reason: "not needed"},
		schedule.Tick{At: 8 * time.Second},
		schedule.ExecutorDraining{At: 9 * time.Second, Executor: "e1", Session: 5},
		schedule.JobSubmitted{At: 10 * time.Second, Job: job, Plan: plan.Plan{
			Stages:   []plan.Stage{{Source: &plan.Source{Name: "text"}, Sinks: []plan.SinkID{0}}},
			Sinks:    []plan.Sink{{Name: "text", Destination: "out"}},
			Counters: []string{"bad", "good"},
			BadLimit: &plan.BadLimit{Rows: 300, PerMillion: 1},
		}},
		schedule.AttemptFinished{At: 11 * time.Second, Executor: "e1", Session: 5, Attempt: attempt, Result: plan.Result{
			Figures: plan.Figures{Counters: []int64{-1, 300}, BadRows: 2},
			BadRows: []plan.BadRow{{Place: "a.csv, offset 9", Problem: "no number"}},
		}},
		schedule.AttemptFailed{At: 12 * time.Second, Executor: "e1", Session: 5, Attempt: attempt,
			Failure: fault.Report{Kind: fault.User, Message: "exit 1"}, Working: &plan.RowRange{Split: 1, Row: 300, Rows: 2}},
		schedule.DiskLow{At: 13 * time.Second, Executor: "e1", Session: 5, Low: true},
		schedule.ExecutorJoined{At: 14 * time.Second, Executor: "e1", Session: 6, Slots: 4, Low: true},
	}
	var all []Record
	for _, ev := range events {
		all = append(all, Record{Event: ev, UnixNanos: 1_700_000_000_000_000_000})
	}
	all[0].Submission = &Submission{
		Owner: "ada", IdempotencyKey: "key",
		Spec: plan.JobSpec{
			Job: job, Name: "words", ArtifactSHA256: digest + digest, ArtifactBytes: 7, Args: `{"n":1}`, Fingerprint: "f", Overwrite: true,
			Options: plan.Options{TaskMemoryBytes: 1, Codec: "s2", BatchRows: 2, BatchBytes: 3, ChunkRows: 4, MaxRowBytes: 5},
		},
	}
	all[2].Details = &Details{DataAddress: "127.0.0.1:9", MemoryBytes: 1, OS: "linux", Arch: "amd64", BuildVersion: "v1", Isolation: "none"}
	all[8].Drain = &Drain{Deadline: time.Second, Reason: "update"}
	return all
}

// TestRecordBytes holds that journals of older versions stay readable.
func TestRecordBytes(t *testing.T) {
	const path = "testdata/records_v1.golden"
	var lines []string
	for _, r := range samples() {
		data, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s", Name(r.Event), hex.EncodeToString(data)))
	}
	golden.CheckLines(t, path, lines)
	for i, line := range strings.Split(strings.TrimSpace(string(golden.Content(t, path, strings.Join(lines, "\n")+"\n"))), "\n") {
		_, digits, _ := strings.Cut(line, " ")
		data, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatalf("Decode(line %d) = %v", i+1, err)
		}
		if diff := cmp.Diff(samples()[i], got); diff != "" {
			t.Errorf("line %d (-want +got):\n%s", i+1, diff)
		}
	}
}

// TestDamagedRecord holds that no damage panics, and that what passes the checks
// in spite of it is a record like any other; to notice damage is for the
// journal's checksum.
func TestDamagedRecord(t *testing.T) {
	for _, r := range samples() {
		data, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(data) {
			again(t, data[:n])
		}
		for bit := range 8 * len(data) {
			damaged := append([]byte(nil), data...)
			damaged[bit/8] ^= 1 << (bit % 8)
			again(t, damaged)
		}
	}
}

// again holds that bytes are refused or come through once more.
func again(t *testing.T, data []byte) {
	t.Helper()
	r, err := Decode(data)
	if err != nil {
		if fault.KindOf(err) != fault.Invalid {
			t.Fatalf("Decode(%x) = %v of kind %v, want kind invalid", data, err, fault.KindOf(err))
		}
		return
	}
	out, err := Encode(r)
	if err != nil {
		t.Fatalf("Encode(%+v) = %v, though Decode gave it", r, err)
	}
	got, err := Decode(out)
	if diff := cmp.Diff(r, got); diff != "" || err != nil {
		t.Fatalf("Decode(Encode(x)), %v (-want +got):\n%s", err, diff)
	}
}

// TestEncodeRefuses holds that nothing is written that could not be read.
func TestEncodeRefuses(t *testing.T) {
	job := plan.JobID{1}
	for _, tc := range []struct {
		name string
		r    Record
		want string
	}{
		{"no event", Record{}, "event of type <nil> is not known"},
		{"negative slots", Record{Event: schedule.ExecutorJoined{Executor: "e", Session: 1, Slots: -1}}, "executor_joined: slots: is -1, want 0 or more"},
		{"many slots", Record{Event: schedule.ExecutorJoined{Executor: "e", Session: 1, Slots: math.MaxInt64}}, "executor_joined: slots: is -2147483648, want 0 or more"},
		{"no executor", Record{Event: schedule.ExecutorLost{Session: 1}}, "executor_lost: executor: is empty"},
		{"no session", Record{Event: schedule.ExecutorLost{Executor: "e"}}, "executor_lost: session: is 0"},
		{"odd stage", Record{Event: schedule.JobSubmitted{Plan: plan.Plan{Stages: []plan.Stage{{}}}}}, "job_submitted: plan.stages[0].input: is missing"},
		{"odd kind", Record{Event: schedule.AttemptFailed{Executor: "e", Session: 1, Failure: fault.Report{Kind: 99}}}, "attempt_failed: failure.kind: 0 is not known"},
		{"odd text", Record{Event: schedule.CancelRequested{Reason: "\xff"}}, "cancel_requested: write JournalRecord: "},
		{"long text", Record{Event: schedule.CancelRequested{Reason: strings.Repeat("x", maxText+1)}}, "cancel_requested: reason: 65537 bytes, at most 65536"},
		{"odd submission", Record{Event: schedule.Tick{}, Submission: &Submission{}}, "tick has a submission"},
		{"odd details", Record{Event: schedule.Tick{}, Details: &Details{}}, "tick has details of an executor"},
		{"odd drain", Record{Event: schedule.Tick{}, Drain: &Drain{}}, "tick says how to drain"},
		{"negative memory", Record{Event: schedule.ExecutorJoined{Executor: "e", Session: 1}, Details: &Details{MemoryBytes: -1}}, "executor_joined: details.memory_bytes: is -1"},
		{"negative bound", Record{Event: schedule.JobSubmitted{MaxRunning: -1}}, "job_submitted: max_running: is -1, want 0 or more"},
		{"odd priority", Record{Event: schedule.JobSubmitted{Priority: math.MinInt64}}, "job_submitted: priority: is -2147483648"},
		{"another job", Record{Event: schedule.JobSubmitted{Job: job}, Submission: &Submission{Spec: plan.JobSpec{ArtifactSHA256: digest + digest}}}, "job_submitted: submission.job_spec.job: is 0000"},
		{"negative figures", Record{Event: schedule.AttemptFinished{Executor: "e", Session: 1, Result: plan.Result{Figures: plan.Figures{RowsIn: -1}}}}, "attempt_finished: result.figures.rows_in: is -1, want 0 or more"},
	} {
		data, err := Encode(tc.r)
		if err == nil || !strings.Contains(err.Error(), tc.want) || fault.KindOf(err) != fault.Invalid || data != nil {
			t.Errorf("Encode(%s) = %d bytes, %v, want %q of kind invalid", tc.name, len(data), err, tc.want)
		}
	}
}

// TestDecodeIsStrict holds that a record of a newer version is not half read.
func TestDecodeIsStrict(t *testing.T) {
	tick, err := Encode(Record{Event: schedule.Tick{At: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "journal record: event: is missing"},
		{"no event", []byte{8, 1}, "journal record: event: is missing"},
		{"newer field", append(tick[:len(tick):len(tick)], 3<<3, 1), "JournalRecord: field 3 (type 0) is not known: a newer version wrote it"},
		{"newer event", []byte{0xa2, 1, 0}, "JournalRecord: field 20 (type 2) is not known: a newer version wrote it"},
	} {
		_, err := Decode(tc.data)
		if err == nil || !strings.Contains(err.Error(), tc.want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("Decode(%s) = %v, want %q of kind invalid", tc.name, err, tc.want)
		}
	}
}

// TestReplay holds that a core which is driven by decoded records does what one
// does that saw the events themselves.
func TestReplay(t *testing.T) {
	live, replayed := schedule.New(schedule.Config{}), schedule.New(schedule.Config{})
	pending := []schedule.Event{schedule.ExecutorJoined{Executor: "e1", Session: 1, Slots: 2}}
	if submitted, ok := samples()[0].Event.(schedule.JobSubmitted); ok {
		pending = append(pending, submitted)
	}
	done := false
	for step := 1; len(pending) > 0; step++ {
		if step > 1000 {
			t.Fatal("the job does not end")
		}
		data, err := Encode(Record{Event: pending[0]})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		want, got := live.Step(pending[0]), replayed.Step(r.Event)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("Step %d of %s (-live +replayed):\n%s", step, Name(pending[0]), diff)
		}
		pending = pending[1:]
		for _, a := range want {
			switch a := a.(type) {
			case schedule.Launch:
				pending = append(pending, answer(a))
			case schedule.JobDone:
				done = true
			}
		}
	}
	if !done {
		t.Error("the job did not end well")
	}
}

// answer is what an executor reports of an attempt.
func answer(l schedule.Launch) schedule.Event {
	a := l.Assignment
	ev := schedule.AttemptFinished{At: time.Minute, Executor: l.Executor, Session: l.Session, Attempt: a.Attempt}
	switch {
	case a.Work == plan.Enumerate:
		ev.Result.Splits = []plan.Split{{Path: "a.txt", Length: 100 << 20, Size: 100 << 20, Cuttable: true}}
	case a.Work == plan.Run && a.Partition == nil:
		ev.Result.Outputs = []plan.MapOutput{{
			ID: plan.OutputID{Attempt: a.Attempt}, Digest: digest, Bytes: 256 << 20, BucketBytes: make([]int64, 256),
		}}
		for b := range ev.Result.Outputs[0].BucketBytes {
			ev.Result.Outputs[0].BucketBytes[b] = 1 << 20
		}
	}
	return ev
}

func FuzzDecode(f *testing.F) {
	for _, r := range samples() {
		data, err := Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { again(t, data) })
}

func BenchmarkAttemptFinished(b *testing.B) {
	for name, buckets := range map[string]int{"no buckets": 0, "256 buckets": 256, "4096 buckets": 4096} {
		r := samples()[4]
		ev := r.Event.(schedule.AttemptFinished)
		ev.Result.Outputs[0].BucketBytes = make([]int64, buckets)
		for i := range ev.Result.Outputs[0].BucketBytes {
			ev.Result.Outputs[0].BucketBytes[i] = int64(i*i%40_000) + 200
		}
		data, err := Encode(r)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("encode/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Encode(r); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("decode/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

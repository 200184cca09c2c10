package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

func sampleResult() *pb.Result {
	return EncodeResult(&plan.Result{
		Splits:  []plan.Split{{}, {Path: "a"}},
		Outputs: []plan.MapOutput{{ID: sampleOutput, Digest: sampleDigest, BucketBytes: []int64{1, 2}, Samples: []plan.KeySample{{}}}},
		Files:   []plan.StagedFile{{Attempt: sampleAttempt}},
		Rows:    []plan.CollectedRows{{}},
	})
}

func TestResultIsChecked(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*pb.Result)
		want  string
	}{
		{"negative length", func(m *pb.Result) { m.Splits[1].Length = -1 }, "result.splits[1].length: is -1, want 0 or more"},
		{"long path", func(m *pb.Result) { m.Splits[1].Path = make([]byte, maxName+1) }, "result.splits[1].path: 4097 bytes, at most 4096"},
		{"no figures", func(m *pb.Result) { m.Figures = nil }, "result.figures: is missing"},
		{"negative figure", func(m *pb.Result) { m.Figures.SinkRows = math.MinInt64 }, "result.figures.sink_rows: is -9223372036854775808, want 0 or more"},
		{"no output id", func(m *pb.Result) { m.Outputs[0].Id = nil }, "result.outputs[0].id: is missing"},
		{"no attempt", func(m *pb.Result) { m.Outputs[0].Id.Attempt = nil }, "result.outputs[0].id.attempt: is missing"},
		{"no task", func(m *pb.Result) { m.Outputs[0].Id.Attempt.Task = nil }, "result.outputs[0].id.attempt.task: is missing"},
		{"short job", func(m *pb.Result) { m.Outputs[0].Id.Attempt.Job = make([]byte, 15) }, "result.outputs[0].id.attempt.job: 15 bytes, want 16"},
		{"long job", func(m *pb.Result) { m.Files[0].Attempt.Job = make([]byte, 17) }, "result.files[0].attempt.job: 17 bytes, want 16"},
		{"stage below all", func(m *pb.Result) { m.Files[0].Attempt.Task.Stage = -3 }, "result.files[0].attempt.task.stage: is -3, want -2 or more"},
		{"negative index", func(m *pb.Result) { m.Files[0].Attempt.Task.Index = -1 }, "result.files[0].attempt.task.index: is -1, want 0 or more"},
		{"negative attempt", func(m *pb.Result) { m.Files[0].Attempt.Number = -1 }, "result.files[0].attempt.number: is -1, want 0 or more"},
		{"upper-case digest", func(m *pb.Result) { m.Outputs[0].Digest = strings.ToUpper(sampleDigest) }, `result.outputs[0].digest: "000102030405060708090A0B0C0D0E0F" is not 32 hexadecimal digits`},
		{"short digest", func(m *pb.Result) { m.Files[0].Xxh3 = "00" }, `result.files[0].xxh3: "00" is not 32 hexadecimal digits`},
		{"negative bucket", func(m *pb.Result) { m.Outputs[0].BucketBytes[1] = -7 }, "result.outputs[0].bucket_bytes: element 1 is -7, want 0 or more"},
		{"negative sample", func(m *pb.Result) { m.Outputs[0].Samples[0].Bytes = -1 }, "result.outputs[0].samples[0].bytes: is -1, want 0 or more"},
		{"negative sink", func(m *pb.Result) { m.Rows[0].Sink = -1 }, "result.rows[0].sink: is -1, want 0 or more"},
		{"nothing in a list", func(m *pb.Result) { m.Rows[0] = nil }, "result.rows[0]: is missing"},
		{"too many buckets", func(m *pb.Result) { m.Outputs[0].BucketBytes = make([]int64, maxElements+1) }, "result.outputs[0].bucket_bytes: 1048577 elements, at most 1048576"},
	} {
		m := sampleResult()
		tc.spoil(m)
		got, err := DecodeResult(m)
		refused(t, "DecodeResult("+tc.name+")", err, tc.want)
		if err != nil && len(got.Splits) > 0 {
			t.Errorf("DecodeResult(%s) gives a result beside its error", tc.name)
		}
	}
}

// refused holds that an error is of kind Invalid and says what is wanted.
func refused(t *testing.T, call string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid {
		t.Errorf("%s = %v of kind %v, want %q of kind invalid", call, err, fault.KindOf(err), want)
	}
}

func TestOthersAreChecked(t *testing.T) {
	_, err := DecodePlan(nil)
	refused(t, "DecodePlan(nil)", err, "plan: is missing")
	_, err = DecodePlan(&pb.Plan{Stages: []*pb.Stage{{}}})
	refused(t, "DecodePlan(no input)", err, "plan.stages[0].input: is missing")
	_, err = DecodePlan(&pb.Plan{Stages: []*pb.Stage{{Input: &pb.Stage_Exchange{Exchange: -1}}}})
	refused(t, "DecodePlan(negative exchange)", err, "plan.stages[0].exchange: is -1")
	_, err = DecodePlan(&pb.Plan{Exchanges: []*pb.Exchange{{}}})
	refused(t, "DecodePlan(no kind)", err, "plan.exchanges[0].kind: 0 is not known")
	_, err = DecodePlan(&pb.Plan{Exchanges: []*pb.Exchange{{Kind: 1, Producers: []int32{0, -1}}}})
	refused(t, "DecodePlan(negative producer)", err, "plan.exchanges[0].producers: element 1 is -1")
	_, err = DecodePlan(&pb.Plan{Args: strings.Repeat("x", maxText+1)})
	refused(t, "DecodePlan(long args)", err, "plan.args: 1048577 bytes, at most 1048576")
	_, err = DecodeAssignment(&pb.Assignment{Attempt: EncodeAttemptID(sampleAttempt), Work: 9})
	refused(t, "DecodeAssignment(unknown work)", err, "assignment.work: 9 is not known")
	_, err = DecodeReport(&pb.FaultReport{})
	refused(t, "DecodeReport(no kind)", err, "failure.kind: 0 is not known")
	_, err = DecodeJobSpec(&pb.JobSpec{Job: make([]byte, 16), ArtifactSha256: sampleDigest})
	refused(t, "DecodeJobSpec(short sha256)", err, "job_spec.artifact_sha256: ")
	_, err = DecodeJobSpec(&pb.JobSpec{Job: make([]byte, 16), ArtifactSha256: sampleSHA256, Options: &pb.EngineOptions{}, Graph: []string{"", strings.Repeat("x", maxText+1)}})
	refused(t, "DecodeJobSpec(long line)", err, "job_spec.graph: element 1 has 1048577 bytes, at most 1048576")
	_, err = DecodeSnapshot(&pb.JobSnapshot{JobId: sampleDigest})
	refused(t, "DecodeSnapshot(no state)", err, "job.state: 0 is not known")
	_, err = DecodeJobID("job_id", []byte("short"))
	refused(t, "DecodeJobID(short)", err, "job_id: 5 bytes, want 16")
	_, err = parseFrame(nil)
	refused(t, "parseFrame(nothing)", err, "message: is missing or not known")
	_, err = DecodeRegistration(&pb.Register{ClusterId: sampleDigest, Executor: "e", ProtocolMin: 2, ProtocolMax: 1})
	refused(t, "DecodeRegistration(no range)", err, "register.protocol_min: versions 2 to 1 are no range from 1 on")
}

func TestNumbersThatDoNotFitAreRefused(t *testing.T) {
	for _, n := range []int{-1, math.MinInt32, math.MinInt64, math.MaxInt32 + 1, 1 << 32, math.MaxInt64} {
		_, err := DecodeAssignment(EncodeAssignment(&plan.Assignment{Work: plan.Run, Partition: &plan.Partition{Index: n}}))
		refused(t, "DecodeAssignment(Index "+hex.EncodeToString([]byte{byte(n)})+")", err, "assignment.partition.index: is -")
	}
	_, err := DecodeTaskID(EncodeTaskID(plan.TaskID{Stage: 1 << 40}))
	refused(t, "DecodeTaskID(stage 1<<40)", err, "task.stage: is -2147483648")
	_, err = DecodeAssignment(EncodeAssignment(&plan.Assignment{Work: "dance"}))
	refused(t, "DecodeAssignment(unknown work)", err, "assignment.work: 0 is not known")
}

// TestNewerFields holds what happens to a field that this build does not know,
// at the top and inside.
func TestNewerFields(t *testing.T) {
	newer := protowire.AppendString(protowire.AppendTag(nil, 99, protowire.BytesType), "new")
	plain, err := Marshal(EncodeAttemptID(sampleAttempt))
	if err != nil {
		t.Fatal(err)
	}
	inside := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), append(plain, newer...))
	wrongType := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 5)
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"top":        {newer, "OutputId: field 99 (type 2) is not known: a newer version wrote it"},
		"inside":     {inside, "AttemptId: field 99 (type 2) is not known: a newer version wrote it"},
		"wrong type": {wrongType, "OutputId: field 1 (type 0) is not known: a newer version wrote it"},
	} {
		var m pb.OutputId
		refused(t, "UnmarshalKnown("+name+")", UnmarshalKnown(tc.data, &m), tc.want)
		if err := Unmarshal(tc.data, &m); err != nil || hasUnknown(&m) {
			t.Errorf("Unmarshal(%s) = %v with unknown fields %v, want neither", name, err, hasUnknown(&m))
		}
	}
}

func hasUnknown(m *pb.OutputId) bool {
	return len(m.ProtoReflect().GetUnknown()) > 0 || len(m.GetAttempt().ProtoReflect().GetUnknown()) > 0
}

// dense are messages that are small on the wire and large in memory, as units
// that may be repeated.
func dense() []denseUnit {
	part := func(number protowire.Number, content ...byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
	}
	return []denseUnit{
		{"empty splits", new(pb.Result), part(1)},
		{"empty outputs", new(pb.Result), part(2)},
		{"splits with a path", new(pb.Result), part(1, part(1, 'x')...)},
		{"outputs with samples", new(pb.Result), part(2, part(7)...)},
		{"empty blocks", new(pb.CollectedRows), part(2)},
		{"small blocks", new(pb.CollectedRows), part(2, 1)},
		{"directories", new(pb.WorkerStart), part(4, 'x')},
		{"packed numbers", new(pb.Result), part(2, part(6, 1, 2, 3, 4)...)},
		{"numbers one by one", new(pb.MapOutput), []byte{6 << 3, 0}},
		{"oneofs", new(pb.WorkerFrame), append(part(1), part(2)...)},
		{"inputs of a stage", new(pb.Stage), append([]byte{4 << 3, 1}, part(3)...)},
	}
}

type denseUnit struct {
	name string
	m    proto.Message
	unit []byte
}

// TestParsingIsBounded holds that parsing never allocates more than was expected
// of it.
func TestParsingIsBounded(t *testing.T) {
	for _, d := range dense() {
		for _, n := range []int{1, 100, 10_000} {
			data := bytes.Repeat(d.unit, n)
			w := walk{left: maxParseBytes}
			if err := w.message(data, shapeOf(d.m.ProtoReflect().Type())); err != nil {
				t.Fatalf("%d %s: %v", n, d.name, err)
			}
			expected := maxParseBytes - w.left
			err := proto.Unmarshal(data, d.m.ProtoReflect().New().Interface()) // makes the parser's tables
			got := allocated(5, func() { err = errors.Join(err, proto.Unmarshal(data, d.m.ProtoReflect().New().Interface())) })
			if err != nil || got > uint64(expected) {
				t.Errorf("Unmarshal(%d %s) allocates %d bytes, %v, want at most %d", n, d.name, got, err, expected)
			}
		}
	}
}

// TestTooMuchIsRefused holds that nothing is allocated for what is refused.
func TestTooMuchIsRefused(t *testing.T) {
	for _, d := range dense() {
		data := bytes.Repeat(d.unit, 24<<20/len(d.unit))
		var err error
		bytesTaken := allocated(1, func() { err = Unmarshal(data, d.m) })
		refused(t, "Unmarshal("+d.name+")", err, "parsing it takes more than 268435456 bytes")
		if bytesTaken > 1<<20 {
			t.Errorf("Unmarshal(%s) allocates %d bytes before it refuses", d.name, bytesTaken)
		}
	}
	pieces := bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, 6, protowire.BytesType), []byte{1}), 2)
	refused(t, "Unmarshal(packed list in pieces)", Unmarshal(pieces, new(pb.MapOutput)), "MapOutput: field 6 is a packed list in several pieces")
	refused(t, "Unmarshal(long)", Unmarshal(make([]byte, MaxFrameBytes+1), new(pb.Plan)), "67108865 bytes, at most 67108864")
}

func TestGroupsAreRefused(t *testing.T) {
	group := protowire.AppendTag(nil, 7, protowire.StartGroupType)
	group = protowire.AppendTag(group, 7, protowire.EndGroupType)
	refused(t, "Unmarshal(group)", Unmarshal(group, new(pb.Plan)), "Plan: field 7 is a group")
	refused(t, "Unmarshal(no message)", Unmarshal([]byte{0xff}, new(pb.Plan)), "read Plan: Plan: ")
	refused(t, "Unmarshal(text of no UTF-8)", Unmarshal([]byte{10, 1, 0xff}, new(pb.Plan)), "invalid UTF-8")
}

func TestAgree(t *testing.T) {
	for _, tc := range []struct {
		ours, theirs Versions
		want         int
		message      string
	}{
		{Versions{1, 1}, Versions{1, 1}, 1, ""},
		{Versions{1, 3}, Versions{2, 5}, 3, ""},
		{Versions{2, 5}, Versions{1, 3}, 3, ""},
		{Versions{2, 3}, Versions{1, 1}, 0, "executor e1 (v0.1.0) speaks protocol 1 and the coordinator 2 to 3: build executor e1 (v0.1.0) with a newer Sheaf"},
		{Versions{1, 1}, Versions{2, 3}, 0, "executor e1 (v0.1.0) speaks protocol 2 to 3 and the coordinator 1: build the coordinator with a newer Sheaf"},
	} {
		got, err := tc.ours.Agree("the coordinator", "executor e1 (v0.1.0)", tc.theirs)
		if got != tc.want || (err == nil) != (tc.message == "") {
			t.Errorf("%v.Agree(%v) = %d, %v, want %d, %q", tc.ours, tc.theirs, got, err, tc.want, tc.message)
		}
		if tc.message != "" {
			refused(t, "Agree", err, tc.message)
		}
	}
}

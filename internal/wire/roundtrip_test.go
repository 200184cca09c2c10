package wire

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
	"github.com/sheafdata/sheaf/internal/wire/wiretest"
)

// through encodes a value, sends the message through bytes and decodes it.
func through[T any, M any, P interface {
	*M
	proto.Message
}](t *testing.T, v T, encode func(*T) P, decode func(P) (T, error)) T {
	t.Helper()
	data, err := Marshal(encode(&v))
	if err != nil {
		t.Fatalf("Marshal(%+v): %v", v, err)
	}
	m := P(new(M))
	if err := UnmarshalKnown(data, m); err != nil {
		t.Fatalf("UnmarshalKnown(%+v): %v", v, err)
	}
	out, err := decode(m)
	if err != nil {
		t.Fatalf("decode(encode(%+v)): %v", v, err)
	}
	return out
}

// seeds is how many values each type is tested with.
const seeds = 200

// survives holds that every field of a type comes through.
func survives[T any, M any, P interface {
	*M
	proto.Message
}](t *testing.T, encode func(*T) P, decode func(P) (T, error)) {
	t.Helper()
	var zero T
	t.Run(reflect.TypeOf(zero).String(), func(t *testing.T) {
		for seed := range uint64(seeds) {
			var v T
			wiretest.New(seed, seed%2 == 0).Fill(&v)
			if diff := cmp.Diff(v, through(t, v, encode, decode)); diff != "" {
				t.Fatalf("decode(encode(x)), seed %d (-want +got):\n%s", seed, diff)
			}
		}
	})
}

func TestEveryFieldSurvives(t *testing.T) {
	survives(t, EncodePlan, DecodePlan)
	survives(t, EncodeAssignment, DecodeAssignment)
	survives(t, EncodeResult, DecodeResult)
	survives(t, EncodeFigures, func(m *pb.Figures) (plan.Figures, error) { return decode("figures", m, readFigures) })
	survives(t, EncodeRows, DecodeRows)
	survives(t, EncodeReport, DecodeReport)
	survives(t, EncodeJobSpec, DecodeJobSpec)
	survives(t, EncodeOptions, DecodeOptions)
	survives(t, encodeSnapshot, DecodeSnapshot)
	survives(t, EncodeExecutors, DecodeExecutors)
	survives(t, EncodeRegistration, DecodeRegistration)
	survives(t, encodeAttemptID, DecodeAttemptID)
	survives(t, func(id *plan.TaskID) *pb.TaskId { return EncodeTaskID(*id) }, DecodeTaskID)
}

// messageTypes are all messages of the worker protocol.
var messageTypes = []Message{
	Hello{}, Start{}, Ready{}, Launch{}, CancelAttempt{}, Progress{}, Finished{}, Failed{}, Executors{}, Release{}, Shutdown{},
	RunJob{}, JobRows{}, JobEnded{}, DiskWanted{}, DiskLent{}, DiskReturned{},
}

// filled returns a message of the same type with random fields.
func filled(m Message, seed uint64) Message {
	v := reflect.New(reflect.TypeOf(m))
	wiretest.New(seed, seed%2 == 0).Fill(v.Interface())
	return v.Elem().Interface().(Message)
}

func TestEveryMessageSurvives(t *testing.T) {
	if got, want := len(messageTypes), new(pb.WorkerFrame).ProtoReflect().Descriptor().Fields().Len(); got != want {
		t.Fatalf("%d types of messages, the schema has %d", got, want)
	}
	for _, m := range messageTypes {
		t.Run(reflect.TypeOf(m).Name(), func(t *testing.T) {
			for seed := range uint64(seeds) {
				want := filled(m, seed)
				frame, err := appendFrame(nil, want)
				if err != nil {
					t.Fatalf("appendFrame(%+v): %v", want, err)
				}
				got, err := parseFrame(frame[headerBytes:])
				if err != nil {
					t.Fatalf("parseFrame(%+v): %v", want, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("parseFrame(appendFrame(x)), seed %d (-want +got):\n%s", seed, diff)
				}
			}
		})
	}
}

// TestFillerFills holds that the values above are worth comparing.
func TestFillerFills(t *testing.T) {
	for seed := range uint64(20) {
		var s plan.JobSpec
		var f plan.Figures
		var r plan.Result
		for _, p := range []any{&s, &f, &r} {
			wiretest.New(seed, true).Fill(p)
			v := reflect.ValueOf(p).Elem()
			for i := range v.NumField() {
				if v.Field(i).IsZero() {
					t.Errorf("Fill, seed %d: %v.%s is zero", seed, v.Type(), v.Type().Field(i).Name)
				}
			}
		}
	}
}

func TestEnumerationsAreWhole(t *testing.T) {
	for k := fault.Unknown; k <= fault.Internal; k++ {
		if kindNumbers[k] == 0 {
			t.Errorf("kind %v has no number in the schema", k)
		}
	}
	for _, e := range []struct {
		name   string
		values int
		known  int
	}{
		// Every number but the unspecified one is known; a queued job has no state of its own.
		{"FaultKind", len(pb.FaultKind_name) - 1, len(kindNumbers)},
		{"Work", len(pb.Work_name) - 1, len(workNumbers)},
		{"ExchangeKind", len(pb.ExchangeKind_name) - 1, len(exchangeKindNumbers)},
		{"Promise", len(pb.Promise_name), len(promiseNumbers)},
		{"JobState", len(pb.JobState_name) - 2, len(stateNumbers)},
	} {
		if e.values != e.known {
			t.Errorf("enumeration %s has %d values, of which %d are known", e.name, e.values, e.known)
		}
	}
}

// TestAbsence holds what nil, empty and absent mean.
func TestAbsence(t *testing.T) {
	for _, key := range [][]byte{nil, {}, {0}} {
		a := plan.Assignment{Work: plan.Run, Partition: &plan.Partition{ToKey: key}}
		got := through(t, a, EncodeAssignment, DecodeAssignment)
		if diff := cmp.Diff(key, got.Partition.ToKey); diff != "" {
			t.Errorf("ToKey %#v came back otherwise (-want +got):\n%s", key, diff)
		}
	}
	if got, err := DecodeOptions(nil); err != nil || got != (plan.Options{}) {
		t.Errorf("DecodeOptions(nil) = %+v, %v, want the defaults", got, err)
	}
	path := "/data/\xff\xfe.csv"
	got := through(t, plan.Result{Splits: []plan.Split{{Path: path}}}, EncodeResult, DecodeResult)
	if got.Splits[0].Path != path {
		t.Errorf("path %q came back as %q", path, got.Splits[0].Path)
	}
	queued := encodeSnapshot(&progress.Snapshot{Job: plan.JobID{}.String()})
	queued.State = pb.JobState_JOB_STATE_QUEUED
	if s, err := DecodeSnapshot(queued); err != nil || s.State != progress.Planning {
		t.Errorf("DecodeSnapshot(queued) = %q, %v, want %q", s.State, err, progress.Planning)
	}
}

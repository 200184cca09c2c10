package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
	"github.com/sheafdata/sheaf/internal/wire/wiretest"
)

// fuzzMessage fuzzes one type: no bytes may panic, and what passes the checks
// must come through again.
func fuzzMessage[T any, M any, P interface {
	*M
	proto.Message
}](f *testing.F, encode func(*T) P, decode func(P) (T, error)) {
	for seed := range uint64(6) {
		var v T
		wiretest.New(seed, seed%2 == 0).Fill(&v)
		data, err := Marshal(encode(&v))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := P(new(M))
		if Unmarshal(data, m) != nil {
			return
		}
		v, err := decode(m)
		if err != nil {
			return
		}
		if diff := cmp.Diff(v, through(t, v, encode, decode)); diff != "" {
			t.Fatalf("decode(encode(x)) (-want +got):\n%s", diff)
		}
	})
}

func FuzzPlan(f *testing.F)       { fuzzMessage(f, EncodePlan, DecodePlan) }
func FuzzAssignment(f *testing.F) { fuzzMessage(f, EncodeAssignment, DecodeAssignment) }
func FuzzResult(f *testing.F)     { fuzzMessage(f, EncodeResult, DecodeResult) }
func FuzzJobSpec(f *testing.F)    { fuzzMessage(f, EncodeJobSpec, DecodeJobSpec) }
func FuzzRegistration(f *testing.F) {
	fuzzMessage(f, EncodeRegistration, DecodeRegistration)
}

func FuzzSnapshot(f *testing.F) {
	fuzzMessage(f, encodeSnapshot, func(m *pb.JobSnapshot) (progress.Snapshot, error) { return DecodeSnapshot(m) })
}

// FuzzAdmit holds that the walk takes whatever Marshal makes of bytes that parse.
func FuzzAdmit(f *testing.F) {
	for _, d := range dense() {
		f.Add(d.unit)
	}
	for seed := range uint64(4) {
		var r plan.Result
		wiretest.New(seed, true).Fill(&r)
		data, err := Marshal(EncodeResult(&r))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m pb.Result
		parsed := proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, &m)
		admitted := admit(data, &m, false)
		if admitted == nil || parsed != nil {
			return // the walk leaves texts, and more, to the parser
		}
		// Bytes that parse are refused for few reasons only.
		again, err := Marshal(&m)
		if err != nil {
			t.Fatalf("Marshal(what was parsed) = %v", err)
		}
		if err := admit(again, &m, true); err != nil {
			t.Fatalf("admit(what Marshal wrote) = %v", err)
		}
	})
}

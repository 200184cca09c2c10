package wire

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/plan"
)

// cluster answers Submit and WatchJob, and nothing else.
type cluster struct {
	sheafv1connect.UnimplementedClusterServiceHandler
}

func (cluster) Submit(_ context.Context, r *connect.Request[pb.SubmitRequest]) (*connect.Response[pb.SubmitResponse], error) {
	p, err := DecodePlan(r.Msg.GetPlan())
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	return connect.NewResponse(&pb.SubmitResponse{JobId: p.Name}), nil
}

func (cluster) WatchJob(_ context.Context, _ *connect.Request[pb.WatchJobRequest], out *connect.ServerStream[pb.WatchJobResponse]) error {
	for range 3 {
		rows := EncodeRows(&plan.CollectedRows{Blocks: [][]byte{{1}}})
		if err := out.Send(&pb.WatchJobResponse{Message: &pb.WatchJobResponse_Rows{Rows: rows}}); err != nil {
			return err
		}
	}
	return nil
}

// serve serves a cluster on loopback until the test ends.
func serve(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(sheafv1connect.NewClusterServiceHandler(cluster{}, connect.WithCodec(Codec{}), connect.WithReadMaxBytes(MaxFrameBytes)))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestCodecServes(t *testing.T) {
	server := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	client := sheafv1connect.NewClusterServiceClient(server.Client(), server.URL, connect.WithCodec(Codec{}))
	answer, err := client.Submit(ctx, connect.NewRequest(&pb.SubmitRequest{Plan: EncodePlan(&plan.Plan{Name: "words"})}))
	if err != nil || answer.Msg.GetJobId() != "words" {
		t.Fatalf("Submit() = %v, %v, want the plan's name", answer, err)
	}
	watch, err := client.WatchJob(ctx, connect.NewRequest(&pb.WatchJobRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for watch.Receive() {
		if rows, err := DecodeRows(watch.Msg().GetRows()); err != nil || len(rows.Blocks) != 1 {
			t.Errorf("message %d = %+v, %v, want one block", n, rows, err)
		}
		n++
	}
	if err := watch.Err(); err != nil || n != 3 {
		t.Errorf("WatchJob() gives %d messages, %v, want 3", n, err)
	}
	if err := watch.Close(); err != nil {
		t.Error(err)
	}
}

// TestCodecBoundsParsing sends what is small on the wire and large in memory, and
// JSON, which people write by hand.
func TestCodecBoundsParsing(t *testing.T) {
	server := serve(t)
	stages := bytes.Repeat([]byte{4<<3 | 2, 0}, 8<<20) // empty stages
	plan := append([]byte{3<<3 | 2, 0x80, 0x80, 0x80, 8}, stages...)
	for _, tc := range []struct {
		name, contentType string
		body              []byte
		code              int
		want              string
	}{
		{"dense", "application/proto", plan, http.StatusBadRequest, "parsing it takes more than"},
		{"no message", "application/proto", []byte{0xff}, http.StatusBadRequest, "read SubmitRequest"},
		{"refused plan", "application/json", []byte(`{"plan":{"stages":[{}]}}`), http.StatusBadRequest, "plan.stages[0].input: is missing"},
		{"JSON", "application/json", []byte(`{"plan":{"name":"words"}}`), http.StatusOK, `{"jobId":"words"}`},
	} {
		response, err := server.Client().Post(server.URL+sheafv1connect.ClusterServiceSubmitProcedure, tc.contentType, bytes.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != tc.code || !strings.Contains(string(text), tc.want) {
			t.Errorf("Submit(%s) = %d %s, %v, want %d and %q", tc.name, response.StatusCode, text, err, tc.code, tc.want)
		}
	}
}

func TestCodecTakesMessagesAlone(t *testing.T) {
	if _, err := (Codec{}).Marshal(7); err == nil {
		t.Error("Marshal(7) = nil error")
	}
	if err := (Codec{}).Unmarshal(nil, "text"); err == nil {
		t.Error("Unmarshal(a string) = nil error")
	}
}

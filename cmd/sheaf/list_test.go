package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/golden"
)

// listed is a coordinator with something to list.
func listed() *fakeCoordinator {
	s := newCoordinator()
	s.jobs = []*pb.JobSnapshot{runningJob(), queuedJob(), failedJob()}
	s.nodes = sampleNodes()
	s.cancel = &pb.CancelJobResponse{Canceled: true, State: pb.JobState_JOB_STATE_RUNNING}
	attempt := &pb.AttemptId{Job: make([]byte, 16), Task: &pb.TaskId{Stage: 2, Index: 7}, Epoch: 1, Number: 3}
	s.logs = []*pb.ReadLogsResponse{
		{Attempt: attempt, Executor: "e1", Stream: pb.LogStream_LOG_STREAM_STDERR, Data: []byte("first li")},
		{Executor: "e1", Stream: pb.LogStream_LOG_STREAM_STDOUT, Data: []byte("worker started\n")},
		{Attempt: attempt, Executor: "e1", Stream: pb.LogStream_LOG_STREAM_STDERR, Offset: 8, Data: []byte("ne\nsecond \xff line\nno end")},
		{Attempt: attempt, Executor: "e1", Stream: pb.LogStream_LOG_STREAM_STDOUT, Offset: 100, LostBytes: 100, Data: []byte("after a loss\n")},
	}
	return s
}

// TestListings holds what commands print, as text and as JSON.
func TestListings(t *testing.T) {
	tests := map[string][]string{
		"jobs":           {"jobs"},
		"jobs-state":     {"jobs", "--state", "failed,queued"},
		"jobs-limit":     {"jobs", "--limit", "1"},
		"jobs-quiet":     {"jobs", "-q"},
		"jobs-json":      {"jobs", "--json"},
		"job":            {"job", "3f2a"},
		"job-failed":     {"job", "bb2a"},
		"job-quiet":      {"job", "3f2a", "--quiet"},
		"job-json":       {"job", "bb2a", "--json"},
		"nodes":          {"nodes"},
		"nodes-quiet":    {"nodes", "-q"},
		"nodes-json":     {"nodes", "--json"},
		"drain":          {"drain", "e1", "--deadline", "90s", "--reason", "new kernel"},
		"drain-json":     {"drain", "e1", "--json"},
		"cancel":         {"cancel", "3f2a"},
		"cancel-json":    {"cancel", "3f2a", "--json"},
		"logs":           {"logs", "3f2a"},
		"logs-raw":       {"logs", "3f2a", "--raw"},
		"logs-json":      {"logs", "3f2a", "--json", "--task", "-2/7", "--attempt", "3", "--stream", "stderr", "-f"},
		"completed-jobs": {"__complete", "job", ""},
		"completed-node": {"__complete", "drain", "e"},
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) {
			// The address differs from run to run, so that it comes by the environment.
			got := sheafEnv(t, map[string]string{"SHEAF_CLUSTER": listed().serve(t, nil, nil)}, args...)
			got.want(t, exitOK)
			golden.Check(t, filepath.Join("testdata", "list", name+".txt"), got.stdout+"-- stderr\n"+got.stderr)
		})
	}
}

func TestVersionAsksTheCoordinator(t *testing.T) {
	address := newCoordinator().serve(t, nil, nil)
	got := sheaf(t, "version", "--json", "--cluster", address)
	got.want(t, exitOK)
	want := fmt.Sprintf(`"coordinator":{"address":%q,"version":"v1.2.3","protocol_min":1,"protocol_max":1,"cluster":"00112233445566778899aabbccddeeff","term":7}}`, address)
	if !strings.Contains(got.stdout, want) {
		t.Errorf("version --json = %s, want it to contain %s", got.stdout, want)
	}
	got = sheaf(t, "version", "--cluster", address)
	got.want(t, exitOK)
	if !strings.Contains(got.stdout, "v1.2.3 at "+address) {
		t.Errorf("version = %s, want the coordinator's", got.stdout)
	}
	if got := sheaf(t, "version", "-q"); got.stdout != buildVersion()+"\n" {
		t.Errorf("version -q = %q, want %q", got.stdout, buildVersion()+"\n")
	}
}

func TestJobsGoesOnToTheNextPage(t *testing.T) {
	s := newCoordinator()
	for i := range 450 {
		s.jobs = append(s.jobs, &pb.JobSnapshot{JobId: fmt.Sprintf("%032x", i), Name: "j", State: pb.JobState_JOB_STATE_DONE})
	}
	address := s.serve(t, nil, nil)
	for limit, want := range map[string]int{"0": 450, "50": 50, "200": 200, "201": 201} {
		got := sheaf(t, "jobs", "-q", "--limit", limit, "--cluster", address)
		got.want(t, exitOK)
		lines := strings.Fields(got.stdout)
		if len(lines) != want || !slices.IsSorted(lines) {
			t.Errorf("jobs --limit %s lists %d jobs, want %d in order", limit, len(lines), want)
		}
	}
}

func TestRequests(t *testing.T) {
	s := listed()
	address := s.serve(t, nil, nil)
	sheaf(t, "drain", "e1", "--deadline", "90s", "--reason", "new kernel", "--cluster", address).want(t, exitOK)
	want := []*pb.DrainNodeRequest{{NodeId: "e1", DeadlineMillis: 90000, Reason: "new kernel"}}
	if diff := cmp.Diff(want, s.drained, protocmp.Transform()); diff != "" {
		t.Errorf("drain asked for (-want +got):\n%s", diff)
	}
	sheaf(t, "logs", "3f2a", "--task", "-2/7", "--attempt", "3", "--stream", "stderr", "-f", "--cluster", address).want(t, exitOK)
	number := int32(3)
	wantLogs := []*pb.ReadLogsRequest{{JobId: "3f2a", Task: &pb.TaskId{Stage: -2, Index: 7}, Attempt: &number, Stream: pb.LogStream_LOG_STREAM_STDERR, Follow: true}}
	if diff := cmp.Diff(wantLogs, s.logAsked, protocmp.Transform()); diff != "" {
		t.Errorf("logs asked for (-want +got):\n%s", diff)
	}
}

func TestLogsGoOnWhereTheyBroke(t *testing.T) {
	s := listed()
	address := s.serve(t, nil, nil)
	want := sheaf(t, "logs", "3f2a", "--raw", "--cluster", address)
	s.broken = 2
	got := sheaf(t, "logs", "3f2a", "--raw", "--cluster", address)
	got.want(t, exitOK)
	if got.stdout != want.stdout {
		t.Errorf("logs over a broken connection = %q, want %q", got.stdout, want.stdout)
	}
	if n := s.called()["ReadLogs"]; n != 4 {
		t.Errorf("logs were asked for %d times, want 4", n)
	}
}

func TestCancelTooLate(t *testing.T) {
	s := listed()
	s.cancel = &pb.CancelJobResponse{State: pb.JobState_JOB_STATE_COMMITTING}
	sheaf(t, "cancel", "3f2a", "--cluster", s.serve(t, nil, nil)).want(t, exitFailed, "too late: job 3f2a is committing")
}

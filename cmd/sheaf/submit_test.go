package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/golden"
)

// submitting is a coordinator whose job ends well.
func submitting() *fakeCoordinator {
	s := newCoordinator()
	s.snapshots = []*pb.JobSnapshot{queuedStart(), runningJob()}
	s.end = &pb.JobEnd{Job: doneJob()}
	s.jobs = []*pb.JobSnapshot{runningJob()}
	s.cancel = &pb.CancelJobResponse{Canceled: true, State: pb.JobState_JOB_STATE_RUNNING}
	return s
}

func queuedStart() *pb.JobSnapshot {
	return &pb.JobSnapshot{JobId: jobID, Name: "wordcount", State: pb.JobState_JOB_STATE_QUEUED, Waiting: "2 jobs are before it"}
}

// uploads is what varies between runs of a golden test.
var uploads = regexp.MustCompile(`uploading the program: [0-9.]+ .iB`)

func TestSubmit(t *testing.T) {
	tests := []struct {
		name  string
		flags []string
		args  []string
		end   *pb.JobEnd
		code  int
	}{
		{name: "done", code: exitOK},
		{name: "json", flags: []string{"--json"}, code: exitOK},
		{name: "quiet", flags: []string{"-q"}, code: exitOK},
		{name: "detach", flags: []string{"--detach", "--name", "nightly"}, code: exitOK},
		{name: "ignored", flags: []string{"--progress", "none"}, args: []string{"--ignored"}, code: exitOK},
		{name: "failed", end: &pb.JobEnd{ExitCode: 1, Job: failedJob()}, code: exitFailed},
		{name: "failed-json", flags: []string{"--json"}, end: &pb.JobEnd{ExitCode: 1, Job: failedJob()}, code: exitFailed},
		{name: "canceled", end: &pb.JobEnd{ExitCode: 4, Job: canceledJob()}, code: exitCanceled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := submitting()
			if test.end != nil {
				s.end = test.end
			}
			args := append(append([]string{"submit"}, test.flags...), wordcount(t), "--")
			got := sheafEnv(t, map[string]string{"SHEAF_CLUSTER": s.serve(t, nil, nil)}, append(args, test.args...)...)
			got.want(t, test.code)
			text := got.stdout + "-- stderr\n" + uploads.ReplaceAllString(got.stderr, "uploading the program: SIZE")
			golden.Check(t, filepath.Join("testdata", "submit", test.name+".txt"), text)
		})
	}
}

func TestSubmitSendsTheProgramAndItsPlan(t *testing.T) {
	s := submitting()
	address := s.serve(t, nil, nil)
	sheaf(t, "submit", "--cluster", address, "--name", "nightly", "--priority", "-2", "--idempotency-key", "monday", wordcount(t), "-in", "x").want(t, exitOK)
	program, err := os.ReadFile(wordcount(t))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.artifact, program) {
		t.Errorf("%d bytes were uploaded, want the %d of the program", len(s.artifact), len(program))
	}
	want := &pb.SubmitRequest{
		Name: "nightly", IdempotencyKey: "monday", ArtifactSha256: s.complete, Args: `{"input":"in"}`, Priority: -2, MaxRunning: 3, Overwrite: true,
		Options: &pb.EngineOptions{Codec: "zstd"}, WorkingDirectory: "/jobs", Graph: []string{"text.Read", "text.Write"},
		Plan: &pb.Plan{
			Name: "wordcount", Args: `{"input":"in"}`, Fingerprint: "f00d",
			Stages: []*pb.Stage{{Name: "text.Read → text.Write", Input: &pb.Stage_Source{Source: &pb.Source{Name: "in"}}, Sinks: []int32{0}}},
			Sinks:  []*pb.Sink{{Name: "text.Write", Destination: "/out/counts"}},
		},
	}
	if diff := cmp.Diff([]*pb.SubmitRequest{want}, s.submitted, protocmp.Transform()); diff != "" {
		t.Errorf("submitted (-want +got):\n%s", diff)
	}
	// The same once more: nothing is uploaded, and the job is the old one.
	chunks := s.chunks
	got := sheaf(t, "submit", "--cluster", address, "--idempotency-key", "monday", wordcount(t))
	got.want(t, exitOK, "was submitted before as job "+jobID)
	if s.chunks != chunks {
		t.Errorf("the second submission uploaded %d chunks, want 0", s.chunks-chunks)
	}
	// Without a key each is a job of its own.
	sheaf(t, "submit", "-d", "--cluster", address, wordcount(t)).want(t, exitOK)
	sheaf(t, "submit", "-d", "--cluster", address, wordcount(t)).want(t, exitOK)
	if a, b := s.submitted[2].GetIdempotencyKey(), s.submitted[3].GetIdempotencyKey(); a == b || len(a) < 32 {
		t.Errorf("two submissions have the keys %q and %q, want different ones of 32 digits", a, b)
	}
}

func TestSubmitGoesOnWithAnUpload(t *testing.T) {
	program, err := os.ReadFile(wordcount(t))
	if err != nil {
		t.Fatal(err)
	}
	s := submitting()
	s.have = program[:len(program)-3<<18] // three quarters of a chunk are missing
	s.broken = 2
	sheaf(t, "submit", "-d", "--cluster", s.serve(t, nil, nil), wordcount(t)).want(t, exitOK)
	if s.chunks != 1 {
		t.Errorf("%d chunks were uploaded, want the 1 that was missing", s.chunks)
	}
	if !bytes.Equal(s.artifact, program) {
		t.Error("what was uploaded is not the program")
	}
}

// TestSubmitWhileTheLeaderChanges meets other coordinators during the upload and
// the submission, of which none has what another one got.
func TestSubmitWhileTheLeaderChanges(t *testing.T) {
	for forgets, want := range map[int]int{1: exitOK, 2: exitOK, 3: exitOK, 50: exitUsage} {
		s := submitting()
		s.forgets = forgets
		sheaf(t, "submit", "-d", "--cluster", s.serve(t, nil, nil), wordcount(t)).want(t, want)
		if n := len(s.submitted); want == exitOK && n != 1 || want != exitOK && n != 0 {
			t.Errorf("with %d changes %d jobs were submitted", forgets, n)
		}
	}
}

// TestSubmitToACoordinatorThatEnds asks again where a call was given up at the
// other end.
func TestSubmitToACoordinatorThatEnds(t *testing.T) {
	s := submitting()
	s.givesUp = 2
	sheaf(t, "submit", "-d", "--cluster", s.serve(t, nil, nil), wordcount(t)).want(t, exitOK)
	if n := len(s.submitted); n != 1 {
		t.Errorf("%d jobs were submitted, want 1", n)
	}
}

func TestSubmitFollowsOverABrokenConnection(t *testing.T) {
	s := submitting()
	address := s.serve(t, nil, nil)
	sheaf(t, "submit", "-d", "--cluster", address, wordcount(t)).want(t, exitOK)
	s.broken = 2
	got := sheaf(t, "attach", "3f2a", "--cluster", address)
	got.want(t, exitOK, "lost contact", "wordcount: done in 2.34 s")
	if n := s.called()["WatchJob"]; n != 3 {
		t.Errorf("the job was watched %d times, want 3", n)
	}
}

func TestAttach(t *testing.T) {
	for code, end := range map[int]*pb.JobEnd{exitOK: {Job: doneJob()}, exitFailed: {ExitCode: 1, Job: failedJob()}, exitCanceled: {ExitCode: 4, Job: canceledJob()}} {
		s := submitting()
		s.end = end
		sheaf(t, "attach", "3f2a", "--cluster", s.serve(t, nil, nil)).want(t, code)
	}
	s := submitting()
	sheaf(t, "attach", "ffff", "--cluster", s.serve(t, nil, nil)).want(t, exitUsage, "there is no job ffff")
}

// TestSubmitRefuses holds that what is wrong is told before anything is sent.
func TestSubmitRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("#!/bin/sh\nexit 0\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		nodes []*pb.Node
		args  []string
		want  []string
	}{
		{"wrong argument", nil, []string{wordcount(t), "--", "--bad"}, []string{"wordcount: unknown flag --bad", "the program refused its arguments (exit status 2)"}},
		{"a flag of submit behind the program", nil, []string{wordcount(t), "--bad", "--detach", "-q", "--name=x"},
			[]string{"the program refused its arguments (exit status 2): flags of sheaf submit itself (--detach, -q, --name) stand before the program"}},
		{"no plan", nil, []string{wordcount(t), "--silent"}, []string{"the program printed no plan: its main function must call sdk.Main"}},
		{"a line before the plan", nil, []string{wordcount(t), "--chatty"}, []string{"the program printed no plan"}},
		{"a newer plan", nil, []string{wordcount(t), "--newer"}, []string{"prints plans of version 2 (built with Sheaf v1.2.3)"}},
		{"a script", nil, []string{text}, []string{text + " is neither a program nor a Go package"}},
		{"another processor", nil, []string{arm(t)}, []string{"is a program for linux/arm64 and the cluster runs linux/amd64", "GOARCH=amd64"}},
		{"another cluster", []*pb.Node{{Id: "e", Slots: 1, Platform: &pb.Platform{Os: "linux", Arch: "arm64"}}}, []string{wordcount(t)}, []string{"is a program for linux/amd64 and the cluster runs linux/arm64"}},
		{"broken package", nil, []string{"./testdata/programs/broken"}, []string{"main.go:3:22: too many return values", "the compiler found errors"}},
		{"no program", nil, []string{"./testdata/programs/library"}, []string{"is no program: its package must be main"}},
		{"absent package", nil, []string{"./testdata/programs/absent"}, []string{"sheaf submit: ./testdata/programs/absent is not there: give the path of a program or of a package's directory"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := submitting()
			if test.nodes != nil {
				s.nodes = test.nodes
			} else {
				s.nodes[0].Platform = &pb.Platform{Os: "linux", Arch: "amd64"}
			}
			sheaf(t, append([]string{"submit", "--cluster", s.serve(t, nil, nil)}, test.args...)...).want(t, exitUsage, test.want...)
			if calls := s.called(); calls["UploadArtifact"]+calls["StatArtifact"]+calls["Submit"] != 0 {
				t.Errorf("the coordinator was called: %v, want nothing uploaded or submitted", calls)
			}
		})
	}
}

// arm is a program whose header says that it is for another processor.
func arm(t *testing.T) string {
	t.Helper()
	from, err := os.Open(wordcount(t))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(t.TempDir(), "arm")
	to, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if _, err := to.WriteAt([]byte{0xb7, 0}, 18); err != nil { // e_machine of ELF
		t.Fatal(err)
	}
	return path
}

func TestSubmitPrintsTheProgramsHelp(t *testing.T) {
	s := submitting()
	got := sheaf(t, "submit", "--cluster", s.serve(t, nil, nil), wordcount(t), "--", "--help")
	got.want(t, exitOK)
	if got.stdout != "wordcount counts words\n" {
		t.Errorf("stdout = %q, want the program's help text", got.stdout)
	}
}

func TestSubmitBuildsAPackage(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	s := submitting()
	got := sheaf(t, "submit", "--json", "--cluster", s.serve(t, nil, nil), "./testdata/programs/good")
	got.want(t, exitOK)
	var first submittedObject
	if err := json.Unmarshal([]byte(strings.SplitN(got.stdout, "\n", 2)[0]), &first); err != nil || first.Name != "wordcount" || first.Job != jobID {
		t.Errorf("the first object is %+v (%v), want the job that was submitted", first, err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v), want nothing", left, err)
	}
}

func TestPathAdvice(t *testing.T) {
	dir := t.TempDir()
	here := filepath.Join(dir, "in.txt")
	if err := os.WriteFile(here, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ message, want string }{
		{`no such input: "` + here + `": the directory "/x" has no "in.txt"`, here + " is on this machine, but not where the task ran:"},
		{"open " + here + ": no such file or directory", here + " is on this machine"},
		{`no input file matches "` + dir + `/*.txt": check the spelling`, dir + "/*.txt is on this machine"},
		{`no such input: "./in.txt": did you mean`, here + " is on this machine"},
		{`no such input: "/nowhere/x": check`, "executors read and write paths, not this machine"},
		{`no such input: "` + dir + `/typo": the directory "` + dir + `" has no "typo"`, "executors read and write paths, not this machine"},
		{`no such input: "` + dir + `/in.tx": did you mean "` + here + `"?`, "executors read and write paths, not this machine"},
		{"row 7 is wrong", ""},
	}
	for _, test := range tests {
		got := strings.Join(pathAdvice(test.message, dir), "\n")
		if (test.want == "") != (got == "") || !strings.HasPrefix(got, test.want) {
			t.Errorf("pathAdvice(%q) = %q, want %q first", test.message, got, test.want)
		}
		if got != "" && !strings.Contains(got, "each executor must reach the path itself") {
			t.Errorf("pathAdvice(%q) = %q, want what to do", test.message, got)
		}
	}
}

// TestListingHasNoNumber holds that a job which failed before it had tasks names
// none: the stages of the table begin with 0.
func TestListingHasNoNumber(t *testing.T) {
	for stage, want := range map[int32]string{-1: "listing the input of stage 1, attempts: 1", -2: "publishing the output, attempts: 1"} {
		s := submitting()
		end := failedJob()
		end.Failure.Task, end.Failure.Attempts = &pb.TaskId{Stage: stage, Index: 1}, 1
		s.jobs, s.end = []*pb.JobSnapshot{end}, &pb.JobEnd{ExitCode: 1, Job: end}
		address := s.serve(t, nil, nil)
		got := sheaf(t, "submit", "--cluster", address, wordcount(t))
		got.want(t, exitFailed)
		if strings.Contains(got.stderr, "--task") {
			t.Errorf("submit says %q, want no task of a user's function to look at", got.stderr)
		}
		got = sheaf(t, "job", "bb2a", "--cluster", address)
		got.want(t, exitOK)
		if !strings.Contains(got.stdout, want) {
			t.Errorf("job says %q, want %q in it", got.stdout, want)
		}
	}
}

func TestChoosePlatform(t *testing.T) {
	node := func(state pb.NodeState, slots int32, arch string) *pb.Node {
		return &pb.Node{State: state, Slots: slots, Platform: &pb.Platform{Os: "linux", Arch: arch}}
	}
	ready, lost := pb.NodeState_NODE_STATE_READY, pb.NodeState_NODE_STATE_LOST
	tests := []struct {
		name   string
		nodes  []*pb.Node
		want   string
		others int
	}{
		{"none", nil, "linux/" + nativePlatform().GetArch(), 0},
		{"one", []*pb.Node{node(ready, 1, "arm64")}, "linux/arm64", 0},
		{"most slots", []*pb.Node{node(ready, 1, "arm64"), node(ready, 3, "amd64"), node(ready, 1, "arm64")}, "linux/amd64", 2},
		{"as many", []*pb.Node{node(ready, 1, "arm64"), node(ready, 1, "amd64")}, "linux/amd64", 1},
		{"lost ones do not count", []*pb.Node{node(lost, 9, "arm64"), node(ready, 1, "amd64")}, "linux/amd64", 0},
	}
	for _, test := range tests {
		if got, others := choosePlatform(test.nodes); got.String() != test.want || others != test.others {
			t.Errorf("choosePlatform of %s = %v, %d, want %v, %d", test.name, got, others, test.want, test.others)
		}
	}
}

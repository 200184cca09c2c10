package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/cmd/sheaf/internal/program"
	"github.com/sheafdata/sheaf/internal/plan"
)

// cliVar makes this test binary the command itself. Asked for a plan, it is a
// job's program.
const cliVar = "SHEAF_TEST_CLI"

func TestMain(m *testing.M) {
	time.Local = time.UTC // times of listings
	switch {
	case os.Getenv(plan.ModeVariable) == plan.ModePlan:
		os.Exit(jobProgram(os.Args[1:]))
	case os.Getenv(cliVar) != "":
		main()
	}
	for _, name := range []string{"SHEAF_CLUSTER", "SHEAF_TOKEN", "SHEAF_TOKEN_FILE", "SHEAF_TLS_CERT", "SHEAF_TLS_KEY", "SHEAF_TLS_CA"} {
		os.Unsetenv(name)
	}
	goleak.VerifyTestMain(m)
}

// jobProgram answers as a job's program does in plan mode; its first argument
// says how.
func jobProgram(args []string) int {
	p := plan.Proposal{
		Version: plan.ProposalVersion, BuildVersion: "v1.2.3", Protocols: [2]int{1, 1}, Directory: "/jobs", Graph: []string{"text.Read", "text.Write"},
		Plan: plan.Plan{
			Name: "wordcount", Args: `{"input":"in"}`, Fingerprint: "f00d",
			Stages: []plan.Stage{{Name: "text.Read → text.Write", Source: &plan.Source{Name: "in"}, Sinks: []plan.SinkID{0}}},
			Sinks:  []plan.Sink{{Name: "text.Write", Destination: "/out/counts"}},
		},
		Options: plan.Options{Codec: "zstd"}, MaxRunning: 3, Overwrite: true,
	}
	switch {
	case slices.Contains(args, "--help"):
		fmt.Println("wordcount counts words")
		return 0
	case slices.Contains(args, "--bad"):
		fmt.Fprintln(os.Stderr, "wordcount: unknown flag --bad (wordcount --help lists all flags)")
		return 2
	case slices.Contains(args, "--silent"):
		return 0
	case slices.Contains(args, "--chatty"):
		fmt.Println("hello")
	case slices.Contains(args, "--newer"):
		p.Version++
	case slices.Contains(args, "--collect"):
		p.Collects = true
	case slices.Contains(args, "--ignored"):
		p.Ignored = []string{"--sheaf.tmp"}
	}
	if err := json.NewEncoder(os.Stdout).Encode(p); err != nil {
		return 1
	}
	return 0
}

func nativePlatform() *pb.Platform {
	return &pb.Platform{Os: program.Native().OS, Arch: program.Native().Arch}
}

// outcome is what a command line did.
type outcome struct {
	code           int
	stdout, stderr string
}

// sheaf runs a command line in this process, without any environment.
func sheaf(t testing.TB, args ...string) outcome { return sheafEnv(t, nil, args...) }

func sheafEnv(t testing.TB, env map[string]string, args ...string) outcome {
	t.Helper()
	var stdout, stderr strings.Builder
	code := execute(t.Context(), args, &console{stdout: &stdout, stderr: &stderr, now: still, getenv: func(name string) string { return env[name] }})
	return outcome{code, stdout.String(), stderr.String()}
}

// still is a clock that stands still, so that how long a test takes shows nowhere.
func still() time.Time { return time.Unix(0, submittedAt) }

// want checks an exit code and that texts stand on standard error.
func (o outcome) want(t testing.TB, code int, texts ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", o.code, code, o.stdout, o.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(o.stderr, text) {
			t.Errorf("stderr = %q, want it to contain %q", o.stderr, text)
		}
	}
}

package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/cmd/sheaf/internal/program"
)

// cliVar makes this test binary the command itself.
const cliVar = "SHEAF_TEST_CLI"

func TestMain(m *testing.M) {
	time.Local = time.UTC // times of listings
	if os.Getenv(cliVar) != "" {
		main()
	}
	for _, name := range []string{"SHEAF_CLUSTER", "SHEAF_TOKEN", "SHEAF_TOKEN_FILE", "SHEAF_TLS_CERT", "SHEAF_TLS_KEY", "SHEAF_TLS_CA"} {
		os.Unsetenv(name)
	}
	var err error
	if builtDir, err = os.MkdirTemp("", "sheaf-test-"); err != nil {
		log.Fatal(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(builtDir); err != nil {
			log.Print(err)
		}
		os.Exit(code)
	}))
}

// built is the job's program of testdata, for this machine.
var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builtDir, "wordcount")
	out, err := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./testdata/programs/good").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// builtDir holds what built makes.
var builtDir string

// wordcount returns the path of a job's program for this machine, whose
// arguments say how it answers when it is asked for its plan.
func wordcount(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
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

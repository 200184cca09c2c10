package sdk_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sheafdata/sheaf/internal/plan"
)

// asked runs a program in a mode.
func (p place) asked(t testing.TB, mode, program string, args ...string) ended {
	t.Helper()
	cmd := p.command(t, program, args...)
	cmd.Env = append(cmd.Env, plan.ModeVariable+"="+mode)
	return finish(t, cmd)
}

func TestPlanMode(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	tests := []struct {
		name    string
		program string
		args    []string
		env     string
		want    plan.Proposal // but for plan, graph, directory and versions
	}{
		{"plain", "copy", nil, "", plan.Proposal{}},
		{"collects", "count", nil, "", plan.Proposal{Collects: true}},
		{"engine flags", "copy", []string{"--sheaf.codec=zstd", "--sheaf.overwrite", "--sheaf.parallelism=4", "--sheaf.memory=64MiB"}, "", plan.Proposal{
			Overwrite: true, MaxRunning: 4, Options: plan.Options{Codec: "zstd", TaskMemoryBytes: 16 << 20},
		}},
		{"flags of this machine", "copy", []string{"--sheaf.tmp=/tmp", "--sheaf.progress=none"}, "", plan.Proposal{Ignored: []string{"--sheaf.tmp", "--sheaf.progress"}}},
		{"the environment is this machine's", "copy", nil, "SHEAF_CODEC=zstd", plan.Proposal{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cmd := p.command(t, test.program, append([]string{"--input", "no such file", "--output", "out"}, test.args...)...)
			cmd.Env = append(cmd.Env, plan.ModeVariable+"="+plan.ModePlan)
			if test.env != "" {
				cmd.Env = append(cmd.Env, test.env)
			}
			e := finish(t, cmd)
			var got plan.Proposal
			if err := json.Unmarshal([]byte(e.stdout), &got); err != nil || e.code != 0 || strings.Count(e.stdout, "\n") != 1 {
				t.Fatalf("no document (%v): %v", err, e)
			}
			dir, err := filepath.EvalSymlinks(p.dir)
			if err != nil {
				t.Fatal(err)
			}
			if got.Version != plan.ProposalVersion || got.Directory != dir || got.Plan.Name != test.program || got.Plan.Fingerprint == "" ||
				!strings.Contains(got.Plan.Args, `"no such file"`) || len(got.Graph) < 2 || got.Protocols[1] < 1 {
				t.Errorf("the plan is %+v", got)
			}
			if s := got.Plan.Sinks; len(s) == 0 || s[0].Destination != "out" {
				t.Errorf("sinks %+v, want out", s)
			}
			want := test.want
			want.Version, want.BuildVersion, want.Protocols, want.Plan, want.Graph, want.Directory = got.Version, got.BuildVersion, got.Protocols, got.Plan, got.Graph, got.Directory
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
			second := p.command(t, test.program, cmd.Args[1:]...)
			second.Env = cmd.Env
			if again := finish(t, second); again.stdout != e.stdout {
				t.Errorf("the second plan is %s, want %s", again.stdout, e.stdout)
			}
		})
	}
	left, err := os.ReadDir(p.dir)
	if err != nil || !slices.EqualFunc(left, []string{"side", "tmp"}, func(e os.DirEntry, name string) bool { return e.Name() == name }) {
		t.Errorf("plans left %v", left)
	}
}

// TestModesRefuse checks how programs end that are asked wrongly.
func TestModesRefuse(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	tests := []struct {
		name string
		mode string
		args []string
		code int
		want string // on standard error
	}{
		{"wrong flag", plan.ModePlan, []string{"--inptu=x"}, 2, "unknown flag --inptu"},
		{"missing flag", plan.ModePlan, []string{"--input=x"}, 2, "--output"},
		{"memory of how many", plan.ModePlan, []string{"--input=x", "--output=y", "--sheaf.memory=64MiB"}, 2, "give --sheaf.parallelism as well"},
		{"mode of another version", "dance", nil, 2, "SHEAF_MODE=\"dance\" is not known"},
		{"worker without a socket", plan.ModeWorker, nil, 1, "names no descriptor"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if e := p.asked(t, test.mode, "copy", test.args...); e.code != test.code || !strings.Contains(e.stderr, test.want) || e.stdout != "" {
				t.Errorf("%v\nwant code %d and %q", e, test.code, test.want)
			}
		})
	}
	for _, mode := range []string{plan.ModePlan, plan.ModeOutline, plan.ModeRows, plan.ModeWorker} {
		e := p.asked(t, mode, "eager", "--input=x", "--output=y")
		if want := "job first runs before sdk.Main"; e.code != 2 || !strings.Contains(e.stderr, want) || e.stdout != "" {
			t.Errorf("a program that runs a job before Main, in mode %s: %v\nwant code 2 and %q", mode, e, want)
		}
	}
	if e := p.asked(t, plan.ModePlan, "copy", "--help"); e.code != 0 || !strings.Contains(e.stdout, "--input") {
		t.Errorf("--help in plan mode: %v", e)
	}
}

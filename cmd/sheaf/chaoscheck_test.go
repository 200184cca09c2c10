package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/plan"
)

// TestTally: what chaos counts by sees every way in which rows can be others.
func TestTally(t *testing.T) {
	for _, tc := range []struct {
		name                 string
		got, want            string
		lost, doubled, wrong int
	}{
		{"equal", "a b b", "a b b", 0, 0, 0},
		{"none", "", "a b", 2, 0, 0},
		{"lost of two", "a b", "a b b", 1, 0, 0},
		{"doubled", "a b b b", "a b", 0, 2, 0},
		{"lost and doubled", "a a", "a b", 1, 1, 0},
		{"another", "a c", "a b", 1, 0, 1},
		{"order", "b a", "a b", 0, 0, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var y tally
			same := y.job(strings.Fields(tc.got), strings.Fields(tc.want))
			if y.lost != tc.lost || y.doubled != tc.doubled || y.wrong != tc.wrong || same != (tc.got == tc.want) {
				t.Errorf("job(%s, %s) = %v with %d lost, %d doubled, %d wrong, want %d, %d, %d", tc.got, tc.want, same, y.lost, y.doubled, y.wrong, tc.lost, tc.doubled, tc.wrong)
			}
		})
	}
}

// TestEndedEarly: a daemon that is told to end may die of it until it has
// started, and not later.
func TestEndedEarly(t *testing.T) {
	for _, tc := range []struct {
		name, log string
		tell      syscall.Signal
		want      bool
	}{
		{"before it catches signals", "", syscall.SIGTERM, true},
		{"started", `msg="executor started"`, syscall.SIGTERM, false},
		{"killed", "", syscall.SIGKILL, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := exec.Command("sleep", "60")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Process.Signal(tc.tell); err != nil {
				t.Error(err)
			}
			cmd.Wait()
			if got := endedEarly(cmd.ProcessState, tc.log); got != tc.want {
				t.Errorf("endedEarly(%v, %q) = %v, want %v", cmd.ProcessState, tc.log, got, tc.want)
			}
		})
	}
}

// TestAuditor: the audit of a journal sees what no coordinator may do.
func TestAuditor(t *testing.T) {
	job := plan.NewJobID()
	attempt := func(number int) plan.AttemptID { return plan.AttemptID{Job: job, Number: number} }
	launch := func(work plan.Work, number int, files ...plan.StagedFile) schedule.Launch {
		return schedule.Launch{Assignment: plan.Assignment{Attempt: attempt(number), Work: work, Files: files}}
	}
	won := func(number int) schedule.TaskCopy { return schedule.TaskCopy{Won: true, Number: number} }
	file := plan.StagedFile{Name: "x", Attempt: attempt(1)}
	for _, tc := range []struct {
		name string
		do   func(a *auditor, j *auditedJob)
		want string // empty for nothing wrong
	}{
		{"a winner", func(a *auditor, j *auditedJob) {
			a.follow(launch(plan.Run, 1))
			j.files[attempt(1)] = nil
			a.wins(j, job, plan.TaskID{}, won(1))
			a.wins(j, job, plan.TaskID{}, won(1))
		}, ""},
		{"a winner after another was lost", func(a *auditor, j *auditedJob) {
			j.files[attempt(1)], j.files[attempt(2)] = nil, nil
			a.wins(j, job, plan.TaskID{}, won(1))
			a.wins(j, job, plan.TaskID{}, schedule.TaskCopy{Number: 2})
			a.wins(j, job, plan.TaskID{}, won(2))
		}, ""},
		{"two winners", func(a *auditor, j *auditedJob) {
			j.files[attempt(1)] = nil
			a.wins(j, job, plan.TaskID{}, won(1))
			a.wins(j, job, plan.TaskID{}, won(2))
		}, "had winner {0 1} and has {0 2}"},
		{"a winner without a report", func(a *auditor, j *auditedJob) { a.wins(j, job, plan.TaskID{}, won(1)) }, "has reported nothing"},
		{"launched twice", func(a *auditor, _ *auditedJob) {
			a.follow(launch(plan.Run, 1))
			a.follow(launch(plan.Run, 1))
		}, "is launched twice"},
		{"launched when it is over", func(a *auditor, j *auditedJob) {
			j.state = schedule.Failed
			a.follow(launch(plan.Run, 1))
		}, "and the job is failed"},
		{"published without a winner", func(a *auditor, _ *auditedJob) { a.follow(launch(plan.Publish, 1, file)) }, "its winners wrote []"},
		{"published as they won", func(a *auditor, j *auditedJob) {
			j.files[attempt(1)] = []plan.StagedFile{file}
			a.wins(j, job, plan.TaskID{}, won(1))
			a.follow(launch(plan.Publish, 1, file))
			a.follow(schedule.JobDone{Job: job})
		}, ""},
		{"published otherwise again", func(a *auditor, j *auditedJob) {
			j.partial = true
			a.follow(launch(plan.Publish, 1, file))
			a.follow(launch(plan.Publish, 2))
		}, "published again with other files"},
		{"done unpublished", func(a *auditor, _ *auditedJob) { a.follow(schedule.JobDone{Job: job}) }, "was not published"},
		{"ended twice", func(a *auditor, j *auditedJob) {
			j.state = schedule.Failed
			a.follow(schedule.JobFailed{Job: job})
		}, "ends again"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAuditor()
			a.jobs[job] = newAuditedJob()
			tc.do(a, a.jobs[job])
			switch {
			case tc.want == "" && len(a.wrong) > 0:
				t.Errorf("the audit complains: %q", a.wrong)
			case tc.want != "" && !slices.ContainsFunc(a.wrong, func(text string) bool { return strings.Contains(text, tc.want) }):
				t.Errorf("the audit says %q, want %q", a.wrong, tc.want)
			}
		})
	}
}

// TestAuditOfBackups: a journal with a backup replays to what was, and not with
// another configuration.
func TestAuditOfBackups(t *testing.T) {
	c := newRealCluster(t, "a", "b")
	gate := filepath.Join(c.dir, "gate")
	job, output := c.begin(c.input(append(make([]string, 11), "wait "+gate)...))
	c.until("the last task has a backup", func() bool {
		return strings.Contains(c.sheaf("job", job, "--json").stdout, `"done":11`) && c.running("a")+c.running("b") == 2
	})
	c.touch(gate)
	c.end(job, output)
	c.kill("coordinator")
	for _, tc := range []struct {
		name   string
		config schedule.Config
		right  bool
	}{{"as it was", auditConfig, true}, {"without backups", schedule.Config{}, false}} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAuditor()
			a.core = schedule.New(tc.config)
			if err := a.reads(t.Context(), filepath.Join(c.dir, "coordinator")); err != nil {
				t.Fatal(err)
			}
			if right := len(a.wrong) == 0 && len(a.backups) > 0; right != tc.right {
				t.Errorf("the audit saw %d backups and says %q", len(a.backups), a.wrong)
			}
		})
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/internal/ending"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
	"github.com/sheafdata/sheaf/internal/wire"
)

// watching are the flags of commands that follow a job.
type watching struct {
	progress          string
	json              bool
	cancelOnInterrupt bool
	quiet             bool // say nothing but errors
}

func (w *watching) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.progress, "progress", string(progress.Auto), "how to show progress: "+strings.Join(progress.Modes(), ", "))
	f.BoolVar(&w.json, "json", false, "print what happens as one JSON object a line, on standard output")
	f.BoolVar(&w.cancelOnInterrupt, "cancel-on-interrupt", false, "cancel the job on Ctrl-C, instead of leaving it alone")
	cmd.MarkFlagsMutuallyExclusive("progress", "json")
}

func (w *watching) check() error {
	_, err := progress.ParseMode(w.progress)
	return err
}

// mode is how progress is shown.
func (w *watching) mode() progress.Mode {
	if w.json {
		return progress.JSON
	}
	return progress.Mode(w.progress)
}

// updateInterval is how often a display gets something new.
const updateInterval = 100 * time.Millisecond

// cancelTimeout bounds what a client that was interrupted still asks for.
const cancelTimeout = 30 * time.Second

// follower follows one job to its end, as local mode shows one.
type follower struct {
	console      *console
	connection   *connection
	client       *client.Client
	view         watching
	job, name    string
	destinations []string // where they are known
	directory    string   // where relative paths of the job begin; empty for unknown

	// collect, when set, takes what the job collected.
	collect func(context.Context, []plan.CollectedRows) error

	display *progress.Display
	rows    []plan.CollectedRows
	waiting string // what was told last
}

// out is where progress and the end are shown.
func (f *follower) out() io.Writer {
	if f.view.json {
		return f.console.stdout
	}
	return f.console.stderr
}

func (f *follower) teller() *ending.Teller {
	return &ending.Teller{Out: f.out(), Job: f.name, JSON: f.view.json}
}

// follow shows a job until it has ended or the user does not wait any longer.
// The error is an exitError, after all was told.
func (f *follower) follow(ctx context.Context) error {
	f.display = progress.NewWithOptions(f.view.mode(), f.out(), progress.Options{Now: f.console.now})
	last := progress.Snapshot{Job: f.job, Name: f.name, State: progress.Planning}
	var logs driverLogs
	show := func(s *pb.JobSnapshot) {
		if s.GetDrives() {
			logs.follow(ctx, f)
		}
		if shown, err := wire.DecodeSnapshot(s); err == nil {
			last = shown
			f.display.Update(shown)
		}
		f.tellWaiting(s.GetWaiting())
	}
	end, err := f.watch(ctx, show)
	if end.GetJob().GetDrives() {
		logs.follow(ctx, f) // it was over before anything was shown
	}
	logs.end()
	if err == nil {
		if shown, decodeErr := wire.DecodeSnapshot(end.GetJob()); decodeErr == nil {
			last = shown
		}
	}
	f.display.Close(last)
	if err != nil {
		return f.detached(err)
	}
	return f.ended(ctx, end)
}

// watch follows the job; an interrupt ends it, or cancels the job and goes on.
func (f *follower) watch(ctx context.Context, show func(*pb.JobSnapshot)) (*pb.JobEnd, error) {
	w := client.Watcher{Interval: updateInterval, Snapshot: show, Lost: func(reason string) {
		f.note("lost contact (%s): the job goes on, trying again", reason)
	}}
	if f.collect != nil {
		w.Rows = func(rows []plan.CollectedRows) { f.rows = rows }
	}
	end, err := f.client.Watch(ctx, f.job, w)
	if err == nil || ctx.Err() == nil || !f.view.cancelOnInterrupt {
		return end, err
	}
	f.note("canceling (interrupt again to end at once)")
	// A second signal ends the process.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer stop()
	if _, err := f.client.CancelJob(ctx, f.job, "interrupted"); err != nil {
		return nil, err
	}
	return f.client.Watch(ctx, f.job, w)
}

// note says something while the job goes on.
func (f *follower) note(format string, args ...any) {
	if !f.view.quiet {
		fmt.Fprintf(f.display.Writer(), "%s: %s\n", f.name, fmt.Sprintf(format, args...))
	}
}

// tellWaiting says why nothing moves, once for each reason.
func (f *follower) tellWaiting(why string) {
	if why != f.waiting && why != "" {
		f.note("waiting: %s", oneLine(why))
	}
	f.waiting = why
}

// detached tells that the job goes on without this program.
func (f *follower) detached(err error) error {
	advice := []string{
		f.connection.hint("attach "+shortID(f.job)) + "   follows it again",
		f.connection.hint("cancel "+shortID(f.job)) + "   ends it",
	}
	code, message := exitCode(err), "detached: job "+shortID(f.job)+" goes on"
	if code != exitInterrupted {
		// Perhaps it does not go on: nobody here knows.
		message = fmt.Sprintf("cannot follow job %s any longer: %v", shortID(f.job), err)
	}
	f.teller().Detached(message, advice...)
	return exitError(code)
}

// ended tells how the job ended.
func (f *follower) ended(ctx context.Context, end *pb.JobEnd) error {
	j, tell := end.GetJob(), f.teller()
	switch j.GetState() {
	case pb.JobState_JOB_STATE_DONE:
		if f.collect != nil {
			if err := f.collect(ctx, f.rows); err != nil {
				return err
			}
		}
		if !f.view.quiet {
			tell.Done(endFigures(j, f.destinations))
		}
		return nil
	case pb.JobState_JOB_STATE_CANCELED:
		// The coordinator's message begins with the word itself: "canceled: wrong input".
		message := oneLine(j.GetFailure().GetFault().GetMessage())
		if message == "" {
			message = "canceled"
		}
		tell.Canceled(message + "; nothing was published")
		return exitError(exitCanceled)
	}
	tell.Failed(failureOf(j))
	if !f.view.json {
		f.showLogs(ctx, j.GetFailure())
		for _, line := range f.advice(j.GetFailure()) {
			f.console.say("  %s", line)
		}
	}
	return exitError(exitFailed)
}

// failureOf returns why a job failed.
func failureOf(j *pb.JobSnapshot) error {
	report, err := wire.DecodeReport(j.GetFailure().GetFault())
	if err != nil {
		return errors.New("the job failed, and the coordinator does not say why")
	}
	return report.Err()
}

// advice says where to look further.
func (f *follower) advice(failure *pb.JobFailure) []string {
	var lines []string
	// Lists and publishes are not the user's functions, which print what helps.
	if task := taskName(failure.GetTask()); task != "" && failure.GetTask().GetStage() >= 0 {
		lines = append(lines, fmt.Sprintf("%s   shows what task %s wrote (attempts: %d)",
			f.connection.hint("logs "+shortID(f.job)+" --task "+task), task, failure.GetAttempts()))
	}
	if failure.GetFault().GetKind() == pb.FaultKind_FAULT_KIND_INVALID {
		lines = append(lines, pathAdvice(failure.GetFault().GetMessage(), f.directory)...)
	}
	return lines
}

// missing is how messages of the storage say that a path is not there.
var missing = []string{"no such file or directory", "no such input", "no input file matches"}

// pathAdvice explains a path that executors do not find. Which one it is stands
// nowhere but in the message; a wrong guess costs a line.
func pathAdvice(message, directory string) []string {
	found := false
	for _, m := range missing {
		found = found || strings.Contains(message, m)
	}
	if !found {
		return nil
	}
	const what = "each executor must reach the path itself: use a file system that all of them share, or copy the input to every machine"
	// What follows is about paths that are there.
	for _, hint := range []string{": the directory ", ": did you mean "} {
		message, _, _ = strings.Cut(message, hint)
	}
	for word := range strings.FieldsFuncSeq(message, func(r rune) bool { return r == ' ' || r == '"' || r == ',' || r == ';' }) {
		path := strings.TrimRight(word, ":")
		if !strings.Contains(path, string(filepath.Separator)) {
			continue
		}
		if !filepath.IsAbs(path) {
			if directory == "" {
				continue
			}
			path = filepath.Join(directory, path)
		}
		if exists(path) {
			return []string{path + " is on this machine, but not where the task ran:", what}
		}
	}
	return []string{"executors read and write paths, not this machine: " + what}
}

// exists reports whether a path, or the directory of a pattern, is there.
func exists(path string) bool {
	if matches, err := filepath.Glob(path); err == nil && len(matches) > 0 {
		return true
	}
	_, err := os.Stat(path)
	return err == nil
}

package storage

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// TestLastOfManyRemovesTheLock holds that processes which share a stage and
// close it at the same moment leave nothing, as the workers of a job do that is
// over: one of them must find that it is the last.
func TestLastOfManyRemovesTheLock(t *testing.T) {
	dir := t.TempDir()
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	for range rounds {
		dest, job := filepath.Join(dir, "out"), plan.NewJobID()
		stages := make([]*Stage, 4)
		for i := range stages {
			var err error
			if stages[i], err = JoinStage(dest, job); err != nil {
				t.Fatal(err)
			}
		}
		if err := stages[0].Discard(); err != nil {
			t.Fatal(err)
		}
		start := make(chan struct{})
		var closing sync.WaitGroup
		for _, s := range stages {
			closing.Go(func() {
				<-start
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		closing.Wait()
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Fatalf("%v (%v) stays, want nothing", left, err)
		}
	}
}

// TestKilledSharerLeavesNothing has a worker that is killed when the job is over
// and the other worker has closed already.
func TestKilledSharerLeavesNothing(t *testing.T) {
	job := newOutput("n")
	for name, end := range map[string]func(*Stage) error{
		"publish": func(s *Stage) error { return s.Publish(job.files(), job.success(), false) },
		"discard": (*Stage).Discard,
	} {
		t.Run(name, func(t *testing.T) {
			dest := filepath.Join(t.TempDir(), "out")
			first, err := JoinStage(dest, job.job)
			must(t, err)
			second, err := JoinStage(dest, job.job)
			must(t, err)
			must(t, job.stage(first))
			must(t, end(OpenStage(dest, job.job)))
			must(t, first.Close())
			must(t, second.lock.Close()) // what the system does when it is killed
			checkClean(t, dest)
		})
	}
}

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
	for range 500 {
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

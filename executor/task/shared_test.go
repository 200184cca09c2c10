package task

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// TestCloseSharedStuck closes what does not let itself be closed.
func TestCloseSharedStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		defer close(let)
		s := operator.NewShared("stuck", graph.Position{}, func(context.Context) (int, error) { return 1, nil }, func(int) error {
			<-let
			return nil
		})
		r := &Runtime{Shared: operator.NewHoldings([]any{s})}
		if _, err := s.Get(operator.NewContext(t.Context(), plan.AttemptID{}, &operator.Job{Holdings: r.Shared})); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err := r.CloseShared(3 * time.Second)
		if took := time.Since(began); took != 3*time.Second || err == nil || !strings.Contains(err.Error(), "did not return within 3s") {
			t.Errorf("CloseShared = %v after %v, want an error after 3s", err, took)
		}
	})
}

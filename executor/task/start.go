package task

import (
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Start runs an attempt in a goroutine of its own, and calls done there once
// with how it ended: also when user code ends the goroutine (runtime.Goexit,
// FailNow of a test) instead of returning.
func Start(attempt func() (plan.Result, error), done func(plan.Result, error)) {
	go func() {
		var result plan.Result
		err := fault.New(fault.User, "user code ended its goroutine (runtime.Goexit)")
		defer func() { done(result, err) }()
		result, err = attempt()
	}()
}

package task

import (
	"errors"
	"fmt"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
)

// CloseShared closes what attempts held in common, when none runs any more. User
// code that has not returned within the limit is left behind.
func (r *Runtime) CloseShared(limit time.Duration) error {
	if r.Shared == nil {
		return nil
	}
	if r.Shared.Empty() {
		return r.Shared.Close(protect) // no user code runs
	}
	closed := make(chan error, 1)
	go func() {
		err := errors.New("user code ended its goroutine (runtime.Goexit)")
		defer func() { closed <- err }()
		err = r.Shared.Close(protect)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var err error
	select {
	case err = <-closed:
	case <-timer.C:
		err = fmt.Errorf("a close function did not return within %v", limit)
	}
	if err != nil {
		return fault.Wrap(fault.User, fmt.Errorf("the tasks are over, but what they shared could not be closed: %w", err))
	}
	return nil
}

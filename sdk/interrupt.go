package sdk

import (
	"context"
	"sync"
)

// onInterrupt calls say once when ctx is canceled, in a goroutine of its own.
// settle ends that: when it returns, say has returned or will never be called.
// So what is said about the end of a job comes after that it is stopping.
func onInterrupt(ctx context.Context, say func()) (settle func()) {
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		say()
	})
	return sync.OnceFunc(func() {
		if !stop() {
			<-said
		}
	})
}

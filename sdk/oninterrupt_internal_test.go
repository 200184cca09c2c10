package sdk

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestSettleWaits holds what is said about an interrupt back, as a busy machine
// does, and checks that the end waits for it.
func TestSettleWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		hold, settled := make(chan struct{}), make(chan struct{})
		said := false
		settle := onInterrupt(ctx, func() {
			<-hold
			said = true
		})
		cancel()
		synctest.Wait()
		go func() {
			settle()
			settle()
			close(settled)
		}()
		synctest.Wait()
		select {
		case <-settled:
			t.Error("settle returned while it was being said that the job stops")
		default:
		}
		close(hold)
		<-settled
		if !said {
			t.Error("settle returned before it was said that the job stops")
		}
	})
}

func TestSettleWithoutInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	settle := onInterrupt(ctx, func() { t.Error("said after the end") })
	settle()
	cancel()
	settle()
}

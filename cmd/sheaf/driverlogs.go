package main

import (
	"context"
	"io"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
)

// driverLogGrace is how long the rest of a driver's output may take after its end.
const driverLogGrace = 5 * time.Second

// driverLogs shows what a driver prints while it runs, where it would be seen if
// the driver ran here.
type driverLogs struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// follow begins when the job turns out to be a driver.
func (d *driverLogs) follow(ctx context.Context, f *follower) {
	if d.done != nil || f.view.json || f.view.quiet {
		return
	}
	ctx, d.cancel = context.WithCancel(ctx)
	d.done = make(chan struct{})
	go func() {
		defer close(d.done)
		request := &pb.ReadLogsRequest{JobId: f.job, Task: &pb.TaskId{}, Follow: true}
		// What cannot be had now is in the logs still.
		_ = f.client.ReadLogs(ctx, request, func(piece *pb.ReadLogsResponse) error {
			var to io.Writer = f.console.stdout
			if piece.GetStream() == pb.LogStream_LOG_STREAM_STDERR {
				to = f.display.Writer()
			}
			_, err := to.Write(piece.GetData())
			return err
		})
	}()
}

// end waits for the rest, not for ever.
func (d *driverLogs) end() {
	if d.done == nil {
		return
	}
	select {
	case <-d.done:
	case <-time.After(driverLogGrace):
	}
	d.cancel()
	<-d.done
}

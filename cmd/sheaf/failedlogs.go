package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/ending"
)

const (
	// failedLogBytes and failedLogLines bound what is shown of a failed task's
	// logs: the end says most.
	failedLogBytes = 4 << 10
	failedLogLines = 20
	// failedLogTimeout bounds the wait for them.
	failedLogTimeout = 5 * time.Second
)

// showLogs shows the ends of what the attempt wrote that failed a job. Where they
// cannot be had, advice says how to try again.
func (f *follower) showLogs(ctx context.Context, failure *pb.JobFailure) {
	if failure.GetTask() == nil || failure.GetAttempts() < 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, failedLogTimeout)
	defer cancel()
	last := failure.GetAttempts()
	ends := map[pb.LogStream][]byte{}
	request := &pb.ReadLogsRequest{JobId: f.job, Task: failure.GetTask(), Attempt: &last}
	// What came before an error is shown all the same.
	_ = f.client.ReadLogs(ctx, request, func(piece *pb.ReadLogsResponse) error {
		ends[piece.GetStream()] = lastBytes(append(ends[piece.GetStream()], piece.GetData()...), failedLogBytes)
		return nil
	})
	for _, stream := range []pb.LogStream{pb.LogStream_LOG_STREAM_STDOUT, pb.LogStream_LOG_STREAM_STDERR} {
		if text := lastLines(ends[stream], failedLogLines); len(text) > 0 {
			fmt.Fprintf(f.console.stderr, "the end of what task %s wrote to %s:\n", taskName(failure.GetTask()), enumName(stream, "LOG_STREAM_"))
			for line := range bytes.Lines(text) {
				fmt.Fprintf(f.console.stderr, "  | %s\n", ending.Printable(string(bytes.TrimRight(line, "\n"))))
			}
		}
	}
}

// lastBytes returns a copy of the end of some bytes.
func lastBytes(b []byte, n int) []byte { return bytes.Clone(b[max(len(b)-n, 0):]) }

// lastLines returns the last lines of a text. Of one that was cut at its
// beginning, the first line may be a part.
func lastLines(text []byte, n int) []byte {
	end := bytes.TrimRight(text, "\n")
	at := len(end)
	for range n {
		i := bytes.LastIndexByte(end[:at], '\n')
		if i < 0 {
			return end
		}
		at = i
	}
	return end[at+1:]
}

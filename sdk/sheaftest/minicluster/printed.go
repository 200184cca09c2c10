package minicluster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
)

const (
	// printedBytes bounds what is shown of a job's output: more is no test's.
	printedBytes = 1 << 20
	// printedLimit bounds the wait for it, which a killed executor may have had.
	printedLimit = 2 * time.Second
)

// showPrinted writes to a test's output what the tasks of a job printed, each
// line behind the name of its executor.
func (c *Cluster) showPrinted(ctx context.Context, job string, to io.Writer) {
	ctx, cancel := context.WithTimeout(ctx, printedLimit)
	defer cancel()
	type log struct {
		attempt, executor string
		stream            pb.LogStream
	}
	logs, order, size := map[log][]byte{}, []log(nil), 0
	err := c.api.ReadLogs(ctx, &pb.ReadLogsRequest{JobId: job}, func(piece *pb.ReadLogsResponse) error {
		key := log{piece.GetAttempt().String(), piece.GetExecutor(), piece.GetStream()}
		if _, known := logs[key]; !known {
			order = append(order, key)
		}
		data := piece.GetData()
		data = data[:min(len(data), printedBytes-size)]
		size += len(data)
		logs[key] = append(logs[key], data...)
		return nil
	})
	// What came before an error is shown all the same.
	if err != nil {
		c.log.Info("not all of what a job printed can be shown", "job", job, "err", err)
	}
	for _, key := range order {
		stream := strings.ToLower(strings.TrimPrefix(key.stream.String(), "LOG_STREAM_"))
		for line := range bytes.Lines(logs[key]) {
			fmt.Fprintf(to, "%s %s: %s\n", key.executor, stream, bytes.TrimRight(line, "\n"))
		}
	}
}

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
)

func logsCommand(c *console) *cobra.Command {
	var o logOptions
	cmd := &cobra.Command{
		Use:   "logs ID",
		Short: "Print what a job's tasks wrote",
		Long: "Print what a job's tasks wrote. A line begins with the task, its attempt and where it was written, unless --raw is given.\n" +
			"The lines of one log come in order, those of several in any.",
		Example: "  sheaf logs 3f2a91c0d4e5 --task 2/7\n" +
			"  sheaf logs 3f2a91c0d4e5 --task 2/7 --attempt 1 --stream stderr --raw\n" +
			"  sheaf logs 3f2a91c0d4e5 --follow",
		Args: arguments("ID"),
	}
	n := c.connection(cmd)
	f := cmd.Flags()
	f.StringVar(&o.task, "task", "", "the `task` as STAGE/NUMBER, such as 2/7 (else all)")
	f.IntVar(&o.attempt, "attempt", -1, "the `number` of the task's attempt, from 1 (else all)")
	f.StringVar(&o.stream, "stream", "", "stdout or stderr (else all)")
	f.BoolVarP(&o.follow, "follow", "f", false, "wait for more until the job ends")
	f.BoolVar(&o.raw, "raw", false, "print the bytes as they were written")
	f.BoolVar(&o.json, "json", false, "print one JSON object a piece")
	cmd.MarkFlagsMutuallyExclusive("raw", "json")
	cmd.ValidArgsFunction = n.completeJobs()
	cmd.RunE = c.run(func(cmd *cobra.Command, args []string) error {
		request, err := o.request(args[0], f.Changed("attempt"))
		if err != nil {
			return err
		}
		api, err := n.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer api.Close()
		p := &logPrinter{console: c, options: o, rest: make(map[string][]byte)}
		if err := api.ReadLogs(cmd.Context(), request, p.print); err != nil {
			return err
		}
		return p.flush()
	})
	return cmd
}

// logOptions are the flags of logs.
type logOptions struct {
	task, stream      string
	attempt           int
	follow, raw, json bool
}

func (o logOptions) request(job string, attemptGiven bool) (*pb.ReadLogsRequest, error) {
	r := &pb.ReadLogsRequest{JobId: job, Follow: o.follow}
	if o.task != "" {
		stage, number, ok := strings.Cut(o.task, "/")
		s, err1 := strconv.ParseInt(stage, 10, 32)
		i, err2 := strconv.ParseInt(number, 10, 32)
		if !ok || err1 != nil || err2 != nil || i < 0 {
			return nil, fault.New(fault.Invalid, "--task %s: write the stage and the number of the task, such as 2/7", o.task)
		}
		r.Task = &pb.TaskId{Stage: int32(s), Index: int32(i)}
	}
	if attemptGiven {
		if o.task == "" || o.attempt < 1 || o.attempt > 1<<30 {
			return nil, fault.New(fault.Invalid, "--attempt %d: give the number of an attempt, from 1, with its --task", o.attempt)
		}
		number := int32(o.attempt)
		r.Attempt = &number
	}
	if o.stream != "" {
		number, ok := pb.LogStream_value["LOG_STREAM_"+strings.ToUpper(o.stream)]
		if !ok || number == 0 {
			return nil, fault.New(fault.Invalid, "--stream %s: choose from stdout, stderr", o.stream)
		}
		r.Stream = pb.LogStream(number)
	}
	return r, nil
}

// maxLogLine bounds what is kept of a line that does not end, and maxOpenLines
// how many of them.
const (
	maxLogLine   = 64 << 10
	maxOpenLines = 4096
)

// logPrinter prints pieces of logs. Pieces end anywhere, so that the rest of each
// log waits for the end of its line.
type logPrinter struct {
	console *console
	options logOptions
	rest    map[string][]byte // by prefix; lines that have not ended
}

// logObject is one object of logs --json. Programs read the field names: they
// may be added to, never changed.
type logObject struct {
	Task      string `json:"task"` // empty for what belongs to no attempt
	Epoch     uint32 `json:"epoch"`
	Attempt   int32  `json:"attempt"`
	Executor  string `json:"executor"`
	Stream    string `json:"stream"`
	Offset    int64  `json:"offset"`
	LostBytes int64  `json:"lost_bytes"`
	Text      string `json:"text"`
}

func (p *logPrinter) print(piece *pb.ReadLogsResponse) error {
	if p.options.json {
		return p.console.object(logObject{
			Task: taskName(piece.GetAttempt().GetTask()), Epoch: piece.GetAttempt().GetEpoch(), Attempt: piece.GetAttempt().GetNumber(),
			Executor: piece.GetExecutor(), Stream: enumName(piece.GetStream(), "LOG_STREAM_"), Offset: piece.GetOffset(),
			LostBytes: piece.GetLostBytes(), Text: strings.ToValidUTF8(string(piece.GetData()), "\uFFFD"),
		})
	}
	if lost := piece.GetLostBytes(); lost > 0 {
		p.console.say("%s(%d bytes are lost here: a log has a bound)", logPrefix(piece), lost)
	}
	if p.options.raw {
		_, err := p.console.stdout.Write(piece.GetData())
		return err
	}
	return p.lines(logPrefix(piece), piece.GetData())
}

// logPrefix is what the lines of a log begin with: "2/7.0 stderr | ".
func logPrefix(piece *pb.ReadLogsResponse) string {
	stream := enumName(piece.GetStream(), "LOG_STREAM_")
	if a := piece.GetAttempt(); a.GetTask() != nil {
		return fmt.Sprintf("%s.%d %s | ", taskName(a.GetTask()), a.GetNumber(), stream)
	}
	return oneLine(piece.GetExecutor()) + " " + stream + " | "
}

func (p *logPrinter) lines(prefix string, data []byte) error {
	text := append(p.rest[prefix], data...)
	delete(p.rest, prefix)
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		if end < 0 && len(text) < maxLogLine && len(p.rest) < maxOpenLines {
			p.rest[prefix] = text
			return nil
		}
		line := text
		if end >= 0 {
			line, text = text[:end], text[end+1:]
		} else {
			text = nil
		}
		if _, err := fmt.Fprintf(p.console.stdout, "%s%s\n", prefix, line); err != nil {
			return err
		}
	}
	return nil
}

// flush prints lines that never ended.
func (p *logPrinter) flush() error {
	for prefix, text := range p.rest {
		if _, err := fmt.Fprintf(p.console.stdout, "%s%s\n", prefix, text); err != nil {
			return err
		}
	}
	return nil
}

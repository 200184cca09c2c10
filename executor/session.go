package executor

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// session is one life of an executor in its cluster, over any number of streams
// and terms. The goroutine of run owns all of it but what says otherwise.
type session struct {
	e   *Executor
	log *slog.Logger
	id  plan.SessionID

	inbox chan func()   // what came in; run calls them one after the other
	over  chan struct{} // closed when run has returned
	tasks sync.WaitGroup

	term     uint64 // the highest that was seen
	commands uint64 // the highest of the term that has arrived
	reports  reports
	out      *outbox // of the stream; nil while none is open
	beat     uint64

	jobs      map[plan.JobID]*job
	running   map[plan.AttemptID]*attempt // until their end is acknowledged
	addresses map[plan.ExecutorID]string  // as workers are told

	leaving *leaving
	fenced  string // why the session is over; empty while it is not
	err     error  // why the executor cannot go on
}

// attempt is one that was launched here.
type attempt struct {
	job         *job
	rows, bytes int64
	reported    uint64     // the number of the report that ended it; 0 while it runs
	asks        *pb.RunJob // what its driver waits for; nil for nothing
}

// inboxSize lets workers and streams go on while the session is busy.
const inboxSize = 256

func newSession(e *Executor) *session {
	var id [8]byte
	for binary.LittleEndian.Uint64(id[:]) == 0 {
		rand.Read(id[:])
	}
	s := &session{
		e: e, id: plan.SessionID(binary.LittleEndian.Uint64(id[:])), inbox: make(chan func(), inboxSize), over: make(chan struct{}),
		reports: reports{next: 1}, jobs: map[plan.JobID]*job{}, running: map[plan.AttemptID]*attempt{}, addresses: map[plan.ExecutorID]string{},
	}
	s.log = e.log.With("session", s.id)
	return s
}

// give hands something to the goroutine of the session. It returns false when
// the session is over: then nobody does it.
func (s *session) give(do func()) bool {
	select {
	case s.inbox <- do:
		return true
	case <-s.over:
		return false
	}
}

// ask has the session's goroutine answer.
func ask[T any](ctx context.Context, s *session, do func() T) (T, bool) {
	answer := make(chan T, 1)
	var none T
	if !s.give(func() { answer <- do() }) {
		return none, false
	}
	select {
	case v := <-answer:
		return v, true
	case <-s.over:
	case <-ctx.Done():
	}
	return none, false
}

// run lives the session. again says that another shall follow it.
func (s *session) run(ctx context.Context) (again bool, err error) {
	defer close(s.over)
	ctx, cancel := context.WithCancel(ctx)
	linked := make(chan struct{})
	go func() {
		defer close(linked)
		s.link(ctx)
	}()
	defer func() {
		cancel()
		for done := false; !done; { // the link may be waiting for an answer
			select {
			case do := <-s.inbox:
				do()
			case <-linked:
				done = true
			}
		}
	}()
	beats := time.NewTicker(defaultHeartbeat)
	defer beats.Stop()
	s.reports.beats = beats
	for {
		select {
		case do := <-s.inbox:
			do()
		case d := <-s.e.leave:
			s.leave(d)
		case <-beats.C:
			s.heartbeat(s.watchRoom())
			s.endIdle()
			s.hurry()
		case <-ctx.Done():
			return false, nil
		}
		switch {
		case s.err != nil:
			return false, s.err
		case s.fenced != "":
			s.log.Warn("the coordinator ended the session: beginning afresh", "reason", s.fenced)
			return true, nil
		case s.left():
			s.log.Info("left the cluster", "executor", s.e.name)
			return false, nil
		}
	}
}

// defaultHeartbeat holds until a coordinator says otherwise.
const defaultHeartbeat = time.Second

// heartbeat says that the executor lives and how far its attempts are.
func (s *session) heartbeat(freeBytes int64) {
	if s.out == nil {
		return
	}
	s.beat++
	m := &pb.Heartbeat{Beat: s.beat, DiskFreeBytes: freeBytes, DiskLow: s.e.room.low}
	var attempts []wire.AttemptProgress
	for id, at := range s.running {
		if at.reported == 0 && (at.rows > 0 || at.bytes > 0) {
			attempts = append(attempts, wire.AttemptProgress{Attempt: id, Rows: at.rows, Bytes: at.bytes})
		}
	}
	m.Attempts = wire.EncodeAttemptProgress(attempts)
	for _, j := range s.jobs {
		m.MemoryUsedBytes += j.memoryUsed
	}
	s.out.heartbeat(m)
}

// endIdle ends workers without attempts: the job's next one starts another.
func (s *session) endIdle() {
	for _, j := range s.jobs {
		if j.worker != nil && j.attempts == 0 && time.Since(j.idle) > s.e.cfg.Limits.IdleWorker {
			j.shutdown("the job has had no attempt here for a while")
		}
	}
}

// drop deletes everything of a session that is over, and waits until nothing of
// it runs.
func (s *session) drop() error {
	for _, j := range s.jobs {
		j.end()
	}
	s.tasks.Wait()
	s.e.room.tidying = false // who was at it may not have come to say so
	return s.e.dropOutputs(func(plan.JobID) bool { return false })
}

// broken ends the executor.
func (s *session) broken(kind fault.Kind, format string, args ...any) {
	if s.err == nil {
		s.err = fault.New(kind, format, args...)
	}
}

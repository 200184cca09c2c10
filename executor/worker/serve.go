package worker

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// serve runs the protocol to the end of the process and tells it to Events.
func (w *Worker) serve() {
	defer close(w.done)
	broken := w.read()
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.stopWriting()
	if broken != nil {
		w.kill(broken)
	}
	// A process whose end of the socket is closed has nothing to do any more.
	timer := time.AfterFunc(w.config.Limits.Quit, func() {
		w.kill(&reason{kind: fault.User, text: fmt.Sprintf("the worker closed its socket and did not end within %v, so it was killed", w.config.Limits.Quit)})
	})
	end := w.process.wait()
	timer.Stop()
	w.others.Wait()
	err := w.conclude(end)
	if e := w.log.close(); e != nil {
		w.config.Log.Warn("the log of a worker is incomplete", "job", w.config.Job.Job, "err", e)
	}
	w.config.Log.Info("worker ended", "job", w.config.Job.Job, "pid", w.process.pid(), "err", err)
	w.config.Events.Exited(err)
}

// read takes messages until the end of the stream. It returns why the worker
// must be killed, or nil when the stream ended by itself.
func (w *Worker) read() *reason {
	in := wire.NewReader(w.conn)
	w.deadline(w.config.Limits.Hello)
	ready := false
	for hello := false; ; {
		m, err := in.Read()
		switch {
		case errors.Is(err, io.EOF) || w.process.gone(err):
			return nil
		case isTimeout(err) && !hello:
			return &reason{kind: fault.Invalid, text: fmt.Sprintf("the program said nothing for %v: its main function must call sdk.Main, and nothing before that may wait", w.config.Limits.Hello)}
		case isTimeout(err) && !ready:
			return &reason{kind: fault.User, text: fmt.Sprintf("the program did not build its graph within %v", w.config.Limits.Ready)}
		case err != nil:
			return garbled(err)
		}
		switch m := m.(type) {
		case wire.Hello:
			if hello {
				return garbled(errors.New("a second hello"))
			}
			hello = true
			if r := w.greet(m); r != nil {
				return r
			}
		case wire.Ready:
			if !hello || ready {
				return garbled(errors.New("ready out of turn"))
			}
			ready = true
			if m.Failure != nil {
				return &reason{kind: m.Failure.Kind, text: m.Failure.Message, detail: m.Failure.Detail, all: true}
			}
			if m.Fingerprint != w.config.Job.Fingerprint {
				return &reason{kind: fault.Invalid, all: true, text: fmt.Sprintf("the worker built graph %s, the plan was made from %s", m.Fingerprint, w.config.Job.Fingerprint)}
			}
			w.deadline(0)
			w.config.Events.Ready()
		default:
			if !ready {
				return garbled(fmt.Errorf("%T before ready", m))
			}
			if err := w.heard(m); err != nil {
				return garbled(err)
			}
		}
	}
}

// greet answers a hello.
func (w *Worker) greet(m wire.Hello) *reason {
	peer := "the job's program"
	if m.BuildVersion != "" {
		peer += ", built with Sheaf " + m.BuildVersion + ","
	}
	protocol, err := wire.WorkerProtocol.Agree("executor "+string(w.config.Executor), peer, m.Protocol)
	if err != nil {
		return &reason{kind: fault.Invalid, text: err.Error(), all: true}
	}
	c := &w.config
	w.deadline(c.Limits.Ready)
	w.start <- wire.Start{
		Protocol: protocol, Executor: c.Executor, Job: c.Job, Directories: c.Directories,
		MemoryBytes: c.MemoryBytes, Slots: c.Slots, DataAddress: c.DataAddress, Executors: c.Executors,
		Progress: c.Limits.Progress, DiskLimited: c.DiskLimited,
	}
	return nil
}

// heard tells Events a message about attempts, or returns why it cannot be true.
func (w *Worker) heard(m wire.Message) error {
	switch m := m.(type) {
	case wire.Progress:
		if len(m.Attempts) == 1 && m.Attempts[0].Working != nil {
			w.works(m.Attempts[0])
			return nil
		}
		w.config.Events.Progress(w.progressed(m.Attempts), m.MemoryUsedBytes)
		return nil
	case wire.Finished:
		if err := w.own(m.Attempt, &m.Result); err != nil {
			return err
		}
		if !w.forget(m.Attempt) {
			return fmt.Errorf("attempt %v ended and does not run", m.Attempt)
		}
		w.config.Events.Finished(m.Attempt, m.Result)
		return nil
	case wire.Failed:
		if !w.forget(m.Attempt) {
			return fmt.Errorf("attempt %v failed and does not run", m.Attempt)
		}
		w.config.Events.Failed(m.Attempt, m.Failure, m.Unreadable, nil)
		return nil
	case wire.DiskWanted:
		w.send(w.config.Events.DiskWanted(m))
		return nil
	case wire.DiskReturned:
		w.config.Events.DiskReturned(m.Bytes)
		return nil
	case wire.RunJob:
		if !w.asked(m.Attempt) {
			return fmt.Errorf("attempt %v asked for a job and does not run", m.Attempt)
		}
		w.config.Events.RunJob(m)
		return nil
	}
	return fmt.Errorf("%T is no message of a worker", m)
}

// asked notes that the driver in an attempt waits for a job.
func (w *Worker) asked(id plan.AttemptID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.running[id]
	if at != nil {
		at.asks = true
	}
	return at != nil
}

// own checks that what an attempt reports is its own, and names where it is.
func (w *Worker) own(id plan.AttemptID, r *plan.Result) error {
	for i := range r.Outputs {
		if r.Outputs[i].ID.Attempt != id {
			return fmt.Errorf("attempt %v reported map output %v", id, r.Outputs[i].ID)
		}
		r.Outputs[i].Executor = w.config.Executor
	}
	for _, f := range r.Files {
		if f.Attempt != id {
			return fmt.Errorf("attempt %v reported a file of attempt %v", id, f.Attempt)
		}
	}
	return nil
}

// works notes the rows on which an attempt works from now on.
func (w *Worker) works(p wire.AttemptProgress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at := w.running[p.Attempt]; at != nil {
		if at.working = p.Working; p.Working.Rows == 0 {
			at.working = nil
		}
		// Rows that are tried one by one move as well.
		at.moved = time.Now()
	}
}

// progressed keeps the figures of attempts that run.
func (w *Worker) progressed(all []wire.AttemptProgress) []wire.AttemptProgress {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := all[:0]
	for _, p := range all {
		at := w.running[p.Attempt]
		if at == nil {
			continue
		}
		if p.Rows != at.rows || p.Bytes != at.bytes {
			at.rows, at.bytes, at.moved = p.Rows, p.Bytes, time.Now()
		}
		kept = append(kept, p)
	}
	return kept
}

// forget ends an attempt that runs, and the part of the log that is its own.
func (w *Worker) forget(id plan.AttemptID) bool {
	w.mu.Lock()
	at := w.running[id]
	delete(w.running, id)
	w.mu.Unlock()
	if at == nil {
		return false
	}
	w.process.finishLog(id)
	return true
}

// deadline bounds the wait for the next messages; 0 lifts the bound.
func (w *Worker) deadline(d time.Duration) {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	w.conn.SetReadDeadline(at) // fails for a closed socket only, which Read tells
}

// write sends the start and then what is queued.
func (w *Worker) write() {
	out := wire.NewWriter(w.conn)
	var m wire.Message
	select {
	case m = <-w.start:
	case <-w.quit:
		return
	}
	for {
		if err := out.Write(m); err != nil {
			w.unwritten(m, err)
			if fault.KindOf(err) != fault.Invalid {
				return // the reader sees the end as well
			}
		}
		select {
		case m = <-w.out:
		case <-w.quit:
			return
		}
	}
}

// unwritten handles a message that could not be sent: a start or a launch that
// cannot be told ends the worker, since nobody else would report its end.
func (w *Worker) unwritten(m wire.Message, err error) {
	switch m.(type) {
	case wire.Start, wire.Launch:
		if fault.KindOf(err) == fault.Invalid {
			w.kill(&reason{kind: fault.Invalid, text: err.Error(), all: true})
		}
	}
}

func (w *Worker) stopWriting() {
	close(w.quit)
	w.conn.SetWriteDeadline(time.Now())
}

// watch looks for attempts that do not move.
func (w *Worker) watch() {
	limit := w.config.Limits.Stall
	if limit <= 0 {
		return
	}
	ticker := time.NewTicker(max(limit/10, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-w.quit:
			return
		}
		if id, ok := w.stalled(limit); ok {
			w.dump(&reason{kind: fault.User, attempt: &id, text: fmt.Sprintf("attempt %v read nothing for %v, so its worker was killed: its goroutines are printed in the log", id, limit)})
			return
		}
	}
}

// stalled returns an attempt that has not moved for too long.
func (w *Worker) stalled(limit time.Duration) (plan.AttemptID, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, at := range w.running {
		if at.work == plan.Run && !at.canceled && !at.asks && time.Since(at.moved) > limit {
			return id, true
		}
	}
	return plan.AttemptID{}, false
}

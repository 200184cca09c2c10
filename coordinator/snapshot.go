package coordinator

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/sheafdata/sheaf/coordinator/record"
	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// snapshotVersion is raised when an older reader would misunderstand a snapshot.
const snapshotVersion = 1

// image is a machine as plain data. docs/format/journal.md describes it.
type image struct {
	Version int                 `json:"version"`
	At      time.Duration       `json:"at"`
	Core    *schedule.CoreState `json:"core"`
	Jobs    []jobImage          `json:"jobs"`  // by submission
	Ended   []plan.JobID        `json:"ended"` // in the order of their ends
	Nodes   []nodeImage         `json:"nodes"`
}

type jobImage struct {
	ID            plan.JobID          `json:"id"`
	Name          string              `json:"name"`
	Submission    record.Submission   `json:"submission"`
	Priority      int                 `json:"priority,omitempty"`
	MaxRunning    int                 `json:"max_running,omitempty"`
	Drives        bool                `json:"drives,omitempty"`
	SubmittedUnix int64               `json:"submitted_unix_nanos"`
	Submitted     time.Duration       `json:"submitted"`
	Attempts      []attemptRef        `json:"attempts,omitempty"`
	Ended         time.Duration       `json:"ended,omitempty"`
	Done          *schedule.JobDone   `json:"done,omitempty"`
	Failed        *schedule.JobFailed `json:"failed,omitempty"`
}

type nodeImage struct {
	ID      plan.ExecutorID `json:"id"`
	Session plan.SessionID  `json:"session"`
	Details record.Details  `json:"details"`
	Drain   *record.Drain   `json:"drain,omitempty"`
	Lost    bool            `json:"lost,omitempty"`
}

// Snapshot implements journal.Machine.
func (m *machine) Snapshot() (func(io.Writer) error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	im := image{Version: snapshotVersion, At: m.at, Core: m.core.State()}
	for _, j := range m.order {
		im.Jobs = append(im.Jobs, jobImage{
			ID: j.id, Name: j.name, Submission: j.submission, Priority: j.priority, MaxRunning: j.maxRunning, Drives: j.drives,
			SubmittedUnix: j.submittedUnix, Submitted: j.submitted, Attempts: j.attempts,
			Ended: j.ended, Done: j.done, Failed: j.failed,
		})
	}
	for _, j := range m.finished {
		im.Ended = append(im.Ended, j.id)
	}
	for _, n := range m.nodeList {
		im.Nodes = append(im.Nodes, nodeImage{ID: n.id, Session: n.session, Details: n.details, Drain: n.drain, Lost: n.lost})
	}
	return im.write, nil
}

func (im *image) write(w io.Writer) error {
	z := s2.NewWriter(w)
	if err := json.NewEncoder(z).Encode(im); err != nil {
		return errors.Join(err, z.Close())
	}
	return z.Close()
}

// Restore implements journal.Machine.
func (m *machine) Restore(r io.Reader) error {
	d := json.NewDecoder(bufio.NewReader(s2.NewReader(r)))
	d.DisallowUnknownFields()
	var im image
	err := d.Decode(&im)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		err = m.restore(&im)
	}
	if err != nil {
		m.err = fault.New(fault.Corrupt, "read a snapshot of the coordinator: %w", err)
	}
	return m.err
}

func (m *machine) restore(im *image) error {
	if im.Version != snapshotVersion || im.Core == nil {
		return fmt.Errorf("version %d is not known: a newer Sheaf wrote it", im.Version)
	}
	fresh := newMachine(m.cfg)
	core, err := schedule.Load(m.cfg, im.Core)
	if err != nil {
		return err
	}
	for _, n := range im.Nodes {
		fresh.addNode(&node{id: n.ID, session: n.Session, details: n.Details, drain: n.Drain, lost: n.Lost})
	}
	for _, i := range im.Jobs {
		j := i.job()
		fresh.add(j)
		if j.over() {
			close(j.awaited)
		}
	}
	for _, id := range im.Ended {
		j := fresh.jobs[id]
		if j == nil || !j.over() {
			return fmt.Errorf("job %v has ended and is not there", id)
		}
		fresh.retire(j)
	}
	m.core, m.at, m.jobs, m.order, m.keys, m.steps = core, im.At, fresh.jobs, fresh.order, fresh.keys, fresh.steps
	m.finished, m.finishedBytes, m.nodes, m.nodeList = fresh.finished, fresh.finishedBytes, fresh.nodes, fresh.nodeList
	m.tellAdded()
	return nil
}

func (i *jobImage) job() *job {
	j := &job{
		id: i.ID, name: i.Name, submission: i.Submission, priority: i.Priority, maxRunning: i.MaxRunning, drives: i.Drives,
		submittedUnix: i.SubmittedUnix, submitted: i.Submitted, attempts: i.Attempts,
		ended: i.Ended, done: i.Done, failed: i.Failed, awaited: make(chan struct{}),
	}
	if j.over() {
		j.measure()
	}
	return j
}

// MarshalJSON writes a reference as a list of numbers: there may be a million.
func (a attemptRef) MarshalJSON() ([]byte, error) {
	return json.Marshal([4]int32{a.Stage, a.Index, a.Number, a.Node})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *attemptRef) UnmarshalJSON(data []byte) error {
	var v [4]int32
	err := json.Unmarshal(data, &v)
	*a = attemptRef{v[0], v[1], v[2], v[3]}
	return err
}

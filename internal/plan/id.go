package plan

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// JobID identifies one submitted program run. It is random, never derived from time.
type JobID [16]byte

// NewJobID draws a job id from the system's random source.
func NewJobID() JobID {
	var id JobID
	rand.Read(id[:])
	return id
}

// String returns the id as 32 hexadecimal digits.
func (id JobID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first eight digits, for people.
func (id JobID) Short() string { return hex.EncodeToString(id[:4]) }

// MarshalText writes the id as String does.
func (id JobID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what String wrote.
func (id *JobID) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(id) || len(text)%2 != 0 {
		return fmt.Errorf("job id %q is not 32 hexadecimal digits", text)
	}
	_, err := hex.Decode(id[:], text)
	if err != nil {
		return fmt.Errorf("job id %q: %w", text, err)
	}
	return nil
}

// StageID numbers the stages of a plan from 0; producers come before consumers.
type StageID int

// ExchangeID numbers the exchanges of a plan from 0.
type ExchangeID int

// SinkID numbers the sinks of a plan from 0.
type SinkID int

// The pseudo stages of a job: work that is no stage of the user's graph but
// runs as a task inside the user's program like any other.
const (
	// EnumerateStage lists a source's splits; its task index is the StageID of the stage that reads the source.
	EnumerateStage StageID = -1
	// PublishStage publishes or discards the job's staged output; it has one task.
	PublishStage StageID = -2
)

// TaskID names one task of a job: a stage applied to one split or one partition.
type TaskID struct {
	Stage StageID `json:"stage"`
	Index int     `json:"index"`
}

// String returns "stage/index", with names for the pseudo stages.
func (t TaskID) String() string {
	switch t.Stage {
	case EnumerateStage:
		return fmt.Sprintf("enumerate/%d", t.Index)
	case PublishStage:
		return "publish"
	}
	return fmt.Sprintf("%d/%d", t.Stage, t.Index)
}

// AttemptID names one execution of a task. Number is never reused within a
// (job, stage, epoch, task), so the id names files safely.
type AttemptID struct {
	Job    JobID  `json:"job"`
	Task   TaskID `json:"task"`
	Epoch  uint32 `json:"epoch"`
	Number int    `json:"number"`
}

// String returns a name that is unique among all attempts and fit for a file name.
func (a AttemptID) String() string {
	return fmt.Sprintf("%s-s%d-t%d-e%d-a%d", a.Job, a.Task.Stage, a.Task.Index, a.Epoch, a.Number)
}

// ExecutorID names an executor; it is stable across its restarts.
type ExecutorID string

// SessionID is one registration of an executor; 0 is none.
type SessionID uint64

// OutputID names one map output: what one attempt wrote for one exchange.
type OutputID struct {
	Attempt  AttemptID  `json:"attempt"`
	Exchange ExchangeID `json:"exchange"`
}

// String returns a name that is unique among all map outputs and fit for a file name.
func (o OutputID) String() string { return fmt.Sprintf("%s-x%d", o.Attempt, o.Exchange) }

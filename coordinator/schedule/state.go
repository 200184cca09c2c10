package schedule

import (
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// CoreState is a copy of all that a core knows, as plain data that can be
// written as JSON: a core that is made from it goes on like the one that was
// copied. It shares what events carried with the core; that never changes.
type CoreState struct {
	Now       time.Duration   `json:"now"`
	Seq       int             `json:"seq"`
	Jobs      []JobCopy       `json:"jobs"`      // in order of submission
	Executors []ExecutorCopy  `json:"executors"` // in order of first joining
	Timers    []TimerCopy     `json:"timers,omitempty"`
	Parked    []ParkGroupCopy `json:"parked,omitempty"`
	Cuts      []CutCopy       `json:"cuts,omitempty"`
}

// CutCopy is a way between two executors that did not work.
type CutCopy struct {
	Reader int           `json:"reader"`
	Holder int           `json:"holder"`
	Until  time.Duration `json:"until"`
}

// JobCopy is a job in a CoreState. Of one that is over Final is all there is.
type JobCopy struct {
	ID         plan.JobID     `json:"id"`
	Seq        int            `json:"seq"`
	State      State          `json:"state"`
	Priority   int            `json:"priority,omitempty"`
	MaxRunning int            `json:"max_running,omitempty"`
	Final      Progress       `json:"final"`
	Plan       *plan.Plan     `json:"plan,omitempty"`
	Ran        bool           `json:"ran,omitempty"`
	Failure    *JobFailed     `json:"failure,omitempty"`
	Stages     []StageCopy    `json:"stages,omitempty"`
	Enumerate  *StageCopy     `json:"enumerate,omitempty"`
	Publish    *StageCopy     `json:"publish,omitempty"`
	Exchanges  []ExchangeCopy `json:"exchanges,omitempty"`
}

// StageCopy is a stage in a CoreState.
type StageCopy struct {
	Known   bool             `json:"known,omitempty"`
	Settled bool             `json:"settled,omitempty"`
	Next    int              `json:"next,omitempty"`
	Failed  int              `json:"failed,omitempty"`
	Bytes   int64            `json:"bytes,omitempty"`
	Figures plan.Figures     `json:"figures"`
	Tasks   []TaskCopy       `json:"tasks,omitempty"`
	Parts   []plan.Partition `json:"parts,omitempty"`
	Near    [][]PlaceCopy    `json:"near,omitempty"`
	Stale   []HeldCopy       `json:"stale,omitempty"`
	// Epoch counts how often the stage was rolled back, Differed how often a
	// repeated task gave other rows.
	Epoch    uint32  `json:"epoch,omitempty"`
	Differed int     `json:"differed,omitempty"`
	Paces    []int64 `json:"paces,omitempty"`
}

// TaskCopy is a task in a CoreState. Executors are places in its list, from 1
// on; 0 is none.
type TaskCopy struct {
	State    uint8          `json:"s"`
	Number   int            `json:"n,omitempty"`
	Epoch    uint32         `json:"ep,omitempty"`
	Last     int            `json:"l,omitempty"` // if it is not Number
	Began    time.Duration  `json:"b,omitempty"`
	Input    int64          `json:"in,omitempty"` // bytes
	Watched  bool           `json:"w,omitempty"`
	Backup   *BackupCopy    `json:"backup,omitempty"`
	Executor int            `json:"e,omitempty"`
	Session  plan.SessionID `json:"sn,omitempty"`
	Lost     bool           `json:"lost,omitempty"`
	Measured bool           `json:"m,omitempty"`
	Splits   []plan.Split   `json:"splits,omitempty"`
	// RawPaths are the paths of splits that are no text, by place: JSON would
	// replace their bytes by others.
	RawPaths map[int][]byte       `json:"raw_paths,omitempty"`
	Won      bool                 `json:"won,omitempty"`
	Outputs  []plan.MapOutput     `json:"outputs,omitempty"`
	Files    []plan.StagedFile    `json:"files,omitempty"`
	Rows     []plan.CollectedRows `json:"rows,omitempty"`
	BadRows  []plan.BadRow        `json:"bad_rows,omitempty"`
	Figures  *plan.Figures        `json:"figures,omitempty"`
	Content  []Content            `json:"content,omitempty"` // of Outputs
	Past     *PastCopy            `json:"past,omitempty"`
}

// BackupCopy is the backup of a task.
type BackupCopy struct {
	Number   int            `json:"n"`
	Epoch    uint32         `json:"ep,omitempty"`
	Executor int            `json:"e"`
	Session  plan.SessionID `json:"sn"`
	Began    time.Duration  `json:"b"`
	Canceled bool           `json:"canceled,omitempty"`
}

// PastCopy is what is known of a task's bad luck.
type PastCopy struct {
	Charged     int              `json:"charged,omitempty"`
	Faults      int              `json:"faults,omitempty"`
	Last        fault.Report     `json:"last"`
	Alike       bool             `json:"alike,omitempty"`
	Places      []PastPlaceCopy  `json:"places,omitempty"`
	Superseded  []int            `json:"superseded,omitempty"`
	Before      *Former          `json:"before,omitempty"`
	Again       int              `json:"again,omitempty"`
	Damage      *DamageCopy      `json:"damage,omitempty"`
	Suspect     *plan.RowRange   `json:"suspect,omitempty"`
	SuspectedAt int              `json:"suspected_at,omitempty"`
	Accused     bool             `json:"accused,omitempty"`
	Deadly      []plan.DeadlyRow `json:"deadly,omitempty"`
}

// PastPlaceCopy counts a task's failures on an executor.
type PastPlaceCopy struct {
	Executor int  `json:"e"`
	Failures int  `json:"n"`
	Full     int  `json:"full,omitempty"`
	Doubtful bool `json:"doubtful,omitempty"`
}

// DamageCopy is a map output of which damaged bytes came. Executors are as in
// TaskCopy.
type DamageCopy struct {
	Output plan.OutputID `json:"output"`
	Reader int           `json:"reader"`
	Holder int           `json:"holder"`
}

// ExchangeCopy is what was measured of an exchange: shares and samples until its
// consumer is decided, the heaviest keys for as long as the job runs.
type ExchangeCopy struct {
	Bytes   int64        `json:"bytes,omitempty"`
	Shares  []ShareCopy  `json:"shares,omitempty"`
	Samples []SampleCopy `json:"samples,omitempty"`
	// Form is how a join runs, the others what its side was measured to hold.
	Form      Form  `json:"form,omitempty"`
	SideRows  int64 `json:"side_rows,omitempty"`
	SideBytes int64 `json:"side_bytes,omitempty"`

	Keys        []plan.KeyWeight `json:"keys,omitempty"`
	MissedBytes int64            `json:"missed_bytes,omitempty"`
	Target      int64            `json:"target,omitempty"`
}

// ShareCopy is what one executor holds of an exchange.
type ShareCopy struct {
	PlaceCopy
	Buckets []int64 `json:"buckets"`
}

// SampleCopy is the samples of one map output.
type SampleCopy struct {
	PlaceCopy
	Keys []plan.KeySample `json:"keys"`
}

// PlaceCopy is a session of an executor; Executor is as in TaskCopy.
type PlaceCopy struct {
	Executor int            `json:"e"`
	Session  plan.SessionID `json:"sn"`
}

// HeldCopy is an attempt whose files an executor holds.
type HeldCopy struct {
	PlaceCopy
	Attempt plan.AttemptID `json:"attempt"`
}

// ExecutorCopy is an executor in a CoreState.
type ExecutorCopy struct {
	ID       plan.ExecutorID  `json:"id"`
	Seq      int              `json:"seq"`
	Live     bool             `json:"live,omitempty"`
	Draining bool             `json:"draining,omitempty"`
	Low      bool             `json:"low,omitempty"`
	Session  plan.SessionID   `json:"session"`
	Ended    []plan.SessionID `json:"ended,omitempty"`
	Slots    int              `json:"slots"`

	Strikes   int           `json:"strikes,omitempty"`
	Struck    plan.TaskID   `json:"struck"`
	StruckJob plan.JobID    `json:"struck_job"`
	Aside     time.Duration `json:"aside,omitempty"`
	Setbacks  int           `json:"setbacks,omitempty"`
}

// TimerCopy is a task that waits, or that is watched.
type TimerCopy struct {
	At     time.Duration `json:"at"`
	Seq    int           `json:"seq"`
	Job    plan.JobID    `json:"job"`
	Task   plan.TaskID   `json:"task"`
	Number int           `json:"number"`
	Backup bool          `json:"backup,omitempty"`
}

// ParkGroupCopy is tasks that are closed to the same executors.
type ParkGroupCopy struct {
	Closed []int          `json:"closed,omitempty"`
	Tasks  []ParkTaskCopy `json:"tasks"`
}

// ParkTaskCopy names a parked task.
type ParkTaskCopy struct {
	Job  plan.JobID  `json:"job"`
	Task plan.TaskID `json:"task"`
}

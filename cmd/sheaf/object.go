package main

import (
	"fmt"
	"strings"
	"time"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/ending"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
)

// What --json prints. Programs read the field names: they may be added to, never
// changed.

type jobObject struct {
	Job            string         `json:"job"`
	Name           string         `json:"name"`
	State          string         `json:"state"`
	Waiting        string         `json:"waiting"`
	Owner          string         `json:"owner"`
	Priority       int32          `json:"priority"`
	MaxRunning     int32          `json:"max_running"`
	SubmittedAt    string         `json:"submitted_at"`
	ElapsedSeconds float64        `json:"elapsed_seconds"`
	Figures        figuresObject  `json:"figures"`
	Failure        *failureObject `json:"failure"` // null unless it failed or was canceled
	Stages         []stageObject  `json:"stages,omitempty"`
	Joins          []plan.Join    `json:"joins,omitempty"` // of two forms, once it is decided which
}

type figuresObject struct {
	RowsIn       int64            `json:"rows_in"`
	BytesIn      int64            `json:"bytes_in"`
	RowsOut      int64            `json:"rows_out"`
	BytesOut     int64            `json:"bytes_out"`
	ShuffleBytes int64            `json:"shuffle_bytes"`
	SpilledBytes int64            `json:"spilled_bytes"`
	BadRows      int64            `json:"bad_rows,omitempty"` // that were left out
	Counters     map[string]int64 `json:"counters,omitempty"` // what user code counted
	HotKeys      []plan.HotKey    `json:"hot_keys,omitempty"` // that hold the job up
}

type failureObject struct {
	Kind     string `json:"kind"`
	Message  string `json:"message"`
	Detail   string `json:"detail"`
	Task     string `json:"task"` // as --task takes it; empty when none is to blame
	Attempts int32  `json:"attempts"`
}

type stageObject struct {
	Stage      int32  `json:"stage"`
	Name       string `json:"name"`
	Known      bool   `json:"known"`
	Started    bool   `json:"started"`
	Ended      bool   `json:"ended"`
	Tasks      int32  `json:"tasks"`
	Running    int32  `json:"running"`
	Done       int32  `json:"done"`
	Failed     int32  `json:"failed"`
	BytesTotal int64  `json:"bytes_total"`
	Bytes      int64  `json:"bytes"`
	Rows       int64  `json:"rows"`
}

type nodeObject struct {
	Node          string  `json:"node"`
	State         string  `json:"state"`
	Reason        string  `json:"reason"`
	Slots         int32   `json:"slots"`
	Running       int32   `json:"running"`
	MemoryBytes   int64   `json:"memory_bytes"`
	DiskFreeBytes int64   `json:"disk_free_bytes"`
	Platform      string  `json:"platform"`
	Version       string  `json:"version"`
	Isolation     string  `json:"isolation"`
	DataAddress   string  `json:"data_address"`
	Session       string  `json:"session"`
	SilentSeconds float64 `json:"silent_seconds"`
}

func jobJSON(j *pb.JobSnapshot) jobObject {
	o := jobObject{
		Job: j.GetJobId(), Name: j.GetName(), State: stateName(j.GetState()), Waiting: j.GetWaiting(), Owner: j.GetOwner(),
		Priority: j.GetPriority(), MaxRunning: j.GetMaxRunning(),
		SubmittedAt:    time.Unix(0, j.GetSubmittedUnixNanos()).UTC().Format(time.RFC3339Nano),
		ElapsedSeconds: time.Duration(j.GetElapsedNanos()).Seconds(),
		Figures:        figuresJSON(j), Joins: joinsOf(j),
	}
	if f := j.GetFailure(); f != nil {
		o.Failure = &failureObject{
			Kind: enumName(f.GetFault().GetKind(), "FAULT_KIND_"), Message: f.GetFault().GetMessage(), Detail: f.GetFault().GetDetail(),
			Task: taskName(f.GetTask()), Attempts: f.GetAttempts(),
		}
	}
	for _, s := range j.GetStages() {
		o.Stages = append(o.Stages, stageObject{
			Stage: s.GetId(), Name: s.GetName(), Known: s.GetKnown(), Started: s.GetStarted(), Ended: s.GetEnded(),
			Tasks: s.GetTasks(), Running: s.GetRunning(), Done: s.GetDone(), Failed: s.GetFailed(),
			BytesTotal: s.GetBytesTotal(), Bytes: s.GetBytes(), Rows: s.GetRows(),
		})
	}
	return o
}

// figuresJSON gives the figures that a local run shows: of sources and
// destinations, not of what moves between stages.
func figuresJSON(j *pb.JobSnapshot) figuresObject {
	f := j.GetFigures()
	return figuresObject{
		RowsIn: f.GetSourceRows(), BytesIn: f.GetSourceBytes(), RowsOut: f.GetSinkRows(), BytesOut: f.GetBytesOut(),
		ShuffleBytes: f.GetShuffleBytes(), SpilledBytes: f.GetSpilledBytes(), BadRows: f.GetBadRows(),
		Counters: plan.ByName(countersOf(j)), HotKeys: hotKeysOf(j),
	}
}

// hotKeysOf are the hot keys of a job; what is no such list, of a coordinator gone
// mad, is none.
func hotKeysOf(j *pb.JobSnapshot) []plan.HotKey {
	keys, _ := wire.DecodeHotKeys(j.GetHotKeys())
	return keys
}

func countersOf(j *pb.JobSnapshot) []plan.Counter {
	var out []plan.Counter
	for _, n := range j.GetCounters() {
		out = append(out, plan.Counter{Name: n.GetName(), Value: n.GetValue()})
	}
	return out
}

func joinsOf(j *pb.JobSnapshot) []plan.Join {
	var out []plan.Join
	for _, x := range j.GetJoins() {
		out = append(out, plan.Join{Name: x.GetName(), Broadcast: x.GetBroadcast(), Pinned: x.GetPinned(), Rows: x.GetRows(), Bytes: x.GetBytes()})
	}
	return out
}

// endFigures are the figures of a job that ended well.
func endFigures(j *pb.JobSnapshot, destinations []string) ending.Figures {
	f := figuresJSON(j)
	tasks, jobs := 0, 0
	for _, s := range j.GetStages() {
		tasks += int(s.GetTasks())
	}
	if j.GetDrives() { // its stages are jobs, and their tasks the runs of those
		tasks, jobs = 0, tasks
	}
	return ending.Figures{
		Job: j.GetJobId(), Elapsed: time.Duration(j.GetElapsedNanos()), RowsIn: f.RowsIn, BytesIn: f.BytesIn, RowsOut: f.RowsOut,
		BytesOut: f.BytesOut, ShuffleBytes: f.ShuffleBytes, SpilledBytes: f.SpilledBytes, BadRows: f.BadRows, Tasks: tasks, Jobs: jobs, Destinations: destinations,
		Counters: countersOf(j), Joins: joinsOf(j), HotKeys: f.HotKeys,
	}
}

func nodeJSON(n *pb.Node) nodeObject {
	return nodeObject{
		Node: n.GetId(), State: nodeState(n.GetState()), Reason: n.GetReason(), Slots: n.GetSlots(), Running: n.GetRunning(),
		MemoryBytes: n.GetMemoryBytes(), DiskFreeBytes: n.GetDiskFreeBytes(), Platform: platformName(n), Version: n.GetBuildVersion(),
		Isolation: n.GetIsolation(), DataAddress: n.GetDataAddress(), Session: fmt.Sprintf("%016x", n.GetSession()),
		SilentSeconds: time.Duration(n.GetSilentNanos()).Seconds(),
	}
}

func platformName(n *pb.Node) string {
	return n.GetPlatform().GetOs() + "/" + n.GetPlatform().GetArch()
}

// enumName returns a value's name as people write it: "running".
func enumName(v fmt.Stringer, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(v.String(), prefix))
}

func stateName(s pb.JobState) string  { return enumName(s, "JOB_STATE_") }
func nodeState(s pb.NodeState) string { return enumName(s, "NODE_STATE_") }

// taskName returns a task as --task takes it: "2/7".
func taskName(t *pb.TaskId) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%d/%d", t.GetStage(), t.GetIndex())
}

// taskWords is a task for people: work of the engine has no number of a stage
// that they know.
func taskWords(t *pb.TaskId) string {
	switch plan.StageID(t.GetStage()) {
	case plan.EnumerateStage:
		return fmt.Sprintf("listing the input of stage %d", t.GetIndex())
	case plan.PublishStage:
		return "publishing the output"
	}
	return taskName(t)
}

// shortIDDigits are enough of a job's id to name it.
const shortIDDigits = 12

func shortID(id string) string { return id[:min(len(id), shortIDDigits)] }

package progress

import (
	"encoding/json"
	"io"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

// jsonInterval spaces the objects of a job whose state does not change.
const jsonInterval = 500 * time.Millisecond

// jsonView writes NDJSON: an object whenever something changed, but no more
// often than jsonInterval unless the job's state changed or a stage ended.
// Programs read the field names below: they may be added to, never changed.
type jsonView struct {
	out   io.Writer
	now   func() time.Time
	begun bool
	last  time.Time
	shown Snapshot // the last one written
}

// jsonProgress is one object on the state of the job.
type jsonProgress struct {
	Event          string           `json:"event"` // "progress"
	Job            string           `json:"job"`
	Name           string           `json:"name"`
	State          string           `json:"state"`
	ElapsedSeconds float64          `json:"elapsed_seconds"`
	Stages         []jsonStage      `json:"stages"`
	Counters       map[string]int64 `json:"counters,omitempty"` // of the tasks that are done
	Joins          []plan.Join      `json:"joins,omitempty"`    // of two forms, once it is decided which
	HotKeys        []plan.HotKey    `json:"hot_keys,omitempty"` // that hold the job up
}

type jsonStage struct {
	Name           string   `json:"name"`
	Known          bool     `json:"known"`
	Started        bool     `json:"started"`
	Ended          bool     `json:"ended"`
	Tasks          int      `json:"tasks"`
	Running        int      `json:"running"`
	Done           int      `json:"done"`
	Failed         int      `json:"failed"`
	BytesTotal     int64    `json:"bytes_total"`
	Bytes          int64    `json:"bytes"`
	Rows           int64    `json:"rows"`
	RowsPerSecond  float64  `json:"rows_per_second"`
	BytesPerSecond float64  `json:"bytes_per_second"`
	SecondsLeft    *float64 `json:"seconds_left"` // null while it cannot be guessed
}

// jsonMessage is one line for people that came through Writer.
type jsonMessage struct {
	Event string `json:"event"` // "message"
	Text  string `json:"text"`
}

func (v *jsonView) update(f frame) {
	if v.begun && !v.news(f) {
		return
	}
	v.write(f)
}

// news reports whether f is worth an object now.
func (v *jsonView) news(f frame) bool {
	if f.State != v.shown.State || endedStages(f.Stages) != endedStages(v.shown.Stages) {
		return true
	}
	return v.now().Sub(v.last) >= jsonInterval && !reflect.DeepEqual(f.Stages, v.shown.Stages)
}

func endedStages(stages []Stage) int {
	n := 0
	for _, s := range stages {
		if s.Ended {
			n++
		}
	}
	return n
}

func (v *jsonView) close(f frame) { v.write(f) }

func (v *jsonView) write(f frame) {
	v.begun, v.last = true, v.now()
	v.shown = f.Snapshot
	// The caller may fill the same slice again.
	v.shown.Stages = append([]Stage(nil), f.Stages...)
	p := jsonProgress{
		Event: "progress", Job: f.Job, Name: f.Name, State: f.State,
		ElapsedSeconds: millis(f.Elapsed.Seconds()),
		Stages:         make([]jsonStage, len(f.stages)), Counters: plan.ByName(f.Counters), Joins: f.Joins, HotKeys: f.HotKeys,
	}
	for i, s := range f.stages {
		p.Stages[i] = stageJSON(s)
	}
	v.object(p)
}

func stageJSON(s figures) jsonStage {
	j := jsonStage{
		Name: s.Name, Known: s.Known, Started: s.Started, Ended: s.Ended,
		Tasks: s.Tasks, Running: s.Running, Done: s.Done, Failed: s.Failed,
		BytesTotal: s.BytesTotal, Bytes: s.Bytes, Rows: s.Rows,
		RowsPerSecond: millis(s.rowsPerSecond), BytesPerSecond: millis(s.bytesPerSecond),
	}
	if s.hasLeft {
		left := millis(s.left.Seconds())
		j.SecondsLeft = &left
	}
	return j
}

// millis rounds to three decimals: more are noise.
func millis(x float64) float64 { return math.Round(x*1000) / 1000 }

func (v *jsonView) message(line []byte) {
	v.object(jsonMessage{Event: "message", Text: strings.TrimRight(string(line), "\r\n")})
}

func (v *jsonView) object(x any) {
	enc := json.NewEncoder(v.out)
	enc.SetEscapeHTML(false) // stage names hold "→" and perhaps "<": keep them legible
	enc.Encode(x)
}

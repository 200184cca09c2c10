// Package outline is what a person wants to know of a job's plan before it runs:
// its stages with their operators and where these stand in the program, the
// exchanges between them, what is read and written, and what is wrong or slow
// for sure. A job's program makes an Outline and shows it itself, or as JSON to
// the command line, which shows it; so the package links neither Arrow nor a
// graph. It does no I/O but for the writer that it is given, and owns no
// goroutine.
package outline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sheafdata/sheaf/internal/plan"
)

// Version is the version of the JSON form that this build writes.
const Version = 1

// Outline is a plan for people and, as JSON, for programs, which read the field
// names: they may be added to, never changed. A number that is null is not known
// before the job runs.
type Outline struct {
	Version     int             `json:"version"`
	Job         string          `json:"job"`
	Arguments   json.RawMessage `json:"arguments"`   // by the names of the fields
	Fingerprint string          `json:"fingerprint"` // the same for the same graph with the same arguments
	Slots       int             `json:"slots"`       // tasks at once, for which tasks are counted

	Stages    []Stage    `json:"stages"`    // producers before consumers; each at the index of its number
	Exchanges []Exchange `json:"exchanges"` // each at the index of its number
	Sinks     []Sink     `json:"sinks"`     // each at the index of its number
	Counters  []string   `json:"counters"`
	Warnings  []Warning  `json:"warnings"`
}

// Stage runs as tasks, one a piece of its input. It begins with a source or an
// exchange.
type Stage struct {
	Stage     plan.StageID      `json:"stage"`
	Source    *Source           `json:"source"` // null unless it begins with one
	Reads     *plan.ExchangeID  `json:"reads"`  // null unless it begins with an exchange
	Writes    []plan.ExchangeID `json:"writes"` // the exchanges that end it
	Sinks     []plan.SinkID     `json:"sinks"`  // the sinks that end it
	Tasks     *int              `json:"tasks"`
	MostTasks *int              `json:"most_tasks"` // null for no bound but that of the measured bytes
	Operators []Operator        `json:"operators"`  // the first is the source or the exchange
}

// Operator is one step of a stage.
type Operator struct {
	Operator int              `json:"operator"` // its number in the graph; an exchange is an operator of both its sides
	Verb     string           `json:"verb"`
	At       string           `json:"at"`       // where the program says it: "job/main.go:24"
	Gives    string           `json:"gives"`    // the type of its rows; empty for a sink
	Inputs   []int            `json:"inputs"`   // operators of this stage whose rows it takes
	Exchange *plan.ExchangeID `json:"exchange"` // null unless its rows go to one here
	Sink     *plan.SinkID     `json:"sink"`     // null unless it is one
	Promise  plan.Promise     `json:"promise"`  // empty for none
}

// Source is what a stage reads.
type Source struct {
	Name    string `json:"name"`
	Files   int    `json:"files"`  // 0 for what is not in files
	Bytes   *int64 `json:"bytes"`  // of the files as they are, compressed or not
	Rows    *int64 `json:"rows"`   // of what is not in files
	Splits  *int   `json:"splits"` // pieces that the tasks read
	Drives  bool   `json:"drives"` // reading it runs other jobs
	Problem string `json:"problem,omitempty"`
}

// Exchange is where rows change place.
type Exchange struct {
	Exchange plan.ExchangeID   `json:"exchange"`
	Verb     string            `json:"verb"`
	At       string            `json:"at"`
	Kind     plan.ExchangeKind `json:"kind"`
	Key      string            `json:"key"`      // the type by which rows come together or in order
	Buckets  int               `json:"buckets"`  // of a hash exchange; else 1
	Combiner bool              `json:"combiner"` // rows are folded before they move
	Limit    int               `json:"limit"`    // rows of a task that move at most; 0 for no bound
	Side     *Side             `json:"side"`     // that may be broadcast; null for none
	From     []plan.StageID    `json:"from"`
	To       plan.StageID      `json:"to"`
}

// Side is the side of a join that is broadcast if it is small.
type Side struct {
	From       []plan.StageID `json:"from"`
	LimitBytes int64          `json:"limit_bytes"`
	Pinned     bool           `json:"pinned"` // it is whatever its size
}

// Sink is where rows go.
type Sink struct {
	Sink        plan.SinkID `json:"sink"`
	Verb        string      `json:"verb"`
	At          string      `json:"at"`
	Format      string      `json:"format"`
	Destination string      `json:"destination"` // empty where the program gets the rows
	Suffix      string      `json:"suffix"`
}

// Warning is something that is wrong or slow for sure.
type Warning struct {
	Kind    string `json:"kind"` // such as "one-task"
	At      string `json:"at"`
	Verb    string `json:"verb"`
	Message string `json:"message"`
	Advice  string `json:"advice"`
}

// Form is a way to show an outline.
type Form string

// The forms.
const (
	Text Form = "text" // a picture for a terminal
	JSON Form = "json" // one line of JSON
	DOT  Form = "dot"  // for Graphviz
	SVG  Form = "svg"  // a picture for a browser
)

// Forms lists all forms.
func Forms() []string { return []string{string(Text), string(JSON), string(DOT), string(SVG)} }

// UnmarshalText reads a form's name.
func (f *Form) UnmarshalText(text []byte) error {
	if slices.Contains(Forms(), string(text)) {
		*f = Form(text)
		return nil
	}
	return fmt.Errorf("there is no such form of a plan: choose from %s", strings.Join(Forms(), ", "))
}

// Show gives an outline in a form, with a line end.
func (o *Outline) Show(f Form) (string, error) {
	switch f {
	case JSON:
		return o.json()
	case DOT:
		return o.dot(), nil
	case SVG:
		return o.svg(), nil
	}
	return o.text(), nil
}

func (o *Outline) json() (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(o)
	return b.String(), err
}

// Read reads the JSON form, and checks that stages, exchanges and sinks name each
// other as Show trusts.
func Read(text []byte) (*Outline, error) {
	var o Outline
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, err
	}
	if o.Version != Version {
		return &o, fmt.Errorf("version %d is not %d", o.Version, Version)
	}
	return &o, o.check()
}

// check refuses an outline that names what is not there.
func (o *Outline) check() error {
	if len(o.Stages) == 0 {
		return fmt.Errorf("there is no stage")
	}
	for i, x := range o.Exchanges {
		if int(x.Exchange) != i || !within(int(x.To), len(o.Stages)) {
			return fmt.Errorf("exchange %d leads nowhere", i)
		}
		for _, from := range x.From {
			if !within(int(from), int(x.To)) {
				return fmt.Errorf("exchange %d goes backwards", i)
			}
		}
	}
	for i, s := range o.Sinks {
		if int(s.Sink) != i {
			return fmt.Errorf("sink %d has the number %d", i, s.Sink)
		}
	}
	for i, s := range o.Stages {
		if err := o.checkStage(i, s); err != nil {
			return fmt.Errorf("stage %d %w", i, err)
		}
	}
	return nil
}

func (o *Outline) checkStage(i int, s Stage) error {
	switch {
	case int(s.Stage) != i:
		return fmt.Errorf("has the number %d", s.Stage)
	case len(s.Operators) == 0:
		return fmt.Errorf("has no operator")
	case (s.Source == nil) == (s.Reads == nil):
		return fmt.Errorf("has not one input")
	case s.Reads != nil && (!within(int(*s.Reads), len(o.Exchanges)) || o.Exchanges[*s.Reads].To != s.Stage):
		return fmt.Errorf("reads an exchange that leads elsewhere")
	}
	for _, x := range s.Writes {
		if !within(int(x), len(o.Exchanges)) {
			return fmt.Errorf("writes an exchange that is not there")
		}
	}
	for _, op := range s.Operators {
		if op.Exchange != nil && !within(int(*op.Exchange), len(o.Exchanges)) || op.Sink != nil && !within(int(*op.Sink), len(o.Sinks)) {
			return fmt.Errorf("has an operator %s that leads nowhere", op.Verb)
		}
		for _, in := range op.Inputs {
			if !slices.ContainsFunc(s.Operators, func(other Operator) bool { return other.Operator == in }) {
				return fmt.Errorf("has an operator %s of an unknown input", op.Verb)
			}
		}
	}
	return nil
}

func within(i, end int) bool { return 0 <= i && i < end }

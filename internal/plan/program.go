package plan

// The environment variables by which Sheaf's own tools tell a user's program
// what to do instead of running its job. Users set neither.
const (
	// ModeVariable says what sdk.Main does: ModePlan, ModeOutline, ModeRows, ModeWorker, or without it
	// run the job in its own process.
	ModeVariable = "SHEAF_MODE"
	// ModePlan makes a program print a Proposal as one line of JSON on standard
	// output and end.
	ModePlan = "plan"
	// ModeOutline makes a program print an outline of its plan for people as one line
	// of JSON on standard output and end. It lists what the sources hold.
	ModeOutline = "outline"
	// ModeRows makes a program read from standard input the rows that its job, with
	// these arguments, collected on a cluster, hand them to the functions that were
	// given to sdk.Collect, and end.
	ModeRows = "rows"
	// ModeWorker makes a program run attempts for the executor at the other end
	// of the socket whose descriptor SocketVariable names.
	ModeWorker     = "worker"
	SocketVariable = "SHEAF_SOCKET"
)

// AttemptLabel is the goroutine label that names the attempt a goroutine of a
// worker works for. Goroutines that user code starts inherit it, and a traceback
// shows it, so that an executor knows which attempt brought its worker down.
const AttemptLabel = "sheaf attempt"

// Proposal is what a program says of its job in ModePlan: all that a submission
// needs beside the program itself.
type Proposal struct {
	Version int `json:"version"` // of this document: ProposalVersion
	// BuildVersion is the version of Sheaf that the program was built with, and
	// Protocols the worker protocols that it speaks, from the oldest to the newest.
	BuildVersion string `json:"build_version"`
	Protocols    [2]int `json:"protocols"`

	Plan Plan `json:"plan"`
	// Graph is a line for each operator, so that a worker whose graph differs
	// can say where.
	Graph []string `json:"graph"`
	// Directory is where the program was asked: relative paths begin there.
	Directory string `json:"directory"`
	// Collects says that the job gives rows to the program that submits it.
	Collects bool `json:"collects,omitempty"`

	Overwrite  bool    `json:"overwrite,omitempty"`
	Options    Options `json:"options"`
	MaxRunning int     `json:"max_running,omitempty"` // attempts at once; 0 for no bound
	// Ignored are flags that were given and mean nothing on a cluster.
	Ignored []string `json:"ignored,omitempty"`
}

// ProposalVersion is the version of the document that this build writes.
const ProposalVersion = 1

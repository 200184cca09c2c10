// Package plan holds the identities of jobs, stages, tasks and attempts, and
// the physical plan as plain data: what a coordinator needs to schedule a job
// without knowing any of the user's code, and what a task runtime needs to run
// one attempt of it. Everything here can be written as JSON and read back.
// The package does no I/O and owns no goroutine.
package plan

// Plan is one job: its stages, the exchanges between them and its sinks.
type Plan struct {
	Name        string     `json:"name"`
	Args        string     `json:"args,omitempty"` // the program's arguments as JSON
	Fingerprint string     `json:"fingerprint"`    // of the graph it was made from
	Stages      []Stage    `json:"stages"`
	Exchanges   []Exchange `json:"exchanges,omitempty"`
	Sinks       []Sink     `json:"sinks,omitempty"`
	Counters    []string   `json:"counters,omitempty"` // names of what user code counts
	// BadLimit lets the job leave out bad rows; nil for none.
	BadLimit *BadLimit `json:"bad_limit,omitempty"`
}

// Stage is one input and everything downstream of it until the next exchanges
// and sinks. A dataset that is used twice is computed once: its stage then has
// several outputs. Exactly one of Source and Exchange is set.
type Stage struct {
	ID        StageID      `json:"id"`
	Name      string       `json:"name"` // its operators, for people: "text.Read → FlatMap → Count"
	Source    *Source      `json:"source,omitempty"`
	Exchange  *ExchangeID  `json:"exchange,omitempty"`   // the exchange it reads
	Exchanges []ExchangeID `json:"exchanges,omitempty"`  // the exchanges it writes
	Sinks     []SinkID     `json:"sinks,omitempty"`      // the sinks it writes
	Promise   Promise      `json:"promise,omitempty"`    // of its user
	PromiseAt string       `json:"promise_at,omitempty"` // the operator promised of: "Map at job.go:42"
}

// Promise is what a user says of rows that are made a second time, after a map
// output was lost.
type Promise string

const (
	// NoPromise leaves it to a comparison.
	NoPromise Promise = ""
	// Deterministic says that they are the same; others fail the job.
	Deterministic Promise = "deterministic"
	// Indeterminate says that they may be others: what was made of the first ones
	// is made again without a comparison.
	Indeterminate Promise = "indeterminate"
)

// Source describes where a stage's rows come from, for people.
type Source struct {
	Name string `json:"name"`
	// Drives says that reading it runs other jobs and waits for them: its
	// attempts take no slot, which those jobs need.
	Drives bool `json:"drives,omitempty"`
}

// ExchangeKind says how rows change place.
type ExchangeKind string

const (
	// Hash sends a row to the bucket that its key's hash selects.
	Hash ExchangeKind = "hash"
	// Range keeps rows sorted by key; partitions are key ranges.
	Range ExchangeKind = "range"
	// Gather brings all rows to one task.
	Gather ExchangeKind = "gather"
)

// Exchange is an edge where rows change place. Producers are in StageID order,
// which is also the order in which a reader takes their outputs.
type Exchange struct {
	ID        ExchangeID   `json:"id"`
	Name      string       `json:"name"`
	Kind      ExchangeKind `json:"kind"`
	Buckets   int          `json:"buckets"` // fine hash buckets; 1 for range and gather
	Producers []StageID    `json:"producers"`
	Consumer  StageID      `json:"consumer"`
	// Side lets one side of a join be broadcast; nil where it cannot be.
	Side *Side  `json:"side,omitempty"`
	Cut  Cut    `json:"cut,omitzero"`
	At   string `json:"at,omitempty"` // where it stands in the program: "jobs/job.go:42"
}

// Side is the producers of a join's exchange that give one side of it. Its other
// producers wait until these are complete. If the side is small then, each of
// their tasks reads all of it and does what the consumer and its ends would: the
// consumer has no tasks. Else they write the exchange as always.
type Side struct {
	Producers []StageID `json:"producers"`
	// LimitBytes is the most that a side may take in memory to be small. Pinned says
	// that it is broadcast whatever its size.
	LimitBytes int64 `json:"limit_bytes,omitempty"`
	Pinned     bool  `json:"pinned,omitempty"`
	// RowBytes is what a row takes in memory beside its raw bytes.
	RowBytes int64 `json:"row_bytes,omitempty"`
	// At is where the join stands in the program: "job.go:42".
	At string `json:"at,omitempty"`
}

// MemoryBytes is about what rows of a side take in memory.
func (s *Side) MemoryBytes(rows, rawBytes int64) int64 { return rawBytes + rows*s.RowBytes }

// Sorts reports whether those who write the exchange sort their rows. Rows that keep
// their order need no sorting.
func (x *Exchange) Sorts() bool { return x.Kind == Range && !x.Cut.Sequence }

// Sink is a destination of the job: a directory to publish, or rows that the
// driver wants back (Destination is empty then).
type Sink struct {
	ID          SinkID `json:"id"`
	Name        string `json:"name"`
	Destination string `json:"destination,omitempty"`
	Suffix      string `json:"suffix,omitempty"` // of its files: ".txt.gz"
}

// Split is a byte range of one input file that one task reads, or an opaque
// piece of another kind of source. Enumeration gives whole files; the
// scheduler cuts what is Cuttable and packs what is small.
type Split struct {
	Path   string `json:"path,omitempty"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"` // bytes, or rows where Path is empty
	// Size, ModNanos and Inode pin the file's version; a reader that finds others fails.
	Size     int64  `json:"size,omitempty"`
	ModNanos int64  `json:"mod_nanos,omitempty"`
	Inode    uint64 `json:"inode,omitempty"`
	// Cuttable says that any byte range of [Offset, Offset+Length) may be read alone.
	Cuttable bool `json:"cuttable,omitempty"`
	// Align, when above 1, is the multiple at which cuts must lie (fixed-length rows).
	Align int64 `json:"align,omitempty"`
}

// Join is a join that could run in two forms, and in which it does.
type Join struct {
	Name      string `json:"name"`      // the verb, with its place in the program
	Broadcast bool   `json:"broadcast"` // else both sides are sorted
	Pinned    bool   `json:"pinned,omitempty"`
	Rows      int64  `json:"rows"`  // of the side that was measured
	Bytes     int64  `json:"bytes"` // that it takes in memory, at about
}

package plan

import "time"

// JobSpec is what an executor and its worker need to run attempts of a job: the
// program, its arguments and its settings.
type JobSpec struct {
	Job            JobID   `json:"job"`
	Name           string  `json:"name"`            // of the job inside its program
	ArtifactSHA256 string  `json:"artifact_sha256"` // of the program, in hexadecimal
	ArtifactBytes  int64   `json:"artifact_bytes"`
	Args           string  `json:"args,omitempty"` // the job's arguments as JSON
	Fingerprint    string  `json:"fingerprint"`    // of the graph that the plan was made from
	Overwrite      bool    `json:"overwrite,omitempty"`
	Options        Options `json:"options"`
	// WorkingDirectory is where the job was submitted, as an absolute path:
	// relative paths begin there. A worker works in that directory where its
	// machine has it, and refuses relative destinations where it does not. It may
	// be empty.
	WorkingDirectory string `json:"working_directory,omitempty"`
	// Graph is a line for each operator of the graph that the plan was made from,
	// so that a worker whose graph differs can name the first difference. It may
	// be empty.
	Graph []string `json:"graph,omitempty"`
	// SubmittedUnixNanos is when the job was submitted, by the clock of the
	// coordinator that took it; 0 where nobody says.
	SubmittedUnixNanos int64 `json:"submitted_unix_nanos,omitempty"`
}

// Time is when the job was submitted, zero where nobody says.
func (s *JobSpec) Time() time.Time {
	if s.SubmittedUnixNanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, s.SubmittedUnixNanos).UTC()
}

// Options are settings of the engine that a user may choose for a job. The zero
// value of each means its default.
type Options struct {
	TaskMemoryBytes int64  `json:"task_memory_bytes,omitempty"` // budget of one attempt
	Codec           string `json:"codec,omitempty"`             // of map outputs, by name
	BatchRows       int    `json:"batch_rows,omitempty"`        // most rows of a batch
	BatchBytes      int64  `json:"batch_bytes,omitempty"`       // most bytes of a batch
	ChunkRows       int    `json:"chunk_rows,omitempty"`        // most rows that operators pass on at once
	MaxRowBytes     int64  `json:"max_row_bytes,omitempty"`     // a longer row is an error
	// VerifyPerMillion is how many of a million tasks do their work twice, to see
	// whether it gives the same rows.
	VerifyPerMillion int `json:"verify_per_million,omitempty"`
	// SessionDirectory is where a driver keeps datasets between its jobs, as an
	// absolute path that all executors reach; empty where it keeps none.
	SessionDirectory string `json:"session_directory,omitempty"`
}

package plan

// Work says what an attempt does.
type Work string

const (
	// Enumerate lists the splits of a source.
	Enumerate Work = "enumerate"
	// Run applies a stage to its splits or its partition.
	Run Work = "run"
	// Publish makes the staged files of the winners visible at the destinations.
	Publish Work = "publish"
	// Discard deletes everything that the job has staged.
	Discard Work = "discard"
)

// Assignment is all that a task runtime needs to run one attempt, beside the
// user's program itself.
type Assignment struct {
	Attempt AttemptID `json:"attempt"`
	Work    Work      `json:"work"`
	// Splits are what a Run of a source stage reads, in order.
	Splits []Split `json:"splits,omitempty"`
	// Suspect are rows with which the process of an attempt before may have ended:
	// they go through the stage one by one, while no other attempt runs there.
	Suspect *RowRange `json:"suspect,omitempty"`
	// Deadly are rows that are left out without a try, in order of split and row.
	Deadly []DeadlyRow `json:"deadly,omitempty"`
	// Partition is what a Run of an exchange's consumer reads.
	Partition *Partition `json:"partition,omitempty"`
	// Sides are exchanges that a Run reads whole, and joins with its rows as they
	// pass: see Exchange.Side.
	Sides []Partition `json:"sides,omitempty"`
	// Files are the winners that Publish makes visible, per sink in task order.
	Files []StagedFile `json:"files,omitempty"`
}

// Partition is one piece of an exchange: a range of hash buckets or of keys,
// in every map output.
type Partition struct {
	Exchange ExchangeID `json:"exchange"`
	Index    int        `json:"index"`
	// FirstBucket and EndBucket bound the hash buckets: [FirstBucket, EndBucket).
	FirstBucket int `json:"first_bucket,omitempty"`
	EndBucket   int `json:"end_bucket,omitempty"`
	// FromKey and ToKey bound the normalised keys of a range exchange:
	// [FromKey, ToKey); an empty FromKey is the least key, a nil ToKey is no bound.
	FromKey []byte `json:"from_key,omitempty"`
	ToKey   []byte `json:"to_key,omitempty"`
	// Outputs are the map outputs in the order in which equal keys are merged.
	Outputs []MapOutput `json:"outputs"`
}

// MapOutput is a published map output: where it is and what it holds.
type MapOutput struct {
	ID       OutputID   `json:"id"`
	Executor ExecutorID `json:"executor,omitempty"`
	// Digest is the xxh3-128 of the output's index, in hexadecimal.
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"` // stored
	Rows   int64  `json:"rows"`
	// RawBytes is what Bytes are without compression.
	RawBytes int64 `json:"raw_bytes,omitempty"`
	// RowDigest is a digest of keys and rows, whatever their order and the blocks
	// they stand in, in hexadecimal: the sum and the exclusive or of their 64-bit
	// hashes. An attempt reports it; readers do without.
	RowDigest string `json:"row_digest,omitempty"`
	// Partial says that what the rows are depends on how much memory there was:
	// results of keys were handed over before all of the input was combined.
	Partial bool `json:"partial,omitempty"`
	// BucketBytes holds the stored bytes of each hash bucket.
	BucketBytes []int64 `json:"bucket_bytes,omitempty"`
	// Samples are keys at about equal steps of stored bytes, in key order, for range exchanges.
	Samples []KeySample `json:"samples,omitempty"`
	// Keys are the heaviest keys of a range exchange that brings rows together or in
	// order, the heaviest first; another key has at most MissedBytes.
	Keys        []KeyWeight `json:"keys,omitempty"`
	MissedBytes int64       `json:"missed_bytes,omitempty"`
}

// KeySample says that about Bytes stored bytes lie between the sample before
// (or the beginning) and Key, exclusive.
type KeySample struct {
	Key   []byte `json:"key"`
	Bytes int64  `json:"bytes"`
}

// StagedFile is one output file that an attempt staged.
type StagedFile struct {
	Sink    SinkID    `json:"sink"`
	Attempt AttemptID `json:"attempt"`
	Name    string    `json:"name"` // inside the staging directory of the destination
	Bytes   int64     `json:"bytes"`
	Rows    int64     `json:"rows"`
	XXH3    string    `json:"xxh3"` // xxh3-128 of the bytes, in hexadecimal
	// Quarantine says that it holds rows that were left out, and not output.
	Quarantine bool `json:"quarantine,omitempty"`
}

// Result is what a finished attempt reports.
type Result struct {
	// Splits is what Enumerate found: whole files, in input order.
	Splits []Split `json:"splits,omitempty"`
	// Outputs are the map outputs that a Run published, per exchange written.
	Outputs []MapOutput `json:"outputs,omitempty"`
	// Files are the files that a Run staged.
	Files []StagedFile `json:"files,omitempty"`
	// Rows are the encoded rows that a Run collected for the driver, per sink.
	Rows []CollectedRows `json:"rows,omitempty"`
	// BadRows are the first of the rows that a Run left out, MaxBadReports at most.
	BadRows []BadRow `json:"bad_rows,omitempty"`
	// Figures say what the attempt did.
	Figures Figures `json:"figures"`
}

// CollectedRows are rows on their way to the driver, as encoded blocks.
type CollectedRows struct {
	Sink   SinkID   `json:"sink"`
	Blocks [][]byte `json:"blocks"`
}

// Figures are the sums that progress and reports show. They commit with the
// winning attempt only.
type Figures struct {
	RowsIn       int64 `json:"rows_in"`       // rows read from the source or the exchange
	BytesIn      int64 `json:"bytes_in"`      // bytes read from the source or the exchange
	RowsOut      int64 `json:"rows_out"`      // rows written to exchanges and sinks
	BytesOut     int64 `json:"bytes_out"`     // bytes written to sinks
	ShuffleBytes int64 `json:"shuffle_bytes"` // bytes published in map outputs
	SpilledBytes int64 `json:"spilled_bytes"` // bytes written because a budget was used up

	SourceRows  int64 `json:"source_rows"`  // of RowsIn, those that came from a source
	SourceBytes int64 `json:"source_bytes"` // of BytesIn, those that came from a source
	SinkRows    int64 `json:"sink_rows"`    // rows written to files

	BadRows int64 `json:"bad_rows,omitempty"` // of SourceRows, those that were left out

	// Counters are what user code counted, in the order of Plan.Counters; none
	// when nothing was counted. Never changed in place.
	Counters []int64 `json:"counters,omitempty"`
}

// Add adds g to f; both must be of one job.
func (f *Figures) Add(g Figures) {
	f.RowsIn += g.RowsIn
	f.BytesIn += g.BytesIn
	f.RowsOut += g.RowsOut
	f.BytesOut += g.BytesOut
	f.ShuffleBytes += g.ShuffleBytes
	f.SpilledBytes += g.SpilledBytes
	f.SourceRows += g.SourceRows
	f.SourceBytes += g.SourceBytes
	f.SinkRows += g.SinkRows
	f.BadRows += g.BadRows
	f.Counters = addCounters(f.Counters, g.Counters)
}

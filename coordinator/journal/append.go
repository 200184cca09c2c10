package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	// maxWaiting bounds the calls of Append whose records wait for the disk.
	maxWaiting = 1 << 10
	// batchBytes is about how much goes into one entry: a write to disk costs
	// its sync, which many records share.
	batchBytes = 1 << 20
)

// ErrNotLeading says that another coordinator leads, or none.
var ErrNotLeading = errors.New("this coordinator does not lead")

// request is one call of Append.
type request struct {
	records [][]byte
	bytes   int
	done    chan response // holds one
}

type response struct {
	results []any
	err     error
}

// Append appends records, together and in order, and returns what Machine.Apply
// said to each once they are durable and applied. Only the leader appends:
// others get ErrNotLeading. After any other error, and when ctx ends first, the
// records may still come to be in the journal.
func (j *Journal) Append(ctx context.Context, records ...[]byte) ([]any, error) {
	r := &request{records: records, done: make(chan response, 1)}
	for i, rec := range records {
		if len(rec) > MaxRecordBytes {
			return nil, fault.New(fault.Internal, "append record %d: %d bytes are more than the journal takes (%d)", i, len(rec), MaxRecordBytes)
		}
		r.bytes += len(rec)
	}
	select {
	case j.requests <- r:
	case <-j.stop:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case got := <-r.done:
		return got.results, got.err
	case <-j.refused:
		// It may have come behind the last that was refused.
		select {
		case got := <-r.done:
			return got.results, got.err
		default:
			return nil, errClosed
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var errClosed = errors.New("the journal is closed")

// commit writes what waits, as much as there is at once, until the journal
// closes.
func (j *Journal) commit() {
	defer close(j.refused)
	for {
		select {
		case first := <-j.requests:
			j.write(j.gather(first))
		case <-j.stop:
			j.refuse()
			return
		}
	}
}

// gather takes what waits behind the first, up to a batch.
func (j *Journal) gather(first *request) []*request {
	batch, size := []*request{first}, first.bytes
	for size < batchBytes {
		select {
		case r := <-j.requests:
			batch, size = append(batch, r), size+r.bytes
		default:
			return batch
		}
	}
	return batch
}

// write makes one entry of a batch and answers each of its calls.
func (j *Journal) write(batch []*request) {
	var records [][]byte
	for _, r := range batch {
		records = append(records, r.records...)
	}
	results, err := j.apply(records)
	for _, r := range batch {
		if err != nil {
			r.done <- response{err: err}
			continue
		}
		r.done <- response{results: results[:len(r.records):len(r.records)]}
		results = results[len(r.records):]
	}
}

func (j *Journal) apply(records [][]byte) ([]any, error) {
	future := j.raft.Apply(appendEntry(nil, records), 0)
	if err := future.Error(); err != nil {
		return nil, translate(err)
	}
	switch got := future.Response().(type) {
	case []any:
		return got, nil
	case error:
		return nil, got
	}
	return nil, fault.New(fault.Internal, "the journal's machine gave %T", future.Response())
}

// translate gives raft's errors that callers act on their own names.
func translate(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return fmt.Errorf("%w: %w", ErrNotLeading, err)
	case errors.Is(err, raft.ErrRaftShutdown):
		return errClosed
	}
	return fault.Wrap(fault.Resource, fmt.Errorf("append to the journal: %w", err))
}

// refuse answers what nobody will write any more.
func (j *Journal) refuse() {
	for {
		select {
		case r := <-j.requests:
			r.done <- response{err: errClosed}
		default:
			return
		}
	}
}

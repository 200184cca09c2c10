package journal

import (
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"github.com/sheafdata/sheaf/internal/failpoint"
)

// machine is a Machine as raft drives it.
type machine struct{ m Machine }

// Apply implements raft.FSM. An entry that cannot be read was checked by Open
// and came whole over the network, so it is none of this version: going on
// without it would make another state than the other coordinators have.
func (f *machine) Apply(l *raft.Log) any {
	records, err := parseEntry(l.Data)
	if err != nil {
		panic(fmt.Sprintf("journal entry %d: %v", l.Index, err))
	}
	if err := failpoint.Hit(failpoint.JournalApply); err != nil {
		return err
	}
	results := make([]any, len(records))
	for i, r := range records {
		results[i] = f.m.Apply(l.Term, r)
	}
	if err := failpoint.Hit(failpoint.JournalApplied); err != nil {
		return err
	}
	return results
}

// Snapshot implements raft.FSM.
func (f *machine) Snapshot() (raft.FSMSnapshot, error) {
	write, err := f.m.Snapshot()
	if err != nil {
		return nil, err
	}
	return snapshot{write}, nil
}

// Restore implements raft.FSM.
func (f *machine) Restore(r io.ReadCloser) error {
	defer r.Close()
	return f.m.Restore(r)
}

type snapshot struct{ write func(io.Writer) error }

// Persist implements raft.FSMSnapshot.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	err := failpoint.Hit(failpoint.SnapshotWrite)
	if err == nil {
		err = s.write(sink)
	}
	if err == nil {
		err = failpoint.Hit(failpoint.SnapshotWritten)
	}
	if err != nil {
		sink.Cancel()
		return err
	}
	if err := sink.Close(); err != nil {
		return err
	}
	return failpoint.Hit(failpoint.SnapshotNamed)
}

// Release implements raft.FSMSnapshot.
func (s snapshot) Release() {}

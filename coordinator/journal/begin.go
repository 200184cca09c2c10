package journal

import (
	"github.com/hashicorp/raft"
)

// begin makes the first entry of a new journal, which names the coordinators.
//
// Raft notes its term before that entry and takes the term for a sign that there
// is a journal: a crash between the two would leave one that nobody ever leads.
// What counts is the entry. It is there before raft runs for the first time, so
// without it and without a snapshot this coordinator has voted for nobody.
func (j *Journal) begin(c *raft.Config, snapshots raft.SnapshotStore, servers []raft.Server) error {
	known, err := raft.HasExistingState(j.store, fresh{j.store}, snapshots)
	if err != nil || known {
		return err
	}
	return raft.BootstrapCluster(c, j.store, fresh{j.store}, snapshots, j.transport, raft.Configuration{Servers: servers})
}

// fresh is a store whose numbers were never set.
type fresh struct{ raft.StableStore }

// GetUint64 implements raft.StableStore.
func (fresh) GetUint64([]byte) (uint64, error) { return 0, nil }

package journal

import (
	"errors"
	"path/filepath"

	"github.com/hashicorp/raft"

	"github.com/sheafdata/sheaf/internal/storage"
)

// snapshots are raft's, whose files have durable names: raft syncs the files and
// the name of their directory, but nothing syncs that directory, and once there is
// a snapshot the log before it goes.
type snapshots struct {
	*raft.FileSnapshotStore
	dir string
}

const (
	keptSnapshots   = 2
	snapshotsFolder = "snapshots"
	// unfinishedSuffix is behind the name of a snapshot that is being written.
	unfinishedSuffix = ".tmp"
)

func openSnapshots(dir string, logger *logger) (*snapshots, error) {
	store, err := raft.NewFileSnapshotStoreWithLogger(dir, keptSnapshots, logger)
	return &snapshots{store, filepath.Join(dir, snapshotsFolder)}, err
}

// Create implements raft.SnapshotStore. The files of a snapshot are made here and
// keep their names.
func (s *snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, t raft.Transport) (raft.SnapshotSink, error) {
	sink, err := s.FileSnapshotStore.Create(version, index, term, configuration, configurationIndex, t)
	if err != nil {
		return nil, err
	}
	if err := storage.SyncDir(filepath.Join(s.dir, sink.ID()+unfinishedSuffix)); err != nil {
		return nil, errors.Join(err, sink.Cancel())
	}
	return sink, nil
}

// Package journal is the coordinator's durable log: what was appended is there
// after any crash, in order, and is applied to a Machine on every coordinator of
// the cluster. It is hashicorp/raft over hashicorp/raft-wal, as a cluster of one
// unless peers are named; three are the other number that makes sense. The raft
// term is the coordinator's term. The package owns raft's goroutines and two of
// its own from Open to Close. docs/format/journal.md describes the bytes.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/hashicorp/raft-wal/segment"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
	"github.com/sheafdata/sheaf/internal/storage"
)

// Machine is the state that the journal keeps. Its methods are called by one
// goroutine at a time, never two at once.
type Machine interface {
	// Apply applies one record, in the order of the journal, and returns what
	// Append gives back. It must depend on nothing but the records so far. The
	// record must not be changed.
	Apply(term uint64, record []byte) any
	// Snapshot returns what writes the state as it is now; that runs while
	// further records are applied.
	Snapshot() (func(io.Writer) error, error)
	// Restore replaces the state by one that a snapshot wrote.
	Restore(io.Reader) error
}

// Config says where a journal is and who shares it.
type Config struct {
	Dir     string // made if it is not there; belongs to one process at a time
	Machine Machine
	Log     *slog.Logger
	// Peers are all coordinators, this one included; empty for a cluster of one.
	Peers *Peers
	// SnapshotRecords is after about how many entries a snapshot is taken; 0 for
	// the default.
	SnapshotRecords uint64
}

// defaultSnapshotRecords bounds a replay to about a second.
const defaultSnapshotRecords = 1 << 15

// Journal is an open journal. Its methods are safe for concurrent use.
type Journal struct {
	raft      *raft.Raft
	transport raft.Transport
	wal       *wal.WAL
	meta      *metadb.BoltMetaDB
	mark      *mark
	store     *watchedStore
	lock      *os.File
	log       *slog.Logger
	requests  chan *request
	stop      chan struct{}
	refused   chan struct{} // closed when requests are not answered any more
	done      sync.WaitGroup
	closeOnce sync.Once
	closed    error
}

// Open opens the journal of a directory, or begins one, and starts to take part
// in its cluster. An entry that is damaged, where no torn write can explain it,
// is an error of kind fault.Corrupt that names it.
func Open(ctx context.Context, cfg Config) (_ *Journal, err error) {
	j := &Journal{log: cfg.Log, requests: make(chan *request, maxWaiting), stop: make(chan struct{}), refused: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open journal %s: %w", cfg.Dir, err), j.release())
			if cfg.Peers != nil && j.transport == nil {
				err = errors.Join(err, cfg.Peers.Listener.Close())
			}
		}
	}()
	if err := cfg.Peers.check(); err != nil {
		return nil, err
	}
	if err := storage.MkdirAll(filepath.Join(cfg.Dir, walFolder), 0o700); err != nil {
		return nil, err
	}
	if j.lock, err = lockDir(cfg.Dir); err != nil {
		return nil, err
	}
	logger := newLogger(cfg.Log, cfg.Peers == nil)
	j.meta = &metadb.BoltMetaDB{} // ours to close: the log does so only once it is open
	folder := filepath.Join(cfg.Dir, walFolder)
	segments := segment.NewFiler(folder, files(fs.New()))
	if j.mark, err = openMark(cfg.Dir); err != nil {
		return nil, err
	}
	if err := mendTail(folder, j.meta, segments, j.mark.get()); err != nil {
		return nil, fault.Wrap(fault.Corrupt, err)
	}
	if j.wal, err = wal.Open(folder, wal.WithLogger(logger), wal.WithSegmentSize(segmentBytes), wal.WithSegmentFiler(segments), wal.WithMetaStore(j.meta)); err != nil {
		return nil, fault.Wrap(fault.Corrupt, err)
	}
	if err := verify(ctx, j.wal, j.mark); err != nil {
		return nil, err
	}
	j.store = &watchedStore{WAL: j.wal, mark: j.mark, failed: make(chan error, 1)}
	if err := j.join(cfg, logger); err != nil {
		return nil, err
	}
	j.done.Go(j.commit)
	return j, nil
}

const walFolder = "log"

// segmentBytes is how large a file of the log becomes. Tests have smaller ones.
var segmentBytes = 16 << 20

// join starts raft.
func (j *Journal) join(cfg Config, logger *logger) error {
	snapshots, err := openSnapshots(cfg.Dir, logger)
	if err != nil {
		return err
	}
	// The folders and the mark are there now; what is put into them is of no use
	// without their names.
	if err := storage.SyncDir(cfg.Dir); err != nil {
		return err
	}
	c := raft.DefaultConfig()
	c.Logger, c.NoLegacyTelemetry = logger, true
	c.LocalID = cfg.Peers.id()
	c.MaxAppendEntries = 16 // each holds many records
	c.SnapshotThreshold = cfg.SnapshotRecords
	if c.SnapshotThreshold == 0 {
		c.SnapshotThreshold = defaultSnapshotRecords
	}
	c.TrailingLogs = c.SnapshotThreshold / 4
	c.SnapshotInterval = snapshotInterval
	if failpoint.Enabled { // so that a short job meets snapshots
		c.SnapshotThreshold, c.TrailingLogs, c.SnapshotInterval = 8, 2, 50*time.Millisecond
	}
	if cfg.Peers == nil {
		// Nobody else votes, so there is nobody to wait for.
		c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = alone, alone, alone
	}
	j.transport = cfg.Peers.transport(logger)
	if err := j.begin(c, snapshots, cfg.Peers.servers()); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if j.raft, err = newRaft(c, &machine{cfg.Machine}, j.store, snapshots, j.transport); err != nil {
		return err
	}
	known := j.raft.GetConfiguration()
	if err := known.Error(); err != nil {
		return err
	}
	return cfg.Peers.checkMembers(known.Configuration())
}

// newRaft starts raft, which panics when entries are missing that it needs.
func newRaft(c *raft.Config, m raft.FSM, store *watchedStore, snapshots raft.SnapshotStore, t raft.Transport) (r *raft.Raft, err error) {
	defer func() {
		p := recover()
		if missing, ok := p.(error); ok && errors.Is(missing, raft.ErrLogNotFound) {
			err = fault.New(fault.Corrupt, "the log does not go on from the newest snapshot that can be read (%w): %s", missing, whatToDo)
		} else if p != nil {
			panic(p)
		}
	}()
	return raft.NewRaft(c, m, store, store, snapshots, t)
}

const (
	snapshotInterval = 30 * time.Second
	// alone is how long a cluster of one waits for others before it leads.
	alone = 20 * time.Millisecond
)

// Failed gives an error once the journal could not be written: what is on disk
// is unknown from then on, so the process must end and read it again.
func (j *Journal) Failed() <-chan error { return j.store.failed }

// Close ends this coordinator's part. What Append has acknowledged stays.
func (j *Journal) Close() error {
	j.closeOnce.Do(func() {
		close(j.stop)
		j.done.Wait()
		j.closed = j.release()
	})
	return j.closed
}

// release gives back what is open, in the reverse order of opening.
func (j *Journal) release() error {
	var errs []error
	if j.raft != nil {
		errs = append(errs, j.raft.Shutdown().Error())
	}
	if c, ok := j.transport.(io.Closer); ok {
		errs = append(errs, c.Close())
	}
	if j.wal != nil {
		errs = append(errs, j.wal.Close())
	}
	if j.meta != nil {
		errs = append(errs, j.meta.Close())
	}
	if j.mark != nil {
		errs = append(errs, j.mark.file.Close())
	}
	if j.lock != nil {
		errs = append(errs, filelock.Close(j.lock))
	}
	return errors.Join(errs...)
}

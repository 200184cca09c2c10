// Package coordinator is the daemon that decides: it takes jobs from clients,
// keeps every event in its journal before it acts on it, drives the scheduler,
// and tells executors what to run. It never runs user code and never touches a
// row. A coordinator that starts again replays its journal and goes on where the
// one before it was.
//
// Start begins a coordinator; it owns its goroutines (the loop, the server and
// two for each stream) until Close has returned. One goroutine, the loop, owns
// all state; handlers of calls give it what came in and wait for its answers.
package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/coordinator/journal"
	"github.com/sheafdata/sheaf/coordinator/peer"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/gossip"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Coordinator is a running coordinator. Its methods are safe for concurrent use.
type Coordinator struct {
	cfg       Config
	log       *slog.Logger
	clusterID string
	address   string
	directory *directory
	programs  *artifact.Store
	peers     *peer.Port // nil when it is alone
	journal   *journal.Journal
	machine   *machine
	data      *http.Client
	listener  net.Listener
	server    *http.Server
	gossip    *gossip.Gossip // nil when it does not
	watchers  chan struct{}  // a token each
	obtaining chan struct{}  // holds a token while a program comes from a peer

	leads atomic.Pointer[loop] // nil while another coordinator leads, or none

	ctx    context.Context // ends with the coordinator: for what calls have under way
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	done   chan struct{}

	mu  sync.Mutex // guards err
	err error

	closing sync.Once
	closed  error
}

// Start begins a coordinator and returns once it answers calls; one that has no
// peers leads by then. ctx bounds the start alone. The directory of a running
// coordinator is refused.
func Start(ctx context.Context, cfg Config) (_ *Coordinator, err error) {
	cfg = cfg.withDefaults()
	c := &Coordinator{
		cfg: cfg, log: cfg.Log, listener: cfg.Listener, done: make(chan struct{}),
		machine: newMachine(cfg.Schedule), data: dataClient(cfg.DataTLS), watchers: make(chan struct{}, cfg.Limits.Watchers), obtaining: make(chan struct{}, 1),
	}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			c.cancel()
			c.tasks.Wait()
			err = errors.Join(fmt.Errorf("start the coordinator in %s: %w", cfg.Dir, err), c.release())
		}
	}()
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	if err := c.startGossip(ctx); err != nil {
		return nil, err
	}
	first := make(chan struct{})
	c.tasks.Go(func() { c.lead(first) })
	if c.peers == nil {
		select {
		case <-first:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := c.Err(); err != nil {
			return nil, err
		}
	}
	c.tasks.Go(c.serve)
	c.tasks.Go(c.followGossip)
	c.tasks.Go(c.followPrograms)
	go func() {
		c.tasks.Wait()
		close(c.done)
	}()
	c.log.Info("coordinator started", "address", c.address, "cluster", c.clusterID)
	return c, nil
}

// open opens what the data directory holds, and the ports.
func (c *Coordinator) open(ctx context.Context) (err error) {
	if c.directory, err = openDirectory(c.cfg.Dir, c.cfg.ClusterID, len(c.cfg.Peers) == 0); err != nil {
		return err
	}
	c.clusterID = c.directory.clusterID
	if err := failpoint.Hit(failpoint.CoordinatorOpened); err != nil {
		return err
	}
	limits := artifact.Limits{ProgramBytes: c.cfg.Limits.ArtifactBytes, TotalBytes: c.cfg.Limits.StoreBytes}
	if c.programs, err = artifact.Open(filepath.Join(c.cfg.Dir, "artifacts"), limits); err != nil {
		return err
	}
	// Before the journal: the others are told the address.
	if err := c.listen(); err != nil {
		return err
	}
	shared, err := c.openPeers()
	if err != nil {
		return err
	}
	c.journal, err = journal.Open(ctx, journal.Config{Dir: filepath.Join(c.cfg.Dir, "journal"), Machine: c.machine, Log: c.log, Peers: shared})
	return err
}

// lead leads whenever this coordinator is chosen to. first is closed when it
// leads for the first time, or never will.
func (c *Coordinator) lead(first chan struct{}) {
	defer c.cancel()
	once := sync.OnceFunc(func() { close(first) })
	defer once()
	for c.ctx.Err() == nil {
		term, err := c.journal.Lead(c.ctx)
		if err == nil {
			err = c.broken()
		}
		if err != nil {
			c.fail(err)
			return
		}
		l := newLoop(c, term)
		c.leads.Store(l)
		c.log.Info("leading", "term", term)
		once()
		lost := make(chan struct{})
		ctx, cancel := context.WithCancel(c.ctx)
		watch := make(chan struct{})
		go func() {
			defer close(watch)
			c.journal.Lost(ctx, term)
			close(lost)
		}()
		err = l.run(c.ctx, lost)
		cancel()
		<-watch
		c.leads.Store(nil)
		if err != nil {
			c.fail(err)
			return
		}
		c.log.Info("leading no more", "term", term)
	}
}

// broken returns why the state is of no use.
func (c *Coordinator) broken() error {
	c.machine.mu.Lock()
	defer c.machine.mu.Unlock()
	return c.machine.err
}

// fail notes why the coordinator ends by itself.
func (c *Coordinator) fail(err error) {
	if c.ctx.Err() != nil {
		return // it was told to
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		c.log.Error("the coordinator ends", "err", err)
	}
}

// suspect follows a hint that an executor is dead: it is asked at once, and
// nothing else happens.
func (c *Coordinator) suspect(e plan.ExecutorID) {
	if l := c.leads.Load(); l != nil {
		// A hint that does not get through is not needed any more.
		_ = l.give(c.ctx, func(l *loop) { l.hint(e) })
	}
}

// Address returns where the coordinator answers, as host:port, as others are told.
func (c *Coordinator) Address() string { return c.address }

// ClusterID returns the cluster's id, 32 hexadecimal digits: the label of its
// gossip.
func (c *Coordinator) ClusterID() string { return c.clusterID }

// Done is closed when the coordinator has ended, by Close or because it could
// not go on; Err says why. Close must be called all the same.
func (c *Coordinator) Done() <-chan struct{} { return c.done }

// Err returns why the coordinator ended by itself, nil while it runs and after
// Close.
func (c *Coordinator) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the coordinator: streams end, jobs stay as they are in the journal.
// It returns when nothing of the coordinator runs any more.
func (c *Coordinator) Close() error {
	c.closing.Do(func() {
		if c.peers != nil {
			if err := c.journal.Resign(); err != nil {
				c.log.Warn("no other coordinator takes over at once", "err", err)
			}
		}
		c.cancel()
		<-c.done
		// The next start, perhaps of another version, replays nothing then.
		if c.Err() == nil && c.peers == nil {
			if err := c.journal.Snapshot(); err != nil {
				c.log.Warn("no snapshot was taken: the next start replays the journal", "err", err)
			}
		}
		c.closed = c.release()
	})
	return c.closed
}

// release gives back what is open.
func (c *Coordinator) release() error {
	var errs []error
	c.stopGossip()
	if c.listener != nil {
		if err := c.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if c.journal != nil {
		errs = append(errs, c.journal.Close())
	}
	if c.peers != nil {
		if err := c.peers.Close(); !errors.Is(err, net.ErrClosed) { // the journal closes it as well
			errs = append(errs, err)
		}
	} else if c.cfg.PeerListener != nil {
		errs = append(errs, c.cfg.PeerListener.Close())
	}
	if c.programs != nil {
		errs = append(errs, c.programs.Close())
	}
	if c.directory != nil {
		errs = append(errs, c.directory.Close())
	}
	c.data.CloseIdleConnections()
	return errors.Join(errs...)
}

// errNotLeading is for calls that only a leader answers.
var errNotLeading = fault.New(fault.Transient, "this coordinator does not lead")

// leader returns the term's loop, or an error.
func (c *Coordinator) leader() (*loop, error) {
	if l := c.leads.Load(); l != nil {
		return l, nil
	}
	return nil, errNotLeading
}

// shutdownGrace bounds the wait for calls that are under way.
const shutdownGrace = 5 * time.Second

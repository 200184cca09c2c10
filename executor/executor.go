// Package executor is the daemon on each machine: it finds its cluster, holds
// one stream with the coordinator that leads, runs the attempts that it is sent
// in workers, a child process for each job, keeps the map outputs that they
// publish, and serves those and what workers print at its data port. It never
// decodes a row.
//
// Start begins an executor; it owns its goroutines until Close has returned, or
// Done is closed and Close called. A session is one life in the cluster: what it
// runs and holds belongs to the goroutine of session.run, and everything else
// gives that what came in. When the coordinator ends a session, everything of it
// is dropped and the next one begins.
package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
	"github.com/sheafdata/sheaf/internal/gossip"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// Executor is a running executor. Its methods are safe for concurrent use.
type Executor struct {
	cfg      Config
	log      *slog.Logger
	name     plan.ExecutorID
	dir      string   // the first of Config.Dirs
	lock     *os.File // of dir
	store    *store.Store
	room     *room
	programs *artifact.Store
	port     *port
	relay    *relay // nil where executors speak without TLS
	dialer   *dialer

	ctx      context.Context // ends with the executor
	cancel   context.CancelFunc
	fetching sync.Mutex // held by who fetches a program

	leave chan departure // how to leave; holds one
	tasks sync.WaitGroup
	done  chan struct{}

	mu      sync.Mutex // guards what follows
	err     error
	gossip  *gossip.Gossip // nil until the cluster is known
	cluster string

	closing sync.Once
	closed  error
}

// departure says how an executor leaves.
type departure struct {
	grace  time.Duration
	reason string
}

// Start begins an executor and returns when its data port answers; it joins the
// cluster meanwhile. ctx bounds the start alone. A directory that another
// executor uses is refused.
func Start(ctx context.Context, cfg Config) (_ *Executor, err error) {
	cfg = cfg.withDefaults()
	if cfg.Slots <= 0 {
		cfg.Slots = runtime.GOMAXPROCS(0)
	}
	if cfg.MemoryBytes <= 0 {
		cfg.MemoryBytes = memory.Default()
	}
	e := &Executor{cfg: cfg, log: cfg.Log, leave: make(chan departure, 1), done: make(chan struct{})}
	e.ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			e.cancel()
			err = errors.Join(fmt.Errorf("start an executor: %w", err), e.release())
		}
	}()
	if err := e.open(); err != nil {
		return nil, err
	}
	e.tasks.Go(e.run)
	go func() {
		e.tasks.Wait()
		close(e.done)
	}()
	e.log.Info("executor started", "executor", e.name, "address", e.Address(), "slots", cfg.Slots,
		"memory", memory.FormatSize(cfg.MemoryBytes), "isolation", cfg.Isolation.String())
	return e, nil
}

// open opens what the directories hold, and the data port.
func (e *Executor) open() (err error) {
	if len(e.cfg.Dirs) == 0 || len(e.cfg.Join) == 0 {
		return fault.New(fault.Invalid, "an executor needs a directory and the address of a coordinator")
	}
	var dirs []string
	for _, d := range e.cfg.Dirs {
		path, err := filepath.Abs(d)
		if err != nil {
			return fault.Wrap(fault.Invalid, err)
		}
		if err := os.MkdirAll(path, 0o700); err != nil {
			return fault.Wrap(fault.Invalid, err)
		}
		dirs = append(dirs, path)
	}
	e.cfg.Dirs, e.dir = dirs, dirs[0]
	if e.lock, err = lockDirectory(e.dir); err != nil {
		return err
	}
	if e.name, err = ownName(e.dir, e.cfg.Name); err != nil {
		return err
	}
	if e.cluster, err = keptCluster(e.dir); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ExecutorOpened); err != nil {
		return err
	}
	if e.store, err = store.Open(store.Config{Dirs: dirs, DiskBytes: e.cfg.DiskBytes, Owner: e.name}); err != nil {
		return err
	}
	for _, damage := range e.store.Damaged() {
		e.log.Warn("a map output was damaged and is deleted", "err", damage)
	}
	if e.programs, err = artifact.Open(filepath.Join(e.dir, programsDir), e.cfg.Limits.Programs); err != nil {
		return err
	}
	if err := e.pruneLogs(e.cfg.Limits.LogJobs, nil); err != nil {
		return err
	}
	e.openRoom()
	if e.dialer, err = newDialer(e.cfg); err != nil {
		return err
	}
	if e.port, err = e.openPort(); err != nil {
		return err
	}
	e.relay, err = e.openRelay()
	return err
}

// run lives one session after the other.
func (e *Executor) run() {
	defer e.cancel()
	e.tasks.Go(e.port.serve)
	defer e.port.close()
	if e.relay != nil {
		e.tasks.Go(e.relay.serve)
		defer e.relay.close()
	}
	for e.ctx.Err() == nil {
		s := newSession(e)
		again, err := s.run(e.ctx)
		if err := s.drop(); err != nil {
			e.log.Warn("not all of a session could be deleted", "session", s.id, "err", err)
		}
		if err != nil {
			e.fail(err)
		}
		if !again {
			return
		}
	}
}

// fail notes why the executor ends by itself.
func (e *Executor) fail(err error) {
	if e.ctx.Err() != nil {
		return // it was told to
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
		e.log.Error("the executor ends", "executor", e.name, "err", err)
	}
}

// Name returns the executor's name.
func (e *Executor) Name() plan.ExecutorID { return e.name }

// Address returns where its data port answers, as host:port, as others are told.
func (e *Executor) Address() string { return e.port.advertised }

// Leave takes no more attempts, lets those under way end within a grace, waits
// until nobody needs what lies here or the grace is over, and ends the executor.
// It does not wait: Done says when that has happened.
func (e *Executor) Leave(grace time.Duration, reason string) {
	select {
	case e.leave <- departure{grace, reason}:
	default: // it leaves already
	}
}

// Done is closed when the executor has ended, by Close, because it left or
// because it could not go on; Err says why. Close must be called all the same.
func (e *Executor) Done() <-chan struct{} { return e.done }

// Err returns why the executor ended by itself: nil while it runs, after Close
// and after it left.
func (e *Executor) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// Close ends the executor at once, with its workers; their attempts run
// elsewhere. It returns when nothing of the executor runs any more.
func (e *Executor) Close() error {
	e.closing.Do(func() {
		e.cancel()
		<-e.done
		e.closed = e.release()
	})
	return e.closed
}

// gossipStop bounds the wait for others to hear that this one goes.
const gossipStop = 2 * time.Second

// release gives back what is open.
func (e *Executor) release() error {
	var errs []error
	e.mu.Lock()
	g := e.gossip
	e.mu.Unlock()
	if g != nil {
		ctx, cancel := context.WithTimeout(context.Background(), gossipStop)
		// Others find out by themselves when they do not hear of it.
		_ = g.Leave(ctx)
		cancel()
		g.Close()
	}
	if e.port != nil {
		errs = append(errs, e.port.close())
	}
	if e.relay != nil {
		errs = append(errs, e.relay.close())
	}
	if e.dialer != nil {
		e.dialer.close()
	}
	if e.programs != nil {
		errs = append(errs, e.programs.Close())
	}
	if e.store != nil {
		errs = append(errs, e.store.Close())
	}
	if e.lock != nil {
		errs = append(errs, filelock.Close(e.lock))
	}
	return errors.Join(errs...)
}

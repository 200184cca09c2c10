package executor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// startWorker starts a worker of a job. It may take long. That there is no room for
// its program, its log or its files is the machine's fault and not the job's.
func (s *session) startWorker(ctx context.Context, spec plan.JobSpec, ev *events) (*worker.Worker, error) {
	w, err := s.tryWorker(ctx, spec, ev)
	return w, ofDisk(err)
}

// ofDisk gives an error of a full disk of this executor its kind.
func ofDisk(err error) error {
	if fault.IsFull(err) {
		return &fault.Error{Kind: fault.Disk, Err: err}
	}
	return err
}

func (s *session) tryWorker(ctx context.Context, spec plan.JobSpec, ev *events) (*worker.Worker, error) {
	e := s.e
	program, release, err := e.program(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("program of job %s: %w", spec.Job.Short(), err)
	}
	defer release()
	if spec.Options.SessionDirectory == "" {
		spec.Options.SessionDirectory = e.cfg.Session
	}
	if ev.space, err = e.store.NewWorkspace(spec.Job); err != nil {
		return nil, err
	}
	dir, err := e.newWorkerDir(spec.Job)
	if err != nil {
		return nil, err
	}
	executors, ok := ask(ctx, s, s.executors)
	if !ok {
		return nil, fault.New(fault.Canceled, "the session is over")
	}
	if err := failpoint.Hit(failpoint.WorkerStart); err != nil {
		return nil, err
	}
	return worker.Start(ctx, worker.Config{
		Program: program, Job: spec, Executor: e.name, Dir: dir, Directories: ev.space.Dirs(),
		DiskLimited: e.cfg.DiskBytes > 0, MemoryBytes: e.cfg.MemoryBytes, LimitBytes: e.cfg.WorkerBytes, Slots: e.cfg.Slots, DataAddress: e.Address(), Executors: executors,
		Log: s.log, Events: ev, Environment: e.cfg.Environment, Isolation: e.cfg.Isolation, Limits: e.cfg.Worker, Logs: e.cfg.Logs,
	})
}

// program returns the path of a job's program, which is fetched unless it is
// here, and checked in any case. It stays until release is called; a process
// that runs it keeps it longer.
func (e *Executor) program(ctx context.Context, spec plan.JobSpec) (path string, release func(), err error) {
	name := spec.ArtifactSHA256
	for fetched := false; ; fetched = true {
		_, release, ok, err := e.programs.Hold(name)
		if err != nil {
			return "", nil, err
		}
		if ok {
			path = filepath.Join(e.dir, programsDir, name)
			if err = verify(path, name); err == nil {
				err = fault.Wrap(fault.Resource, os.Chmod(path, 0o500))
			}
			if err == nil {
				return path, release, nil
			}
			release()
			if fetched {
				return "", nil, err
			}
			e.log.Warn("a program changed on disk: fetching it again", "job", spec.Job, "err", err)
			if err := e.programs.Drop(name); err != nil {
				return "", nil, err
			}
		}
		if fetched {
			return "", nil, fault.New(fault.Transient, "program %s was dropped for want of room", name)
		}
		if err := e.fetch(ctx, name); err != nil {
			return "", nil, err
		}
	}
}

// verify compares a program with its name.
func verify(path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return fault.Wrap(fault.Lost, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fault.Wrap(fault.Lost, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != name {
		return fault.New(fault.Lost, "program %s has the sha256 %s on the disk of this executor", name, got)
	}
	return nil
}

// fetch gets a program from the coordinator, from where an earlier fetch broke
// off.
func (e *Executor) fetch(ctx context.Context, name string) error {
	// One at a time: two jobs may have the same program, and the link is the same.
	e.fetching.Lock()
	defer e.fetching.Unlock()
	have, complete, err := e.programs.Stat(name)
	if complete || err != nil {
		return err
	}
	c, err := e.find(ctx, "")
	if err != nil {
		return fault.New(fault.Transient, "%w", err)
	}
	defer c.Close()
	service, cut := e.dialer.service(c.Address())
	defer cut()
	stream, err := service.FetchArtifact(ctx, connect.NewRequest(&pb.FetchArtifactRequest{Sha256: name, Offset: have}))
	if err != nil {
		return explain(c.Address(), err)
	}
	defer stream.Close()
	for stream.Receive() {
		m := stream.Msg()
		_, complete, err := e.programs.Write(artifact.Chunk{Name: name, Total: m.GetTotalBytes(), Offset: m.GetOffset(), Data: m.GetData()}, nil)
		if complete || err != nil {
			return err
		}
	}
	return explain(c.Address(), stream.Err())
}

// newWorkerDir makes the directory of a job's next worker.
func (e *Executor) newWorkerDir(id plan.JobID) (string, error) {
	job := filepath.Join(e.dir, jobsDir, id.String())
	numbers, err := workersOf(job)
	if err != nil {
		return "", err
	}
	next := 0
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	for len(numbers) >= maxWorkerLogs {
		if err := os.RemoveAll(filepath.Join(job, strconv.Itoa(numbers[0]))); err != nil {
			return "", fault.Wrap(fault.Resource, err)
		}
		numbers = numbers[1:]
	}
	dir := filepath.Join(job, strconv.Itoa(next))
	return dir, fault.Wrap(fault.Resource, os.MkdirAll(dir, 0o700))
}

// maxWorkerLogs bounds the workers of a job whose logs are kept.
const maxWorkerLogs = 8

var errNoLog = errors.New("no such log")

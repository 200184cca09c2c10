package executor

import (
	"log/slog"
	"time"

	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/executor/worker/logs"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/secure"
)

// Config says how an executor runs. Join, Dirs and Log must be set; the zero
// value of every other field means its default.
type Config struct {
	// Name is the executor's name in its cluster. Without one it is that of the
	// machine with some digits, and kept in the first directory.
	Name plan.ExecutorID
	// Join are addresses of coordinators, host:port.
	Join []string
	// Dirs are directories on local disks for spill files and map outputs, made if
	// they are missing. The first one also holds programs, logs and what the
	// executor knows of its cluster.
	Dirs []string
	// Log takes what is worth telling.
	Log *slog.Logger

	// Slots is how many attempts run at once; the default is one a processor.
	Slots int
	// MemoryBytes is the budget of the attempts of a job here; the default is half
	// of what this machine, or this process's control group, has.
	MemoryBytes int64
	// DiskBytes is the most that map outputs and spill files may take; 0 means the
	// disks' bounds.
	DiskBytes int64
	// DiskReserveBytes is the low-water mark of each of the disks: when all have less
	// free, no attempts are taken. 0 means a twentieth of the disk, at most 2 GiB; a
	// negative one is no mark.
	DiskReserveBytes int64

	// Listen is the data port, host:port; the default is a free port of loopback.
	// Advertise is what others are told instead, where they reach it by another.
	Listen, Advertise string
	// Gossip is where it gossips, host:port, and GossipAdvertise what others are
	// told; the default is a free port of loopback.
	Gossip, GossipAdvertise string
	// GossipKey encrypts gossip; required off loopback.
	GossipKey secure.Secret
	// Certificates are shown to coordinators and other executors; required off
	// loopback.
	Certificates secure.Certificates
	// Token opens the door of a coordinator on loopback that asks for tokens.
	Token secure.Secret

	// Session is where drivers keep datasets whose users named no directory, as an
	// absolute path; the same on every executor, and shared by them. Empty for nowhere.
	Session string

	// BuildVersion is the version of this build.
	BuildVersion string
	// Isolation is what worker.Probe found; the zero value isolates by limits alone.
	Isolation worker.Isolation
	// Environment are further variables of workers, as NAME=value, without secrets.
	Environment []string
	// WorkerBytes bounds the memory of a worker's process; the default is
	// MemoryBytes and a quarter of it or more (see worker.Config). Programs reserve
	// far more addresses than they use when they carry the race detector.
	WorkerBytes int64
	// Worker bounds what a worker may do, and Logs what it prints.
	Worker worker.Limits
	Logs   logs.Limits
	Limits Limits
}

// Limits bound what an executor keeps. The zero value of a field means its default.
type Limits struct {
	Programs artifact.Limits // of jobs
	LogJobs  int             // ended jobs whose logs are kept
	// IdleWorker is how long the worker of a job is kept that has no attempts here.
	IdleWorker time.Duration
	// Connections to the data port at once, and from one address.
	Connections, HostConnections int
}

// Defaults of Limits.
const (
	defaultProgramBytes  = 1 << 30
	defaultProgramsBytes = 8 << 30
	// defaultLogJobs logs of 128 MiB a worker at most are some tens of gigabytes in
	// the worst case, and megabytes as a rule.
	defaultLogJobs         = 100
	defaultIdleWorker      = time.Minute
	defaultConnections     = 4096
	defaultHostConnections = 512
)

func (c Config) withDefaults() Config {
	or(&c.Listen, "127.0.0.1:0")
	or(&c.Gossip, "127.0.0.1:0")
	l := &c.Limits
	or(&l.Programs.ProgramBytes, defaultProgramBytes)
	or(&l.Programs.TotalBytes, defaultProgramsBytes)
	or(&l.LogJobs, defaultLogJobs)
	or(&l.IdleWorker, defaultIdleWorker)
	or(&l.Connections, defaultConnections)
	or(&l.HostConnections, defaultHostConnections)
	return c
}

func or[T comparable](v *T, fallback T) {
	var none T
	if *v == none {
		*v = fallback
	}
}

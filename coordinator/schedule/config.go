package schedule

import "time"

// Config tunes a Core. The zero value of a field means its default.
type Config struct {
	// MaxAttempts is the number of charged failures (fault.Kind.Charged) of one
	// task that fails its job.
	MaxAttempts int
	// MaxFaults is the number of uncharged failures of one task that fails its
	// job: a bound for faults that never heal.
	MaxFaults int
	// MaxFullDisks is the number of failures of one task for want of disk space, on as
	// many executors or on all there are, that fails its job.
	MaxFullDisks int
	// SplitBytes is the most input that one task of a source stage gets, unless
	// one piece that cannot be cut is larger.
	SplitBytes int64
	// SortSplitBytes is the same for stages whose rows go to a range exchange.
	// Inputs above sortTasks times as much get larger tasks, up to SplitBytes.
	SortSplitBytes int64
	// PartitionBytes is the most stored bytes that one task of an exchange's
	// consumer gets, unless one bucket or key is larger.
	PartitionBytes int64
	// TasksPerSlot is how many tasks a slot should get of a source stage:
	// enough that slots end at about the same time.
	TasksPerSlot int
	// CollectBytes is the most that the tasks of a job may collect for its driver
	// together: who drives the core keeps it in memory.
	CollectBytes int64
	// SideBytes is the most that a side of a join may take in memory to be broadcast,
	// whatever the plan says; 0 for no bound.
	SideBytes int64
	// BackoffBase is the longest wait after the first transient failure of a
	// task; it doubles with each further one up to BackoffMax.
	BackoffBase time.Duration
	// BackoffMax bounds the wait after a transient failure.
	BackoffMax time.Duration
	// BackupAfter is the least time for which a task must run before a second
	// attempt is started beside it, if it is far slower than others of its stage;
	// 0 for never.
	BackupAfter time.Duration
}

// Defaults of Config.
const (
	// DefaultMaxAttempts forgives three unlucky runs, as MapReduce systems do by habit.
	DefaultMaxAttempts = 4
	// DefaultMaxFaults is generous, since infrastructure is not the user's fault.
	DefaultMaxFaults = 20
	// DefaultMaxFullDisks machines without room for a task are no accident.
	DefaultMaxFullDisks = 4
	// DefaultSplitBytes keeps a task at a second or so of reading.
	DefaultSplitBytes = 64 << 20
	// DefaultSortSplitBytes is what is sorted within the outer cache of a core:
	// sorting is a random walk over its rows. A sort of 500 MB took a fifth less
	// CPU time with 16 MiB a task than with 64, and half the memory.
	DefaultSortSplitBytes = 16 << 20
	// DefaultPartitionBytes is stored bytes, several times that in memory.
	DefaultPartitionBytes = 64 << 20
	// DefaultTasksPerSlot evens out tasks of unlike speed. With more of them
	// every task combines less of its input: a count of 512 MiB of words moved
	// 64 MB with 8 and 44 MB with 4.
	DefaultTasksPerSlot = 4
	// DefaultCollectBytes is what one attempt may collect, and local mode all.
	DefaultCollectBytes = 64 << 20
	// DefaultBackoffBase outlasts a hiccup of a network or a store.
	DefaultBackoffBase = 500 * time.Millisecond
	// DefaultBackupAfter is for clusters: a task of that length is worth a slot.
	DefaultBackupAfter = 5 * time.Second
	// DefaultBackoffMax keeps a healed fault from being noticed late.
	DefaultBackoffMax = 8 * time.Second
)

const (
	// minTaskBytes is the least target of a task's input: below it, starting a
	// task costs more than its work.
	minTaskBytes = 1 << 20
	// sortTasks is how many small tasks a sort may have: beyond it the readers
	// of their outputs pay more than the cache gives.
	sortTasks = 1 << 10
	// openBytes is what opening a file costs, in bytes read meanwhile.
	openBytes = 64 << 10
	// rowBytes is what a row in memory stands for where splits count rows.
	rowBytes = 1 << 10
	// partitionsPerSlot is fewer than TasksPerSlot, since partitions are
	// measured while the cost of input is guessed, and each costs a fetch from
	// every producer.
	partitionsPerSlot = 4
	// maxTasks bounds the tasks of one stage, whatever an attempt reports.
	maxTasks = 1 << 20
	// maxBuckets bounds the buckets of an exchange.
	maxBuckets = 1 << 16
	// maxFailuresOn failures of a task on one executor keep it away from there.
	maxFailuresOn = 2
	// maxDiscards bounds the tries to remove what a failed job staged.
	maxDiscards = 3
	// pastSessions is how many ended sessions of an executor are remembered.
	pastSessions = 8
)

func (c Config) withDefaults() Config {
	orInt(&c.MaxAttempts, DefaultMaxAttempts)
	orInt(&c.MaxFaults, DefaultMaxFaults)
	orInt(&c.MaxFullDisks, DefaultMaxFullDisks)
	orInt(&c.SplitBytes, DefaultSplitBytes)
	orInt(&c.SortSplitBytes, min(DefaultSortSplitBytes, c.SplitBytes))
	orInt(&c.PartitionBytes, DefaultPartitionBytes)
	orInt(&c.TasksPerSlot, DefaultTasksPerSlot)
	orInt(&c.CollectBytes, DefaultCollectBytes)
	orInt(&c.BackoffBase, DefaultBackoffBase)
	orInt(&c.BackoffMax, DefaultBackoffMax)
	return c
}

func orInt[T ~int | ~int64](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

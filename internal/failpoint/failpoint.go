// Package failpoint names the moments at which the end of a process matters, so
// that tests can end one there and see what the others make of it. A program
// that is built with the tag failpoint does what its environment says when it
// comes to a point; without the tag Hit compiles to nothing.
//
//	SHEAF_FAILPOINT=NAME:N:kill         at the Nth hit of a point in this process, kill it
//	SHEAF_FAILPOINT=NAME:N:stop         stop it, until somebody continues it
//	SHEAF_FAILPOINT=NAME:N:error        let Hit return an error
//	SHEAF_FAILPOINT_ONCE=FILE           but only who makes this file, of all processes that are told so
//	SHEAF_FAILPOINT_TRACE=FILE          append a line to this file for each hit
//
// The package owns no goroutine. Hit may be called by several at once.
package failpoint

// Point is a moment in a process.
type Point uint8

// All points there are. A test kills a process at each of them: one that is
// added here is met by it without another line.
const (
	CoordinatorOpened Point = iota // its directory has its id, and no journal yet

	JournalWrite   // before an entry's bytes are written
	JournalSync    // they are written and not synced
	JournalSynced  // they are synced, and the mark is behind
	JournalMarked  // nothing is applied yet
	JournalApply   // before the machine applies an entry
	JournalApplied // who appended it does not know yet

	SnapshotWrite   // before a snapshot's bytes are written
	SnapshotWritten // it has no name yet
	SnapshotNamed   // what it replaces is in the log still
	LogPrune        // before entries that a snapshot holds are deleted
	LogPruned       // raft does not know yet

	SubmitTaken    // before a new job's event goes to the journal
	SubmitRecorded // it is durable, and the client has no answer
	ReportTaken    // before the end of an attempt goes to the journal
	PublishTaken   // the same of the attempt that published: the output is there and the job not done
	ActionsBegin   // events are durable, and nothing that follows from them was done
	ActionsBetween // one action was performed, and others perhaps not
	JobEnded       // before a job's end is told to those who wait

	ProgramPart  // a program's bytes are all there, under a name that does not count
	ProgramNamed // its directory is not synced

	ExecutorOpened     // its directory is locked, and the store is not open
	StoreRecover       // before a map output of an earlier life is booked
	ExecutorRegister   // before it registers
	ExecutorRegistered // it has not taken note of the answer
	CommandArrived     // before a command is obeyed
	CommandObeyed      // and not acknowledged
	WorkerStart        // the worker has its directories, and is not started
	AdoptMoved         // a map output left its workspace, and was not looked at
	AdoptNamed         // it has its final name, and nobody heard of it
	ReportSend         // before a report is sent
	ReportSent         // it is not acknowledged
	ReportAcked        // before it is forgotten
	JobRelease         // before what a job left here is deleted

	WorkerBegan        // the worker's first step
	WorkerReady        // it has built its graph, and did not say so
	StageLocked        // a staging directory has a lock, and is not made
	StageMade          // its directories are not synced
	StagedCreate       // before a staged file is made
	StagedCreated      // it is empty
	StagedWrite        // before bytes are written to it
	StagedSync         // they are written and not synced
	StagedClose        // they are synced, and the file is open
	StagedClosed       // its directory is not synced
	SpillCreated       // a spill file is made, and not booked
	SpillWrite         // before bytes are written to it
	OutputCreated      // the file of a map output is made
	OutputRename       // it is complete, under a name that does not count
	OutputRenamed      // it is published, and not booked
	AttemptDone        // before the executor is told of it
	AttemptTold        // before the worker forgets it
	PublishClaimed     // one worker has the right to publish
	PublishBegun       // the final directory is made
	PublishPlaced      // a file was moved into it
	PublishSuccess     // the list of its files is written, and not in it
	PublishListed      // it is complete, and not synced
	PublishSwap        // it is durable, and not at its destination
	PublishSwapped     // it is there, and the directory around is not synced
	PublishDurable     // before what is left of the staging directory is removed
	StageTrashed       // it was renamed and not deleted
	PublishDone        // before the attempt that published ends
	count          int = iota
)

// names are what points are called in the environment.
var names = [count]string{
	CoordinatorOpened: "coordinator-opened",

	JournalWrite: "journal-write", JournalSync: "journal-sync", JournalSynced: "journal-synced", JournalMarked: "journal-marked",
	JournalApply: "journal-apply", JournalApplied: "journal-applied",

	SnapshotWrite: "snapshot-write", SnapshotWritten: "snapshot-written", SnapshotNamed: "snapshot-named",
	LogPrune: "log-prune", LogPruned: "log-pruned",

	SubmitTaken: "submit-taken", SubmitRecorded: "submit-recorded", ReportTaken: "report-taken", PublishTaken: "publish-taken",
	ActionsBegin: "actions-begin", ActionsBetween: "actions-between", JobEnded: "job-ended",

	ProgramPart: "program-part", ProgramNamed: "program-named",

	ExecutorOpened: "executor-opened", StoreRecover: "store-recover",
	ExecutorRegister: "executor-register", ExecutorRegistered: "executor-registered",
	CommandArrived: "command-arrived", CommandObeyed: "command-obeyed", WorkerStart: "worker-start",
	AdoptMoved: "adopt-moved", AdoptNamed: "adopt-named",
	ReportSend: "report-send", ReportSent: "report-sent", ReportAcked: "report-acked", JobRelease: "job-release",

	WorkerBegan: "worker-began", WorkerReady: "worker-ready", StageLocked: "stage-locked", StageMade: "stage-made",
	StagedCreate: "staged-create", StagedCreated: "staged-created", StagedWrite: "staged-write", StagedSync: "staged-sync",
	StagedClose: "staged-close", StagedClosed: "staged-closed",
	SpillCreated: "spill-created", SpillWrite: "spill-write",
	OutputCreated: "output-created", OutputRename: "output-rename", OutputRenamed: "output-renamed",
	AttemptDone: "attempt-done", AttemptTold: "attempt-told",
	PublishClaimed: "publish-claimed", PublishBegun: "publish-begun", PublishPlaced: "publish-placed",
	PublishSuccess: "publish-success", PublishListed: "publish-listed", PublishSwap: "publish-swap",
	PublishSwapped: "publish-swapped", PublishDurable: "publish-durable", StageTrashed: "stage-trashed", PublishDone: "publish-done",
}

// String returns the point's name.
func (p Point) String() string { return names[p] }

// All returns every point.
func All() []Point {
	all := make([]Point, count)
	for i := range all {
		all[i] = Point(i)
	}
	return all
}

// Variables of the environment: what to do where, who does it, and where hits
// are noted.
const (
	Variable      = "SHEAF_FAILPOINT"
	OnceVariable  = "SHEAF_FAILPOINT_ONCE"
	TraceVariable = "SHEAF_FAILPOINT_TRACE"
)

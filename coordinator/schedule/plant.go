package schedule

// plant is an error planted into the core by a test, to prove that the
// simulation would see it. Outside of tests it is always plantNone.
type plant uint8

const (
	plantNone            plant = iota
	plantNoFence               // a finish counts whatever its attempt and session
	plantKeepLost              // map outputs outlive their executor
	plantReuseNumber           // a retried task uses its attempt number again
	plantChargeLoss            // the loss of an executor uses up the user's attempts
	plantShortCut              // the last partition of a hash exchange is forgotten
	plantDropProducer          // a consumer reads all producers but the last
	plantShallowRepair         // lost outputs are repaired one stage deep only
	plantExtraSlot             // a failure gives its slot back twice
	plantNoPriority            // all jobs have the same priority
	plantNoLimit               // a job's limit of running attempts is ignored
	plantIgnoreDrain           // a draining executor gets attempts
	plantNearBusy              // locality outweighs free slots
	plantMixEpochs             // an attempt counts that began before its stage was rolled back
	plantTrustRepeats          // other rows from a repeated task go unnoticed
	plantRollBackDone          // a roll-back forgets the attempts that run
	plantShallowRollBack       // a roll-back leaves the inputs that were released gone
	plantBlameInput            // other input makes a task one that gives other rows
	plantCancelPublish         // a job is canceled though its publishing has begun
	plantChargeFetch           // map outputs that cannot be read use up the user's attempts
	plantForgetAttempt         // an attempt of a lost executor is not repeated
	plantDoubleFigures         // the figures of a winner count twice
	plantDiscardEarly          // what is staged is removed beside attempts that still write
	plantReviveSession         // a late join brings an ended session back
	plantRemakeUnreached       // outputs are made again that could be reached from elsewhere
	plantBackupHere            // a backup runs beside the slow attempt
	plantBothWin               // a backup that lost counts too
	plantUseAside              // an executor that is set aside gets attempts
	plantNeverBack             // an executor that was set aside does not come back
	plantCountLosers           // counters of attempts that came too late count
	plantCountUndone           // counters of a winner stay when it is undone
	plantNoBadLimit            // any number of rows may be left out
	plantChargeDisk            // full disks use up the user's attempts
	plantStayFull              // a task goes back to where it found the disks full
	plantUseLow                // an executor that is low on disk space gets attempts
	plantStayLow               // an executor that has room again gets none
	plantBlameNetwork          // the network is blamed for bytes that nobody read again
	plantBlameDisk             // the disk is blamed for bytes that nobody read again
	plantSideGone              // a side that is gone is not made again for those who join it
	plantForgetSide            // other rows of a broadcast side go unnoticed
	plantReleaseSide           // a broadcast side is released while it is read
	plantCutSide               // tasks read a broadcast side without its last output
	plants                     // number of plants
)

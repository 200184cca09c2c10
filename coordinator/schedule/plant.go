package schedule

// plant is an error planted into the core by a test, to prove that the
// simulation would see it. Outside of tests it is always plantNone.
type plant uint8

const (
	plantNone          plant = iota
	plantNoFence             // a finish counts whatever its attempt and session
	plantKeepLost            // map outputs outlive their executor
	plantReuseNumber         // a retried task uses its attempt number again
	plantChargeLoss          // the loss of an executor uses up the user's attempts
	plantShortCut            // the last partition of a hash exchange is forgotten
	plantDropProducer        // a consumer reads all producers but the last
	plantShallowRepair       // lost outputs are repaired one stage deep only
	plantExtraSlot           // a failure gives its slot back twice
	plantNoPriority          // all jobs have the same priority
	plantNoLimit             // a job's limit of running attempts is ignored
	plantIgnoreDrain         // a draining executor gets attempts
	plantNearBusy            // locality outweighs free slots
	plantCountLosers         // counters of attempts that came too late count
	plantCountUndone         // counters of a winner stay when it is undone
	plantNoBadLimit          // any number of rows may be left out
	plants                   // number of plants
)

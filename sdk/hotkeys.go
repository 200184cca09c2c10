package sdk

import "github.com/sheafdata/sheaf/internal/plan"

// HotKey is a key that has so many of the rows that change place at one verb that
// the task which gets them has far more than its share: at least a tenth of their
// bytes, and more than a task should have. All rows of a key go to one task, so
// more machines do not help; see HotKey.Advice.
type HotKey = plan.HotKey

// HideKeys keeps the keys of the job's rows out of what is shown of it: a hot key
// goes by a hash then, in Result.HotKeys, the summary of a run, NDJSON and sheaf job.
// Without it they show the key, or its beginning.
func HideKeys(p *Pipeline) { p.graph.HideKeys = true }

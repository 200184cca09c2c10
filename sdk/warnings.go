package sdk

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/sheafdata/sheaf/coordinator/schedule"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/outline"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// What a plan is warned of is certain from the graph and from the names and sizes
// of files. What depends on rows is not.

const (
	// manyFiles of less than smallFile on average cost more to open than to read:
	// the scheduler counts as much for an open.
	manyFiles = 1000
	smallFile = 64 << 10
	// largeTopK rows take memory worth a word.
	largeTopK = 100_000
)

func (d *outliner) warn(kind string, n *graph.Node, message, advice string) {
	d.out.Warnings = append(d.out.Warnings, outline.Warning{Kind: kind, At: d.at(n), Verb: n.Op, Message: message, Advice: advice})
}

func (d *outliner) warnOfExchange(n *graph.Node) {
	switch {
	case n.Kind == plan.Gather && n.Limit >= largeTopK:
		d.warn("large-top", n, fmt.Sprintf("one task takes up to %d rows of every task before it, and holds %d of them outside the memory budget", n.Limit, n.Limit),
			"Sort writes the same rows first, and in parallel")
	case n.Op == reduceOp && !n.Combines:
		d.warn("no-combiner", n, "without a combiner every pair of the mapper moves", "give a combiner where two values of a key can be folded into one")
	}
	before := n.Inputs[0]
	if before.Role != graph.Exchange {
		return
	}
	switch {
	case before.Op == "Distinct" && n.Op == "Distinct":
		d.warn("no-use", n, "its rows are distinct already", "leave it out")
	case before.Op == "Distinct" && n.Op == "Count":
		d.warn("no-use", n, "it counts rows that are distinct, so every count is 1", "count the rows before Distinct")
	case before.Op == "Sort" && n.Kind == plan.Hash:
		d.warn("lost-order", n, fmt.Sprintf("it minds no order, and forgets that of Sort at %s", d.at(before)), "sort its result instead, or not at all")
	}
}

func (d *outliner) warnOfSink(n *graph.Node, overwrite bool) {
	if n.Destination == "" {
		return
	}
	if err := storage.CheckDestination(n.Destination, overwrite); fault.KindOf(err) == fault.Invalid {
		d.warn("output", n, err.Error(), "a run here would refuse it before any work")
	}
}

func (d *outliner) warnOfUnused() {
	for _, n := range d.graph.Unused {
		d.warn("unused", n, "nothing takes its rows, so it does not run", "write or collect them, or remove it")
	}
}

// warnOfFiles tells files that make tasks too large or too small.
func (d *outliner) warnOfFiles(n *graph.Node, splits []Split, src *outline.Source) {
	var whole []Split
	for _, s := range splits {
		if s.Path != "" && !s.Cuttable && s.Length > schedule.DefaultSplitBytes {
			whole = append(whole, s)
		}
	}
	if len(whole) > 0 {
		largest := slices.MaxFunc(whole, func(a, b Split) int { return int(a.Length>>20) - int(b.Length>>20) })
		message := fmt.Sprintf("one task reads all of %s, %s", largest.Path, memory.FormatSize(largest.Length))
		if len(whole) > 1 {
			message += fmt.Sprintf(" (the largest of %d such files)", len(whole))
		}
		reason, advice := "files of its format are read from their beginning", "write it as several files"
		if slices.Contains([]string{".gz", ".zst"}, filepath.Ext(largest.Path)) {
			reason, advice = "a compressed file is read from its beginning", "write it as several files, or uncompressed"
		}
		d.warn("one-task", n, message+": "+reason, advice)
	}
	if src.Files >= manyFiles && *src.Bytes/int64(src.Files) < smallFile {
		d.warn("small-files", n, fmt.Sprintf("%d files of %s on average cost more to open than to read", src.Files, memory.FormatSize(*src.Bytes/int64(src.Files))),
			"join them into fewer, larger ones")
	}
}

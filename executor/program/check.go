package program

import (
	"path/filepath"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// check refuses a graph that is not the plan's: its nodes are named by their
// number, so that attempts would run other operators.
func check(spec *plan.JobSpec, g *graph.Compiled) error {
	if g.Plan.Fingerprint == spec.Fingerprint {
		return nil
	}
	const advice = "a build function must build the same graph in every process, from its arguments alone"
	planned := spec.Graph
	if len(planned) == 0 {
		planned = g.Describe() // nothing is known but the arguments
	}
	where := graph.Difference(spec.Args, g.Plan.Args, planned, g.Describe())
	if where == "" && g.Plan.Name != spec.Name {
		return fault.New(fault.Invalid, "the job is called %q, and %q here: %s", spec.Name, g.Plan.Name, advice)
	}
	if where == "" {
		return fault.New(fault.Invalid, "the plan was made from graph %s and this program built %s: %s", spec.Fingerprint, g.Plan.Fingerprint, advice)
	}
	return fault.New(fault.Invalid, "the graph is not the plan's: %s; %s", where, advice)
}

// refuseRelative refuses destinations that would lie in the worker's own
// directory and go with it. A relative input is not found there, which says
// enough.
func refuseRelative(g *graph.Compiled, dir string) error {
	for _, sink := range g.Plan.Sinks {
		d := sink.Destination
		if d == "" || filepath.IsAbs(d) || strings.Contains(d, "://") {
			continue
		}
		if dir == "" {
			return fault.New(fault.Invalid, "output %q is relative and nobody says to what: give an absolute path", d)
		}
		return fault.New(fault.Invalid, "output %q is relative to %s, where the job was submitted, and this machine has no such directory: give absolute paths", d, dir)
	}
	return nil
}

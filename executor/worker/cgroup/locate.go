package cgroup

import (
	"slices"

	"github.com/sheafdata/sheaf/internal/memory"
)

// locate finds the groups of a process from its /proc/self/mountinfo and
// /proc/self/cgroup. Version 2 counts only where version 1 has no controllers:
// a mounted, empty hierarchy of version 2 beside it bounds nothing.
func locate(mounts, groups string) *Parent {
	p := new(Parent)
	for _, g := range memory.ControlGroups(mounts, groups) {
		switch {
		case g.V2:
			p.v2 = g.Dir()
		case slices.Contains(g.Controllers, "memory"):
			p.memory = g.Dir()
			if slices.Contains(g.Controllers, "pids") {
				p.pids = "" // one directory serves both
			}
		case slices.Contains(g.Controllers, "pids"):
			p.pids = g.Dir()
		}
	}
	if p.memory != "" || p.pids != "" {
		p.v2 = ""
	}
	return p
}

package wire

import (
	"fmt"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Versions are the versions of a protocol that a program speaks, from Min to Max.
type Versions struct {
	Min int
	Max int
}

// What this build speaks. A version is raised when an older reader would
// misunderstand a newer writer; fields that it may ignore do not count.
var (
	// WorkerProtocol is spoken between an executor and its workers.
	WorkerProtocol = Versions{Min: 1, Max: 1}
	// ExecutorProtocol is spoken between executors and coordinators.
	ExecutorProtocol = Versions{Min: 1, Max: 1}
	// ClusterProtocol is spoken between clients and coordinators.
	ClusterProtocol = Versions{Min: 1, Max: 1}
)

// String returns the range as people write it.
func (v Versions) String() string {
	if v.Min == v.Max {
		return fmt.Sprint(v.Min)
	}
	return fmt.Sprintf("%d to %d", v.Min, v.Max)
}

// Agree returns the newest version that both sides speak. Where there is none
// the error, of kind Invalid, names both sides and which of them is to be
// renewed. self and peer say who they are, the peer with its build's version: the
// error is read at either side, so that "this program" would be ambiguous.
func (v Versions) Agree(self, peer string, theirs Versions) (int, error) {
	if newest := min(v.Max, theirs.Max); newest >= max(v.Min, theirs.Min) {
		return newest, nil
	}
	old := self
	if theirs.Max < v.Min {
		old = peer
	}
	return 0, fault.New(fault.Invalid, "%s speaks protocol %v and %s %v: build %s with a newer Sheaf", peer, theirs, self, v, old)
}

// versions checks a range of versions.
func (c *checker) versions(lowest, highest int32) Versions {
	v := Versions{Min: c.number("protocol_min", lowest), Max: c.number("protocol_max", highest)}
	if v.Min < 1 || v.Max < v.Min {
		c.fail("protocol_min", "versions %d to %d are no range from 1 on", lowest, highest)
	}
	return v
}

package graph

import (
	"fmt"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// DefaultSideLimitBytes is the most that a side of a join may take in memory to be
// broadcast. Each task of the other side reads it and makes a table of it, which
// is cheaper than sorting its own rows as long as it is several times smaller than
// them, and than the memory of a task.
const DefaultSideLimitBytes = 32 << 20

// Side is what an Exchange that joins needs to broadcast one side of it.
type Side struct {
	// Built is the node whose rows would be broadcast, Passes the one whose rows pass by.
	Built, Passes *Node
	// RowBytes is what a row of Built takes in memory beside its raw bytes.
	RowBytes int64
	// Pinned says that it is broadcast whatever its size.
	Pinned bool
}

// sides finds the joins of which a side can be broadcast. Where the rows that pass
// would have to wait for themselves, and where the rows of a batch may be left out,
// both sides are sorted.
func (c *Compiled) sides(g *Graph) error {
	limit := int64(DefaultSideLimitBytes)
	if g.SideLimitBytes != nil {
		limit = *g.SideLimitBytes
	}
	waits := plan.NewWaits(&c.Plan)
	for id, n := range c.Exchanges {
		if n.Side == nil || limit == 0 && !n.Side.Pinned {
			continue
		}
		why := c.side(g, waits, &c.Plan.Exchanges[id], n.Side)
		if why != "" && n.Side.Pinned {
			return fault.New(fault.Invalid, "%v: %s cannot be Broadcast: %s; leave it out, and both sides are sorted", n.At, n.Op, why)
		}
		if s := c.Plan.Exchanges[id].Side; s != nil {
			s.LimitBytes = limit
		}
	}
	return nil
}

// side lets one exchange broadcast its side, or says why it cannot.
func (c *Compiled) side(g *Graph, waits *plan.Waits, x *plan.Exchange, s *Side) (why string) {
	var built []plan.StageID
	for _, p := range x.Producers {
		in := c.Operators[p]
		switch {
		case !slices.Contains(in, s.Built):
		case slices.Contains(in, s.Passes):
			return "both of its sides come from one stage"
		default:
			built = append(built, p)
		}
	}
	switch {
	case g.BadLimit != nil:
		return "the job leaves out bad rows, and which those are must not depend on how it joins"
	case !waits.Add(x, built):
		return "its right side is made of its left one, which would wait for itself"
	}
	x.Side = &plan.Side{Producers: built, RowBytes: s.RowBytes, Pinned: s.Pinned, At: c.Exchanges[x.ID].At.Short()}
	return ""
}

// describe is what processes must agree on.
func (s *Side) describe() string {
	if s.Pinned {
		return " broadcasts its right side"
	}
	return fmt.Sprintf(" may broadcast its right side, rows of %d bytes", s.RowBytes)
}

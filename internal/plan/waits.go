package plan

import "slices"

// Waits knows which stages of a plan wait for which others: a consumer for the
// producers of its exchange, and, where a side may be broadcast, those that are
// joined with it for those that give it. No stage may wait for itself. When a side
// is broadcast, the work of the consumer goes to the stages that are joined, with
// what the consumer itself would wait for: they count as waiting for that too.
type Waits struct {
	plan   *Plan
	before [][]StageID // by stage: those for which it waits
	joined map[ExchangeID][]StageID
}

// NewWaits returns what a plan's stages wait for without any sides.
func NewWaits(p *Plan) *Waits {
	w := &Waits{plan: p, before: make([][]StageID, len(p.Stages)), joined: map[ExchangeID][]StageID{}}
	for _, x := range p.Exchanges {
		w.before[x.Consumer] = append(w.before[x.Consumer], x.Producers...)
	}
	return w
}

// Add makes the producers of an exchange wait for those of them that give a side,
// unless a stage would wait for itself then: in that case it returns false.
// Exchanges are added in ascending order.
func (w *Waits) Add(x *Exchange, side []StageID) bool {
	joined := w.joinedBy(x, side)
	if len(side) == 0 || len(joined) == 0 {
		return false
	}
	seen := make([]bool, len(w.before))
	next := slices.Clone(side)
	for len(next) > 0 {
		s := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[s] {
			continue
		}
		if seen[s] = true; slices.Contains(joined, s) {
			return false
		}
		next = append(next, w.before[s]...)
	}
	w.joined[x.ID] = joined
	for _, s := range joined {
		w.before[s] = append(w.before[s], side...)
	}
	return true
}

// joinedBy lists the stages that may do the work of an exchange's consumer: its
// other producers, and those that may do theirs.
func (w *Waits) joinedBy(x *Exchange, side []StageID) []StageID {
	var joined []StageID
	for _, s := range x.Producers {
		if slices.Contains(side, s) {
			continue
		}
		joined = append(joined, s)
		if in := w.plan.Stages[s].Exchange; in != nil {
			joined = append(joined, w.joined[*in]...)
		}
	}
	slices.Sort(joined)
	return slices.Compact(joined)
}

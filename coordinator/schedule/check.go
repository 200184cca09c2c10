package schedule

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// CheckPlan returns an error of kind Invalid unless a core can run the plan.
func CheckPlan(p *plan.Plan) error { return checkPlan(p) }

// checkPlan returns an error of kind Invalid unless the core can run the plan:
// everything it refers to exists, both ends of each exchange agree, and
// producers come before consumers.
func checkPlan(p *plan.Plan) error {
	if len(p.Stages) == 0 {
		return fault.New(fault.Invalid, "plan %q has no stages", p.Name)
	}
	for i := range p.Stages {
		if err := checkStage(p, i); err != nil {
			return fault.New(fault.Invalid, "plan %q, stage %d: %w", p.Name, i, err)
		}
	}
	for i := range p.Exchanges {
		if err := checkExchange(p, i); err != nil {
			return fault.New(fault.Invalid, "plan %q, exchange %d: %w", p.Name, i, err)
		}
	}
	waits := plan.NewWaits(p)
	for i := range p.Exchanges {
		if err := checkSide(&p.Exchanges[i], waits); err != nil {
			return fault.New(fault.Invalid, "plan %q, exchange %d: %w", p.Name, i, err)
		}
	}
	for i, s := range p.Sinks {
		if s.ID != plan.SinkID(i) {
			return fault.New(fault.Invalid, "plan %q, sink %d: numbered %d", p.Name, i, s.ID)
		}
	}
	if l := p.BadLimit; l != nil && !l.Valid() {
		return fault.New(fault.Invalid, "plan %q: %+v is no limit of bad rows", p.Name, *l)
	}
	if err := plan.CheckCounters(p.Counters); err != nil {
		return fault.New(fault.Invalid, "plan %q: %w", p.Name, err)
	}
	return nil
}

func checkStage(p *plan.Plan, i int) error {
	s := &p.Stages[i]
	if s.ID != plan.StageID(i) {
		return fmt.Errorf("numbered %d", s.ID)
	}
	if (s.Source == nil) == (s.Exchange == nil) {
		return errors.New("needs either a source or an exchange")
	}
	if s.Exchange != nil {
		x := *s.Exchange
		if !within(int(x), len(p.Exchanges)) {
			return fmt.Errorf("reads exchange %d, which does not exist", x)
		}
		if p.Exchanges[x].Consumer != s.ID {
			return fmt.Errorf("reads exchange %d, whose consumer is stage %d", x, p.Exchanges[x].Consumer)
		}
	}
	if s.Source != nil && s.Source.Drives && len(p.Stages) > 1 {
		return errors.New("drives other jobs, which only the one stage of a plan can")
	}
	for k, x := range s.Exchanges {
		if !within(int(x), len(p.Exchanges)) {
			return fmt.Errorf("writes exchange %d, which does not exist", x)
		}
		if slices.Contains(s.Exchanges[:k], x) {
			return fmt.Errorf("writes exchange %d twice", x)
		}
		if !slices.Contains(p.Exchanges[x].Producers, s.ID) {
			return fmt.Errorf("writes exchange %d without being a producer of it", x)
		}
	}
	for k, sink := range s.Sinks {
		if !within(int(sink), len(p.Sinks)) {
			return fmt.Errorf("writes sink %d, which does not exist", sink)
		}
		if slices.Contains(s.Sinks[:k], sink) {
			return fmt.Errorf("writes sink %d twice", sink)
		}
	}
	return nil
}

func checkExchange(p *plan.Plan, i int) error {
	x := &p.Exchanges[i]
	if x.ID != plan.ExchangeID(i) {
		return fmt.Errorf("numbered %d", x.ID)
	}
	switch x.Kind {
	case plan.Hash:
		if x.Buckets < 1 || x.Buckets > maxBuckets {
			return fmt.Errorf("%d hash buckets, want 1 to %d", x.Buckets, maxBuckets)
		}
	case plan.Range, plan.Gather:
		if x.Buckets != 1 {
			return fmt.Errorf("%d buckets, want 1", x.Buckets)
		}
	default:
		return fmt.Errorf("no exchange is of kind %q", x.Kind)
	}
	if !x.Cut.Valid(x) {
		return fmt.Errorf("no %s exchange of %d buckets can be cut as %+v", x.Kind, x.Buckets, x.Cut)
	}
	if !within(int(x.Consumer), len(p.Stages)) {
		return fmt.Errorf("consumer %d does not exist", x.Consumer)
	}
	if in := p.Stages[x.Consumer].Exchange; in == nil || *in != x.ID {
		return fmt.Errorf("stage %d does not read it", x.Consumer)
	}
	if len(x.Producers) == 0 {
		return errors.New("no producers")
	}
	last := plan.StageID(-1)
	for _, s := range x.Producers {
		if s <= last || s >= x.Consumer {
			return fmt.Errorf("producers %v are not in order before stage %d", x.Producers, x.Consumer)
		}
		if !slices.Contains(p.Stages[s].Exchanges, x.ID) {
			return fmt.Errorf("stage %d does not write it", s)
		}
		last = s
	}
	return nil
}

// checkSide returns an error unless a side can be broadcast.
func checkSide(x *plan.Exchange, waits *plan.Waits) error {
	s := x.Side
	if s == nil {
		return nil
	}
	last := plan.StageID(-1)
	for _, p := range s.Producers {
		if p <= last || !slices.Contains(x.Producers, p) {
			return fmt.Errorf("side %v is no ascending part of its producers", s.Producers)
		}
		last = p
	}
	if s.LimitBytes < 0 || s.RowBytes < 0 {
		return fmt.Errorf("a side of at most %d bytes, %d a row", s.LimitBytes, s.RowBytes)
	}
	if !waits.Add(x, s.Producers) {
		return fmt.Errorf("stages that join side %v would wait for themselves", s.Producers)
	}
	return nil
}

func within(i, n int) bool { return i >= 0 && i < n }

package schedule

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// TestGarbage gives cores events without rhyme or reason, mixed with answers to
// what they launch. Nothing may panic, and slots must add up throughout.
func TestGarbage(t *testing.T) {
	for _, seed := range seeds(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		g := &garbage{r: r}
		c := New(Config{MaxFaults: 3})
		for range 300 {
			ev := g.event()
			for _, a := range c.Step(ev) {
				if l, ok := a.(Launch); ok {
					g.launched = append(g.launched, l)
				}
			}
			if err := slotsAddUp(c); err != "" {
				t.Fatalf("Step(%+v): %s\nreplay: go test -run TestGarbage -seed=%d", ev, err, seed)
			}
			c.NextTick()
		}
	}
}

func slotsAddUp(c *Core) string {
	free, slots, usable := 0, 0, 0
	for _, e := range c.order {
		if !e.usable() {
			if e.freeIndex >= 0 {
				return "executor " + string(e.id) + " is not usable and in the heap"
			}
			continue
		}
		free += e.free()
		slots += e.slots
		usable++
		if e.free() < 0 || (e.freeIndex >= 0) != (e.free() > 0) {
			return "executor " + string(e.id) + " is in the wrong heap"
		}
	}
	if free != c.freeSlots || slots != c.slots || usable != c.usable {
		return "slots do not add up"
	}
	return ""
}

type garbage struct {
	r        *rand.Rand
	launched []Launch
}

func (g *garbage) event() Event {
	r := g.r
	at := time.Duration(r.Int64N(int64(time.Minute))) - time.Second
	e, s := plan.ExecutorID(rune('a'+r.IntN(3))), plan.SessionID(r.IntN(12))
	id := g.attempt()
	if len(g.launched) > 0 && r.IntN(3) > 0 {
		l := g.launched[r.IntN(len(g.launched))]
		e, s, id = l.Executor, l.Session, l.Assignment.Attempt
	}
	switch r.IntN(13) {
	case 12:
		return ExecutorDraining{At: at, Executor: e, Session: s}
	case 0:
		j := randomJob(r, r.IntN(3), false).submit
		g.spoil(&j.Plan)
		j.At, j.Job = at, g.job()
		return j
	case 1:
		return ExecutorJoined{At: at, Executor: e, Session: plan.SessionID(r.IntN(12)), Slots: r.IntN(5) - 1}
	case 2:
		return ExecutorLost{At: at, Executor: e, Session: s}
	case 3:
		return CancelRequested{At: at, Job: g.job()}
	case 4:
		return JobForgotten{At: at, Job: g.job()}
	case 5:
		return Tick{At: at}
	case 6, 7:
		kind := fault.Kind(r.IntN(12))
		return AttemptFailed{At: at, Executor: e, Session: s, Attempt: id, Failure: fault.Report{Kind: kind}, Unreadable: g.outputs(id)}
	}
	return AttemptFinished{At: at, Executor: e, Session: s, Attempt: id, Result: g.result(id)}
}

func (g *garbage) job() plan.JobID { return plan.JobID{byte(g.r.IntN(3)), byte(g.r.IntN(4))} }

func (g *garbage) attempt() plan.AttemptID {
	r := g.r
	return plan.AttemptID{
		Job: g.job(), Epoch: uint32(r.IntN(8) / 7), Number: r.IntN(5) - 1,
		Task: plan.TaskID{Stage: plan.StageID(r.IntN(9) - 3), Index: r.IntN(8) - 1},
	}
}

// outputs names map outputs, some of which exist.
func (g *garbage) outputs(id plan.AttemptID) (out []plan.OutputID) {
	for _, l := range g.launched {
		if p := l.Assignment.Partition; l.Assignment.Attempt == id && p != nil {
			for _, o := range p.Outputs {
				out = append(out, o.ID)
			}
		}
	}
	return append(out, plan.OutputID{Attempt: g.attempt(), Exchange: plan.ExchangeID(g.r.IntN(4) - 1)})
}

// result is fit for a source without exchanges, or not at all, or nearly.
func (g *garbage) result(id plan.AttemptID) plan.Result {
	r := plan.Result{}
	if id.Task.Stage == plan.EnumerateStage {
		r.Splits = randomFiles(g.r)
	}
	for x := range g.r.IntN(3) {
		r.Outputs = append(r.Outputs, plan.MapOutput{ID: plan.OutputID{Attempt: id, Exchange: plan.ExchangeID(x)}, Bytes: g.r.Int64N(2) - 1, RowDigest: []string{"", "a", "b"}[g.r.IntN(3)]})
	}
	if g.r.IntN(20) == 0 {
		r.Files = append(r.Files, plan.StagedFile{Attempt: g.attempt(), Sink: plan.SinkID(g.r.IntN(3) - 1)})
	}
	return r
}

// spoil changes some plans a little.
func (g *garbage) spoil(p *plan.Plan) {
	r := g.r
	st := &p.Stages[r.IntN(len(p.Stages))]
	switch r.IntN(12) {
	case 0:
		st.ID += plan.StageID(r.IntN(3) - 1)
	case 1:
		st.Exchanges = append(st.Exchanges, plan.ExchangeID(r.IntN(4)-1))
	case 2:
		st.Sinks = append(st.Sinks, plan.SinkID(r.IntN(4)-1))
	case 3:
		x := plan.ExchangeID(r.IntN(4) - 1)
		st.Exchange = &x
	case 4:
		if len(p.Exchanges) > 0 {
			p.Exchanges[0].Consumer = plan.StageID(r.IntN(6) - 1)
		}
	}
}

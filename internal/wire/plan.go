package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

var (
	exchangeKinds = map[pb.ExchangeKind]plan.ExchangeKind{
		pb.ExchangeKind_EXCHANGE_KIND_HASH:   plan.Hash,
		pb.ExchangeKind_EXCHANGE_KIND_RANGE:  plan.Range,
		pb.ExchangeKind_EXCHANGE_KIND_GATHER: plan.Gather,
	}
	exchangeKindNumbers = inverse(exchangeKinds)

	promises = map[pb.Promise]plan.Promise{
		pb.Promise_PROMISE_UNSPECIFIED:   plan.NoPromise,
		pb.Promise_PROMISE_DETERMINISTIC: plan.Deterministic,
		pb.Promise_PROMISE_INDETERMINATE: plan.Indeterminate,
	}
	promiseNumbers = inverse(promises)
)

// EncodePlan makes the message of a plan, which shares nothing with it that may
// change.
func EncodePlan(p *plan.Plan) *pb.Plan {
	return &pb.Plan{
		Name: p.Name, Args: p.Args, Fingerprint: p.Fingerprint,
		Stages:    messages(p.Stages, encodeStage),
		Exchanges: messages(p.Exchanges, encodeExchange),
		Sinks:     messages(p.Sinks, encodeSink),
		Counters:  p.Counters,
		BadLimit:  encodeBadLimit(p.BadLimit),
	}
}

func encodeBadLimit(l *plan.BadLimit) *pb.BadLimit {
	if l == nil {
		return nil
	}
	return &pb.BadLimit{Rows: l.Rows, PerMillion: l.PerMillion}
}

func readBadLimit(c *checker, m *pb.BadLimit) plan.BadLimit {
	return plan.BadLimit{Rows: c.quantity("rows", m.GetRows()), PerMillion: c.quantity("per_million", m.GetPerMillion())}
}

// DecodePlan checks the fields of a plan. Whether they fit each other, so that
// the plan can run, is for the scheduler to say.
func DecodePlan(m *pb.Plan) (plan.Plan, error) { return decode("plan", m, readPlan) }

func readPlan(c *checker, m *pb.Plan) plan.Plan {
	return plan.Plan{
		Name:        c.name("name", m.GetName()),
		Args:        c.text("args", m.GetArgs(), maxText),
		Fingerprint: c.name("fingerprint", m.GetFingerprint()),
		Stages:      list(c, "stages", m.GetStages(), readStage),
		Exchanges:   list(c, "exchanges", m.GetExchanges(), readExchange),
		Sinks:       list(c, "sinks", m.GetSinks(), readSink),
		Counters:    c.texts("counters", m.GetCounters(), plan.MaxCounterNameBytes),
		BadLimit:    maybe(c, "bad_limit", m.GetBadLimit(), readBadLimit),
	}
}

func encodeStage(s *plan.Stage) *pb.Stage {
	m := &pb.Stage{
		Id: narrow(s.ID), Name: s.Name, Exchanges: narrows(s.Exchanges), Sinks: narrows(s.Sinks),
		Promise: promiseNumbers[s.Promise], PromiseAt: s.PromiseAt,
	}
	switch {
	case s.Source != nil && s.Exchange == nil:
		m.Input = &pb.Stage_Source{Source: &pb.Source{Name: s.Source.Name, Drives: s.Source.Drives}}
	case s.Exchange != nil && s.Source == nil:
		m.Input = &pb.Stage_Exchange{Exchange: narrow(*s.Exchange)}
	}
	return m
}

func readStage(c *checker, m *pb.Stage) plan.Stage {
	s := plan.Stage{
		ID:        plan.StageID(c.number("id", m.GetId())),
		Name:      c.text("name", m.GetName(), maxText),
		Exchanges: numbers[plan.ExchangeID](c, "exchanges", m.GetExchanges()),
		Sinks:     numbers[plan.SinkID](c, "sinks", m.GetSinks()),
		Promise:   known(c, "promise", m.GetPromise(), promises),
		PromiseAt: c.text("promise_at", m.GetPromiseAt(), maxText),
	}
	switch in := m.GetInput().(type) {
	case *pb.Stage_Source:
		s.Source = &plan.Source{Name: c.text("source.name", in.Source.GetName(), maxText), Drives: in.Source.GetDrives()}
	case *pb.Stage_Exchange:
		x := plan.ExchangeID(c.number("exchange", in.Exchange))
		s.Exchange = &x
	default:
		c.fail("input", "is missing: a stage reads a source or an exchange")
	}
	return s
}

func encodeExchange(x *plan.Exchange) *pb.Exchange {
	m := &pb.Exchange{
		Id: narrow(x.ID), Name: x.Name, Kind: exchangeKindNumbers[x.Kind], Buckets: narrow(x.Buckets),
		Producers: narrows(x.Producers), Consumer: narrow(x.Consumer), Side: encodeSide(x.Side), At: x.At,
	}
	if c := x.Cut; c != (plan.Cut{}) {
		m.Cut = &pb.Cut{Numbered: c.Numbered, Sequence: c.Sequence, Spread: c.Spread, Partitions: narrow(c.Partitions), Rows: c.Rows, Bytes: c.Bytes}
	}
	return m
}

func encodeSide(s *plan.Side) *pb.Side {
	if s == nil {
		return nil
	}
	return &pb.Side{Producers: narrows(s.Producers), LimitBytes: s.LimitBytes, Pinned: s.Pinned, RowBytes: s.RowBytes, At: s.At}
}

func readSide(c *checker, m *pb.Side) plan.Side {
	return plan.Side{
		Producers:  numbers[plan.StageID](c, "producers", m.GetProducers()),
		LimitBytes: c.quantity("limit_bytes", m.GetLimitBytes()),
		Pinned:     m.GetPinned(),
		RowBytes:   c.quantity("row_bytes", m.GetRowBytes()),
		At:         c.text("at", m.GetAt(), maxText),
	}
}

func readExchange(c *checker, m *pb.Exchange) plan.Exchange {
	return plan.Exchange{
		ID:        plan.ExchangeID(c.number("id", m.GetId())),
		Name:      c.text("name", m.GetName(), maxText),
		Kind:      known(c, "kind", m.GetKind(), exchangeKinds),
		Buckets:   c.number("buckets", m.GetBuckets()),
		Producers: numbers[plan.StageID](c, "producers", m.GetProducers()),
		Consumer:  plan.StageID(c.number("consumer", m.GetConsumer())),
		Side:      maybe(c, "side", m.GetSide(), readSide),
		Cut:       readCut(c, m.GetCut()),
		At:        c.text("at", m.GetAt(), maxText),
	}
}

func readCut(c *checker, m *pb.Cut) plan.Cut {
	return plan.Cut{
		Numbered:   m.GetNumbered(),
		Sequence:   m.GetSequence(),
		Spread:     m.GetSpread(),
		Partitions: c.number("partitions", m.GetPartitions()),
		Rows:       c.quantity("rows", m.GetRows()),
		Bytes:      c.quantity("bytes", m.GetBytes()),
	}
}

func encodeSink(s *plan.Sink) *pb.Sink {
	return &pb.Sink{Id: narrow(s.ID), Name: s.Name, Destination: s.Destination, Suffix: s.Suffix}
}

func readSink(c *checker, m *pb.Sink) plan.Sink {
	return plan.Sink{
		ID:          plan.SinkID(c.number("id", m.GetId())),
		Name:        c.text("name", m.GetName(), maxText),
		Destination: c.name("destination", m.GetDestination()),
		Suffix:      c.name("suffix", m.GetSuffix()),
	}
}

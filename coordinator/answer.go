package coordinator

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/wire"
)

// codes are how kinds look to a client of the protocol.
var codes = map[fault.Kind]connect.Code{
	fault.Unknown: connect.CodeUnknown, fault.Invalid: connect.CodeInvalidArgument, fault.User: connect.CodeAborted,
	fault.Transient: connect.CodeUnavailable, fault.Lost: connect.CodeUnavailable, fault.Fetch: connect.CodeUnavailable, fault.Unreachable: connect.CodeUnavailable,
	fault.Corrupt: connect.CodeDataLoss, fault.Resource: connect.CodeResourceExhausted, fault.Disk: connect.CodeResourceExhausted,
	fault.Canceled: connect.CodeCanceled, fault.Internal: connect.CodeInternal,
}

// errNotFound marks what was asked for and is not there.
var errNotFound = errors.New("not found")

func notFound(format string, args ...any) error {
	return &missing{fault.New(fault.Invalid, format, args...)}
}

// missing is an error about something that is not there.
type missing struct{ error }

// Unwrap returns the error itself.
func (m *missing) Unwrap() error { return m.error }

// Is makes it an errNotFound.
func (m *missing) Is(target error) bool { return target == errNotFound }

// answer makes an error that a client gets: a code, and a FaultReport with the
// kind as its detail. It returns nil for nil.
func (c *Coordinator) answer(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*connect.Error](err); ok {
		return e
	}
	if errors.Is(err, context.Canceled) && c.ctx.Err() != nil {
		err = fault.New(fault.Transient, "the coordinator is ending")
	}
	report := fault.ReportOf(err)
	code := codes[report.Kind]
	switch {
	case errors.Is(err, errNotFound):
		code = connect.CodeNotFound
	case errors.Is(err, context.DeadlineExceeded):
		code = connect.CodeDeadlineExceeded
	}
	answer := connect.NewError(code, errors.New(report.Message))
	if d, err := connect.NewErrorDetail(wire.EncodeReport(&report)); err == nil {
		answer.AddDetail(d)
	}
	if errors.Is(err, errNotLeading) || errors.Is(err, errStepDown) {
		if d, err := connect.NewErrorDetail(&pb.NotLeader{LeaderAddress: c.leaderAddress()}); err == nil {
			answer.AddDetail(d)
		}
	}
	return answer
}

// leaderAddress is where the leader answers, empty when that is not known.
func (c *Coordinator) leaderAddress() string {
	if c.peers == nil {
		return ""
	}
	return c.peers.ClientAddress(c.journal.Leader())
}

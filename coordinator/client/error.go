package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/wire"
)

// Reason says what a command ends with.
type Reason int

// The reasons.
const (
	Failed      Reason = iota // the coordinator tried and could not
	Refused                   // what was asked for is wrong
	Unreachable               // nobody answers, or there is no room now
	Interrupted               // the user does not wait any longer
)

// Error is an error of a call, in words for people.
type Error struct {
	Reason Reason
	Err    error
	// Missing says that what was asked for, or what it needs, is not there.
	Missing bool
}

// Error returns the message.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func refused(reason Reason, format string, args ...any) error {
	return &Error{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// unreachable reports whether another address, or another moment, may answer.
func unreachable(err error) bool {
	if certificate(err) != "" {
		return false
	}
	switch connect.CodeOf(err) {
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeAborted:
		return true
	}
	return givenUp(err) || Broken(err)
}

// givenUp reports whether a call was canceled at the other end: by a coordinator
// that ends. What a coordinator itself calls canceled comes with a report.
func givenUp(err error) bool {
	report, _ := ReportOf(err)
	return connect.CodeOf(err) == connect.CodeCanceled && report.Kind == fault.Unknown
}

// Broken reports whether an error says that a connection ended in the middle, as
// those of a coordinator do that is killed, or of a machine that falls over.
// Package connect blames what was asked for when a stream ends so.
func Broken(err error) bool {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	// An alert of TLS is an answer, and has an operation of its own.
	e, ok := errors.AsType[*net.OpError](err)
	return ok && (e.Op == "read" || e.Op == "write")
}

// explain turns the error of a call into one for people.
func (c *Client) explain(ctx context.Context, address string, err error) error {
	if ctx.Err() != nil {
		return refused(Interrupted, "interrupted")
	}
	if why := certificate(err); why != "" {
		return refused(Refused, "coordinator at %s: %s", address, why)
	}
	report, said := ReportOf(err)
	text := report.Message
	if !said {
		if asksForTLS(c.scheme, err) {
			return refused(Refused, "coordinator at %s: it seems to ask for certificates: give --tls-cert, --tls-key and --tls-ca", address)
		}
		text = foreign(err)
	}
	if givenUp(err) {
		return refused(Unreachable, "cannot reach a coordinator: %s gave the call up: it is ending", address)
	}
	cause := &fault.Error{Kind: report.Kind, Detail: report.Detail, Err: errors.New(text)}
	switch connect.CodeOf(err) {
	case connect.CodeUnauthenticated, connect.CodePermissionDenied, connect.CodeNotFound, connect.CodeInvalidArgument,
		connect.CodeFailedPrecondition, connect.CodeAlreadyExists, connect.CodeOutOfRange:
		return &Error{Reason: Refused, Err: cause, Missing: connect.CodeOf(err) == connect.CodeNotFound}
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeAborted:
		return refused(Unreachable, "cannot reach a coordinator: %s", reason(address, err))
	case connect.CodeResourceExhausted:
		return &Error{Reason: Unreachable, Err: cause}
	case connect.CodeUnimplemented:
		if !said {
			return refused(Refused, "what answers at %s does not know this call: is it a coordinator of Sheaf, and no older than this program?", address)
		}
	}
	return &Error{Reason: Failed, Err: fmt.Errorf("coordinator at %s: %w", address, cause)}
}

// ReportOf returns the failure that an error of the services carries, and whether
// a coordinator said it.
func ReportOf(err error) (fault.Report, bool) {
	e, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return fault.Report{}, false
	}
	for _, d := range e.Details() {
		value, err := d.Value()
		if err != nil {
			continue
		}
		if m, ok := value.(*pb.FaultReport); ok {
			if report, err := wire.DecodeReport(m); err == nil {
				return report, true
			}
		}
	}
	return fault.Report{Message: e.Message()}, connect.IsWireError(err)
}

// Leader returns what a coordinator that does not lead said, and whether it is
// one.
func Leader(err error) (address string, follower bool) {
	e, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return "", false
	}
	for _, d := range e.Details() {
		value, err := d.Value()
		if err != nil {
			continue
		}
		if m, ok := value.(*pb.NotLeader); ok {
			return m.GetLeaderAddress(), true
		}
	}
	return "", false
}

// asksForTLS reports whether an answer to plain HTTP is that of a server of TLS.
func asksForTLS(scheme string, err error) bool {
	text := err.Error()
	return scheme == "http" && (strings.Contains(text, "400 Bad Request") || strings.Contains(text, "malformed HTTP response"))
}

// foreign says what an answer means that no coordinator gives.
func foreign(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*connect.Error](err); ok {
		text = e.Message()
	}
	return text + ": is it a coordinator of Sheaf?"
}

// certificate says what is wrong with a certificate; empty if nothing is known
// to be.
func certificate(err error) string {
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		if host, ok := errors.AsType[x509.HostnameError](e); ok {
			return fmt.Sprintf("its certificate is not for %s: use the name or address that it was made for", host.Host)
		}
		if _, ok := errors.AsType[x509.UnknownAuthorityError](e); ok {
			return "its certificate was not signed by the authority in --tls-ca: is it the right cluster?"
		}
		return fmt.Sprintf("its certificate: %v", e.Err)
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return "it does not speak TLS: leave out --tls-cert, --tls-key and --tls-ca, or name the right port"
	}
	// An alert's number is all that the other end says. Its name is in the text of
	// a net.OpError of this operation.
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		return fmt.Sprintf("it refuses the certificate in --tls-cert (%v)", e.Err)
	}
	return ""
}

// reason says in a few words why an address does not answer.
func reason(address string, err error) string {
	text := "it does not answer"
	e, isConnect := errors.AsType[*connect.Error](err)
	dns, isDNS := errors.AsType[*net.DNSError](err)
	_, follower := Leader(err)
	switch {
	case Broken(err):
		text = "the connection broke"
	case follower:
		text = "it does not lead, and no leader is known"
	case errors.Is(err, syscall.ECONNREFUSED):
		text = "connection refused"
	case isDNS && dns.IsNotFound:
		text = "no such host"
	case connect.CodeOf(err) == connect.CodeDeadlineExceeded:
		text = "no answer in time"
	case connect.IsWireError(err):
		report, _ := ReportOf(err)
		text = report.Message
	case isConnect:
		text = e.Message()
	}
	return address + ": " + text
}

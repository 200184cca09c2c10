// Package fault holds the closed set of error kinds that cross process
// boundaries and decide what the scheduler does. Whoever meets an error at a
// boundary (user code, process, RPC, disk) gives it a kind; nobody parses
// messages. The package owns no goroutine and keeps no state.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Kind says what the scheduler does about an error.
type Kind uint8

const (
	// Unknown is the kind of an error that nobody classified; it is treated as User.
	Unknown Kind = iota
	// Invalid fails the job now: the request itself is wrong.
	Invalid
	// User is an error of user code: retried, counts towards the task's attempts.
	User
	// Transient is retried with backoff and does not count.
	Transient
	// Lost means that the place of execution is gone: run elsewhere, does not count.
	Lost
	// Fetch means that a map output could not be read: re-run its producer.
	Fetch
	// Unreachable means that who holds a map output could not be reached from
	// here: run elsewhere, and re-run its producer if it cannot be reached from
	// there either.
	Unreachable
	// Corrupt is Fetch with damaged bytes: the file is set aside as well.
	Corrupt
	// Resource means that memory, descriptors or the room for the output ran out:
	// retried with fewer slots, counts.
	Resource
	// Disk means that the local disks of the place of execution are full, or its
	// share of them is: run elsewhere, does not count.
	Disk
	// Canceled means that somebody asked for the end.
	Canceled
	// Internal is a bug of Sheaf: fail and keep the evidence.
	Internal

	kinds // number of kinds
)

var names = [kinds]string{
	"unknown", "invalid", "user", "transient", "lost", "fetch", "unreachable", "corrupt", "resource", "disk", "canceled", "internal",
}

// String returns the lower-case name of the kind.
func (k Kind) String() string {
	if k < kinds {
		return names[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MarshalText writes the kind's name, so that journals and events stay legible.
func (k Kind) MarshalText() ([]byte, error) {
	if k >= kinds {
		return nil, fmt.Errorf("fault kind %d does not exist", uint8(k))
	}
	return []byte(names[k]), nil
}

// UnmarshalText reads a kind's name.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, n := range names {
		if n == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("no fault kind is called %q", text)
}

// Charged reports whether a failure of this kind counts towards the attempts
// that a task has: infrastructure faults never use those up.
func (k Kind) Charged() bool {
	return k == Unknown || k == User || k == Resource
}

// Fatal reports whether a failure of this kind ends the job at once.
func (k Kind) Fatal() bool {
	return k == Invalid || k == Internal || k == Canceled
}

// Error is an error with a kind. Detail holds what helps to understand it but
// does not belong in one line, such as a stack.
type Error struct {
	Kind   Kind
	Detail string
	Err    error
}

// Error returns the wrapped error's message; the kind is for programs.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error of a kind; format and args are those of fmt.Errorf.
func New(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Err: fmt.Errorf(format, args...)}
}

// Wrap gives err a kind unless it has one already. A nil error stays nil.
func Wrap(k Kind, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != Unknown {
		return err
	}
	return &Error{Kind: k, Err: err}
}

// KindOf returns the kind of the outermost classified error in err's tree.
// Unclassified errors of the operating system and of contexts are classified here.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	switch {
	case err == nil:
		return Unknown
	case errors.Is(err, context.Canceled):
		return Canceled
	case IsFull(err), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOMEM):
		return Resource
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return Invalid
	}
	return Unknown
}

// IsFull reports whether err says that a disk, or a share of one, is full. Of what
// kind that is depends on whose disk it is.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// Detail returns the detail of the outermost classified error in err's tree.
func Detail(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Detail
	}
	return ""
}

// Report is an error as plain data, for events and messages.
type Report struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty"`
}

// ReportOf turns an error into a report.
func ReportOf(err error) Report {
	return Report{Kind: KindOf(err), Message: err.Error(), Detail: Detail(err)}
}

// Err turns a report back into an error of its kind.
func (r Report) Err() error {
	return &Error{Kind: r.Kind, Detail: r.Detail, Err: errors.New(r.Message)}
}

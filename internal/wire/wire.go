// Package wire turns what processes tell each other into the types that Sheaf
// works with, and back: plans, assignments, results, failures and progress as
// messages of the schema in api/sheaf/v1, and the frames that an executor and
// its worker exchange. It is the only place where bytes of the control plane are
// believed, so it checks them: before anything is allocated, what parsing would
// take is bounded; after it, ids have their length, counts are not negative,
// enumerations are known and required parts are there. What fails a check is an
// error of kind Invalid that names the field.
//
// An Encode function makes a message and cannot fail: what its type cannot hold
// becomes a value that every reader refuses. A Decode function checks a message.
// What was encoded and decoded is the same as before, but that empty lists and
// bytes become nil, except where nil means something.
//
// The package owns no goroutine and links neither an HTTP server nor Arrow.
package wire

import (
	"google.golang.org/protobuf/proto"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	// MaxFrameBytes bounds one message. The largest by far are the listing of a
	// source and rows collected for the driver.
	MaxFrameBytes = 64 << 20
	// maxParseBytes bounds what parsing one message may allocate: an empty
	// element of a list is two bytes on the wire and a hundred in memory.
	maxParseBytes = 4 * MaxFrameBytes
	// MaxElements bounds each list; the scheduler has no more tasks in a stage.
	// Writers do not look: who can have more checks before.
	MaxElements = 1 << 20
	maxElements = MaxElements
)

// Marshal returns the bytes of a message. Its errors are of kind Invalid: text
// that is not UTF-8, or more than what Unmarshal takes.
func Marshal(m proto.Message) ([]byte, error) { return appendMessage(nil, m) }

// appendMessage appends the bytes of a message to dst.
func appendMessage(dst []byte, m proto.Message) ([]byte, error) {
	options := proto.MarshalOptions{Deterministic: true}
	if n := options.Size(m); n > MaxFrameBytes {
		return dst, fault.New(fault.Invalid, "write %s: %d bytes, at most %d", name(m), n, MaxFrameBytes)
	}
	begin := len(dst)
	options.UseCachedSize = true
	out, err := options.MarshalAppend(dst, m)
	if err != nil {
		return dst, fault.New(fault.Invalid, "write %s: %w", name(m), err)
	}
	// The reader would refuse it; only the writer knows what to do instead.
	if err := admit(out[begin:], m, false); err != nil {
		return dst, fault.New(fault.Invalid, "write %s: %w", name(m), err)
	}
	return out, nil
}

// Unmarshal parses a message that a peer of another version may have written:
// fields that it does not know are dropped. It keeps nothing of data.
func Unmarshal(data []byte, m proto.Message) error { return unmarshal(data, m, false) }

// UnmarshalKnown parses a message of which nothing may be lost: a field that it
// does not know is an error.
func UnmarshalKnown(data []byte, m proto.Message) error { return unmarshal(data, m, true) }

func unmarshal(data []byte, m proto.Message, known bool) error {
	if err := admit(data, m, known); err != nil {
		return fault.New(fault.Invalid, "read %s: %w", name(m), err)
	}
	err := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth}.Unmarshal(data, m)
	if err != nil {
		return fault.New(fault.Invalid, "read %s: %w", name(m), err)
	}
	return nil
}

// name returns the name of a message's type, without its package.
func name(m proto.Message) string { return string(m.ProtoReflect().Descriptor().Name()) }

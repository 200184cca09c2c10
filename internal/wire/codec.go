package wire

import (
	"google.golang.org/protobuf/proto"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Codec makes the services' clients and handlers parse messages as Unmarshal
// does: give it to connect.WithCodec at both ends. Its methods are those of
// connect.Codec, which this package does not link. Zero values are ready.
type Codec struct{}

// Name returns the name under which protobuf is negotiated, so that a Codec
// replaces the one that comes with connect.
func (Codec) Name() string { return "proto" }

// Marshal returns the bytes of a message.
func (Codec) Marshal(m any) ([]byte, error) {
	p, err := message(m)
	if err != nil {
		return nil, err
	}
	return Marshal(p)
}

// MarshalAppend appends the bytes of a message to dst.
func (Codec) MarshalAppend(dst []byte, m any) ([]byte, error) {
	p, err := message(m)
	if err != nil {
		return nil, err
	}
	return appendMessage(dst, p)
}

// Unmarshal parses a message.
func (Codec) Unmarshal(data []byte, m any) error {
	p, err := message(m)
	if err != nil {
		return err
	}
	return Unmarshal(data, p)
}

func message(m any) (proto.Message, error) {
	p, ok := m.(proto.Message)
	if !ok {
		return nil, fault.New(fault.Internal, "%T is no message", m)
	}
	return p, nil
}

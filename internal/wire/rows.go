package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Handover is what a job collected on a cluster, on its way to the standard
// input of the program that submitted it: a frame with a header in JSON, then one
// for each message of rows.
type Handover struct {
	Fingerprint string // of the graph that the job ran
	Rows        []plan.CollectedRows
}

// handoverHeader is the header. Its count tells a stream that was cut off.
type handoverHeader struct {
	Version     int    `json:"version"`
	Fingerprint string `json:"fingerprint"`
	Messages    int    `json:"messages"`
}

const (
	handoverVersion = 1
	// maxHandoverBytes bounds all rows: many times what a job may collect.
	maxHandoverBytes = 1 << 30
)

// Write writes a handover.
func (h *Handover) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	frame := func(data []byte) {
		var head [headerBytes]byte
		binary.BigEndian.PutUint32(head[:], uint32(len(data)))
		out.Write(head[:]) // the first error is kept for Flush
		out.Write(data)
	}
	head, err := json.Marshal(handoverHeader{handoverVersion, h.Fingerprint, len(h.Rows)})
	if err != nil {
		return err
	}
	frame(head)
	for i := range h.Rows {
		data, err := Marshal(EncodeRows(&h.Rows[i]))
		if err != nil {
			return err
		}
		frame(data)
	}
	return out.Flush()
}

// ReadHandover reads a handover to its end. Errors are of kind Invalid.
func ReadHandover(r io.Reader) (*Handover, error) {
	h, err := readHandover(NewReader(bufio.NewReader(r)))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "read collected rows: %w", err)
	}
	return h, nil
}

func readHandover(in *Reader) (*Handover, error) {
	data, err := in.frame()
	if err != nil {
		return nil, err
	}
	var head handoverHeader
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, err
	}
	if head.Version != handoverVersion {
		return nil, fmt.Errorf("they come in version %d, and this program reads version %d: build it with the version of Sheaf that submits it", head.Version, handoverVersion)
	}
	if head.Messages < 0 || head.Messages > MaxElements {
		return nil, fmt.Errorf("%d messages, at most %d", head.Messages, MaxElements)
	}
	h := &Handover{Fingerprint: head.Fingerprint}
	for sum := 0; len(h.Rows) < head.Messages; {
		data, err := in.frame()
		if err != nil {
			return nil, err
		}
		if sum += len(data); sum > maxHandoverBytes {
			return nil, fmt.Errorf("more than %d bytes", maxHandoverBytes)
		}
		var m pb.CollectedRows
		if err := Unmarshal(data, &m); err != nil {
			return nil, err
		}
		rows, err := DecodeRows(&m)
		if err != nil {
			return nil, err
		}
		h.Rows = append(h.Rows, rows)
	}
	return h, nil
}

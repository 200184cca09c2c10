package coordinator

import (
	"sync"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
)

// maxPending bounds the messages that wait for a slow executor. It connects
// again and gets them again: commands are kept until they have arrived.
const maxPending = 1 << 14

// stream is what waits to be sent over one stream. The loop fills it and never
// waits for it; the stream's handler empties it.
type stream struct {
	wake chan struct{} // holds one

	term, session uint64 // of its messages; set before it is attached

	mu      sync.Mutex // guards the fields below
	pending []func() *pb.ConnectResponse
	// acknowledged and beat go out as one Ack, however often they change.
	acknowledged, beat uint64
	ackDue             bool
	ended              bool
	why                error // that it ended; nil for a good end
}

func newStream(term, session uint64) *stream {
	return &stream{wake: make(chan struct{}, 1), term: term, session: session}
}

// ackMessage is the message of an Ack; the envelope is that of the session.
func (st *stream) ackMessage(a *pb.Ack) *pb.ConnectResponse {
	return &pb.ConnectResponse{Term: st.term, Session: st.session, Message: &pb.ConnectResponse_Ack{Ack: a}}
}

func (st *stream) send(message func() *pb.ConnectResponse) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ended {
		return
	}
	if len(st.pending) >= maxPending {
		st.pending = nil
		st.ended, st.why = true, fault.New(fault.Transient, "the executor reads too slowly: connect again")
	} else {
		st.pending = append(st.pending, message)
	}
	st.wakeUp()
}

// ack says that reports are durable, and which heartbeat is answered; 0 for none.
func (st *stream) ack(acknowledged, beat uint64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.acknowledged, st.beat = max(st.acknowledged, acknowledged), max(st.beat, beat)
	st.ackDue = true
	st.wakeUp()
}

// end ends the stream once what waits has been sent.
func (st *stream) end(why error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.ended {
		st.ended, st.why = true, why
	}
	st.wakeUp()
}

func (st *stream) wakeUp() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// outgoing is what is to be sent now.
type outgoing struct {
	messages []func() *pb.ConnectResponse
	ack      *pb.Ack
	ended    bool
	why      error
}

func (st *stream) take() outgoing {
	st.mu.Lock()
	defer st.mu.Unlock()
	o := outgoing{messages: st.pending, ended: st.ended, why: st.why}
	st.pending = nil
	if st.ackDue {
		o.ack = &pb.Ack{Sequence: st.acknowledged, Beat: st.beat}
		st.ackDue, st.beat = false, 0
	}
	return o
}

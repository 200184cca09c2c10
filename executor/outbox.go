package executor

import (
	"sync"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/failpoint"
)

// outbox is what waits to be sent over one stream: the session fills it and
// never waits for it, the goroutine of send empties it.
type outbox struct {
	term, session uint64
	wake          chan struct{} // holds one

	mu      sync.Mutex // guards what follows
	reports []*pb.ConnectRequest
	beat    *pb.Heartbeat // the latest
	ack     uint64
	ackDue  bool
	ended   bool
}

func newOutbox(term, session uint64) *outbox {
	return &outbox{term: term, session: session, wake: make(chan struct{}, 1)}
}

func (o *outbox) change(do func()) {
	o.mu.Lock()
	do()
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) report(m *pb.ConnectRequest) {
	o.change(func() { o.reports = append(o.reports, m) })
}

func (o *outbox) heartbeat(m *pb.Heartbeat) { o.change(func() { o.beat = m }) }

// arrived says which commands have arrived; one Ack says it for many.
func (o *outbox) arrived(sequence uint64) { o.change(func() { o.ack, o.ackDue = sequence, true }) }

func (o *outbox) end() { o.change(func() { o.ended = true }) }

// take returns what is to be sent now.
func (o *outbox) take() (messages []*pb.ConnectRequest, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	messages, o.reports = o.reports, nil
	if o.ackDue {
		messages = append(messages, &pb.ConnectRequest{Message: &pb.ConnectRequest_Ack{Ack: &pb.Ack{Sequence: o.ack}}})
		o.ackDue = false
	}
	if o.beat != nil {
		messages = append(messages, &pb.ConnectRequest{Message: &pb.ConnectRequest_Heartbeat{Heartbeat: o.beat}})
		o.beat = nil
	}
	for _, m := range messages {
		m.Term, m.Session = o.term, o.session
	}
	return messages, o.ended
}

// send sends until the stream ends.
func (o *outbox) send(st *stream) error {
	for range o.wake {
		messages, ended := o.take()
		if ended {
			return nil
		}
		for _, m := range messages {
			if err := deliver(st, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliver sends one message.
func deliver(st *stream, m *pb.ConnectRequest) error {
	isReport := m.GetSequence() != 0
	if isReport {
		if err := failpoint.Hit(failpoint.ReportSend); err != nil {
			return err
		}
	}
	if err := st.Send(m); err != nil {
		return err
	}
	if isReport {
		return failpoint.Hit(failpoint.ReportSent)
	}
	return nil
}

package journal

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/raft"
)

// leaderPoll is how often it is asked whether this coordinator leads: the
// channel that raft offers holds the last change only and has one reader.
const leaderPoll = 20 * time.Millisecond

// Lead waits until this coordinator leads and has applied everything that came
// before, and returns its term. Leadership may be lost at any time after:
// Append says so, and Lost waits for it.
func (j *Journal) Lead(ctx context.Context) (term uint64, err error) {
	tick := time.NewTicker(leaderPoll)
	defer tick.Stop()
	for {
		if j.raft.State() == raft.Leader {
			term := j.raft.CurrentTerm()
			err := j.raft.Barrier(barrierTimeout).Error()
			if err == nil && j.Leads(term) {
				return term, nil
			}
			if errors.Is(err, raft.ErrRaftShutdown) {
				return 0, errClosed
			}
		}
		select {
		case <-tick.C:
		case <-j.stop:
			return 0, errClosed
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// barrierTimeout bounds one try; a longer replay takes several.
const barrierTimeout = 10 * time.Second

// Leads reports whether this coordinator still leads in a term, as far as it
// knows: another may have taken over already.
func (j *Journal) Leads(term uint64) bool {
	return j.raft.State() == raft.Leader && j.raft.CurrentTerm() == term
}

// Lost waits until this coordinator does not lead in a term any more, the
// journal closes, or ctx ends.
func (j *Journal) Lost(ctx context.Context, term uint64) {
	tick := time.NewTicker(leaderPoll)
	defer tick.Stop()
	for j.Leads(term) {
		select {
		case <-tick.C:
		case <-j.stop:
			return
		case <-ctx.Done():
			return
		}
	}
}

// Resign lets another coordinator lead, if this one does, and waits for that about a
// second. Others need not find out by themselves then that this one ends.
func (j *Journal) Resign() error {
	if j.raft.State() != raft.Leader {
		return nil
	}
	return j.raft.LeadershipTransfer().Error()
}

// Verify asks the other coordinators whether this one leads: before what cannot
// be taken back. The error is ErrNotLeading when it does not.
func (j *Journal) Verify() error {
	if err := j.raft.VerifyLeader().Error(); err != nil {
		return translate(err)
	}
	return nil
}

// Leader returns the leader's name, empty when none is known.
func (j *Journal) Leader() string {
	address, _ := j.raft.LeaderWithID()
	return string(address)
}

// Snapshot takes a snapshot now, so that the next start replays nothing.
func (j *Journal) Snapshot() error {
	err := j.raft.Snapshot().Error()
	if errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return nil
	}
	return err
}

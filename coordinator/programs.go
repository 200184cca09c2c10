package coordinator

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sheafdata/sheaf/coordinator/artifact"
	"github.com/sheafdata/sheaf/internal/fault"
)

// programsRetry is when peers are asked again for a program that none of them had.
const programsRetry = 5 * time.Second

// shareTimeout bounds how long a submission waits for another coordinator to have
// its program. A client asks again after that, and copies go on.
const shareTimeout = 20 * time.Second

// program opens a program that is here, or that a peer has.
func (c *Coordinator) program(ctx context.Context, name string) (*os.File, int64, error) {
	f, size, err := c.programs.Read(name)
	if c.peers == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, size, err
	}
	if err := c.obtain(ctx, name, c.journal.Leader()); err != nil {
		return nil, 0, err
	}
	return c.programs.Read(name)
}

// share waits until another coordinator has a program as well: a job that was
// submitted must not be lost with the one that took it.
func (c *Coordinator) share(ctx context.Context, name string) error {
	if c.peers == nil {
		return nil
	}
	// Who copies goes on when it is not waited for any more.
	ctx, cancel := context.WithTimeout(ctx, shareTimeout)
	defer cancel()
	others := c.others("")
	answers := make(chan error, len(others))
	for _, peer := range others {
		go func() { answers <- c.peers.AskCopy(ctx, peer, name) }()
	}
	var reasons []string
	shared := false
	for range others { // all are waited for, and end soon when one has it
		err := <-answers
		switch {
		case err == nil:
			shared = true
			cancel()
		default:
			reasons = append(reasons, err.Error())
		}
	}
	if shared {
		return nil
	}
	return fault.New(fault.Transient, "program %s is on this coordinator alone, and would be lost with it: %s", name, strings.Join(reasons, "; "))
}

// others are the names of the other coordinators, one of them first.
func (c *Coordinator) others(first string) []string {
	var names []string
	for _, p := range c.cfg.Peers {
		switch p.Name {
		case c.cfg.Name:
		case first:
			names = slices.Insert(names, 0, p.Name)
		default:
			names = append(names, p.Name)
		}
	}
	return names
}

// obtain brings a program here unless it is here, from where an earlier try broke
// off. One peer is asked before the others.
func (c *Coordinator) obtain(ctx context.Context, name, first string) error {
	// One at a time: many executors may ask for the same one at once.
	select {
	case c.obtaining <- struct{}{}:
		defer func() { <-c.obtaining }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var reasons []string
	for _, peer := range c.others(first) {
		err := c.obtainFrom(ctx, peer, name)
		if err == nil {
			return nil
		}
		reasons = append(reasons, err.Error())
	}
	// One that is away now may have it: whoever asks shall ask again, and not give up.
	return fault.New(fault.Transient, "program %s is not here, and no other coordinator gives it: %s", name, strings.Join(reasons, "; "))
}

func (c *Coordinator) obtainFrom(ctx context.Context, peer, name string) error {
	have, complete, err := c.programs.Stat(name)
	if complete || err != nil {
		return err
	}
	return c.peers.ReadProgram(ctx, peer, name, have, func(data []byte, offset, total int64) error {
		_, complete, err := c.programs.Write(artifact.Chunk{Name: name, Total: total, Offset: offset, Data: data}, c.keeps())
		if complete {
			c.log.Info("program fetched", "artifact", name, "bytes", total, "from", peer)
		}
		return err
	})
}

// keeps says which programs must stay when room is made. Jobs are asked for when
// that happens and not before: a program whose hold is gone by then is needed by a
// job that is known by then.
func (c *Coordinator) keeps() func(name string) bool {
	needed := sync.OnceValue(c.machine.programs)
	return func(name string) bool { return needed()[name] }
}

// followPrograms sees to it that the programs of jobs are here before this
// coordinator leads.
func (c *Coordinator) followPrograms() {
	if c.peers == nil {
		return
	}
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-c.machine.added:
		case <-retry.C:
		case <-c.ctx.Done():
			return
		}
		for name := range c.machine.programs() {
			if _, complete, err := c.programs.Stat(name); complete || err != nil {
				continue
			}
			if err := c.obtain(c.ctx, name, c.journal.Leader()); err != nil && c.ctx.Err() == nil {
				c.log.Debug("a program is missing: trying again", "artifact", name, "err", err)
				retry.Reset(programsRetry)
			}
		}
	}
}

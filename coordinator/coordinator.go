// Package coordinator is the daemon that decides: it takes jobs from clients,
// keeps every event in its journal before it acts on it, drives the scheduler,
// and tells executors what to run. It never runs user code and never touches a
// row. A coordinator that starts again replays its journal and goes on where the
// one before it was.
//
// Start begins a coordinator; it owns its goroutines (the loop, the server and
// one for each stream) until Close has returned.
package coordinator

import (
	"context"
	"errors"
)

// Coordinator is a running coordinator. Its methods are safe for concurrent use.
type Coordinator struct {
	address   string
	clusterID string
	done      chan struct{}
	err       error
}

// Start begins a coordinator and returns once it answers calls. ctx bounds the
// start alone. The directory of a running coordinator is refused.
func Start(ctx context.Context, cfg Config) (*Coordinator, error) {
	return nil, errors.ErrUnsupported
}

// Address returns where the coordinator answers, as host:port.
func (c *Coordinator) Address() string { return c.address }

// ClusterID returns the cluster's id, 32 hexadecimal digits: the label of its
// gossip.
func (c *Coordinator) ClusterID() string { return c.clusterID }

// Done is closed when the coordinator has ended, by Close or because it could
// not go on; Err says why.
func (c *Coordinator) Done() <-chan struct{} { return c.done }

// Err returns why the coordinator ended by itself, nil while it runs and after
// Close.
func (c *Coordinator) Err() error { return c.err }

// Close ends the coordinator: streams end, jobs stay as they are in the journal.
// It returns when nothing of the coordinator runs any more.
func (c *Coordinator) Close() error { return nil }

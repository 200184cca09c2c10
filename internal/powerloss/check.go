package powerloss

import (
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
)

// atOnce is how many trees are checked at a time: some checks wait more than work.
const atOnce = 8

// Check writes into directories below dir what each of the losses leaves before
// each operation and after the last, and calls check with each, several at a time.
// It returns the first error, with where it was, and how many trees there were. The
// syncs in ignored do not happen; what was before the first of them is left out then.
func (t *Trace) Check(dir string, losses []Loss, check func(before int, dir string) error, ignored ...int) (trees int, err error) {
	c := &checks{room: make(chan struct{}, atOnce)}
	for i, d := range t.Crashes(ignored...) {
		if len(ignored) > 0 && i <= slices.Min(ignored) {
			continue
		}
		for _, l := range losses {
			if c.failed() {
				break
			}
			trees++
			c.start(d, l, dir, func(tree string) error {
				if err := check(i, tree); err != nil {
					return fmt.Errorf("power lost before %s; %v: %w", t.What(i), l, err)
				}
				return nil
			})
			if d.safe() {
				break // every loss leaves the same
			}
		}
	}
	c.running.Wait()
	return trees, c.first
}

// checks are those that run.
type checks struct {
	room    chan struct{}
	running sync.WaitGroup
	mu      sync.Mutex // guards first
	first   error
}

func (c *checks) failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first != nil
}

func (c *checks) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == nil {
		c.first = err
	}
}

// start writes a tree and has it checked while the caller goes on.
func (c *checks) start(d *Disk, l Loss, dir string, check func(tree string) error) {
	c.room <- struct{}{}
	tree, err := os.MkdirTemp(dir, "tree-")
	if err == nil {
		err = d.Crash(l, tree)
	}
	if err != nil {
		c.fail(err)
		<-c.room
		return
	}
	c.running.Go(func() {
		defer func() { <-c.room }()
		defer os.RemoveAll(tree) // the caller removes dir
		defer func() {
			if p := recover(); p != nil { // what a loss left must not end the next process either
				c.fail(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		if err := check(tree); err != nil {
			c.fail(err)
		}
	})
}

// Unneeded lists which of the syncs can be left out, one at a time, without an
// error of check: nobody needs them, or check does not see what they are for.
func (t *Trace) Unneeded(dir string, losses []Loss, check func(before int, dir string) error, syncs []int) []string {
	var unneeded []string
	for _, sync := range syncs {
		if _, err := t.Check(dir, losses, check, sync); err == nil {
			unneeded = append(unneeded, t.What(sync))
		}
	}
	return unneeded
}

package schedule

import (
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

// timer ends the wait of a task, or looks whether it is slow.
type timer struct {
	at     time.Duration
	seq    int
	task   *task
	number int // the attempt that failed, or that may be slow
	backup bool
	exec   *executor // whose probation ends; nil for a task's timer
}

func lessTimer(a, b timer) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.seq < b.seq
}

// valid reports whether the task still waits for this timer.
func (t timer) valid() bool {
	if t.exec != nil {
		return t.exec.aside == t.at
	}
	if t.backup {
		return t.task.state == running && t.task.number == t.number && t.task.twin == nil && t.task.wanted() && !t.task.void()
	}
	return t.task.state == waiting && t.task.number == t.number && t.task.wanted()
}

func (c *Core) fireTimers() {
	for c.timers.len() > 0 && c.timers.top().at <= c.now {
		switch t := c.timers.pop(); {
		case !t.valid():
		case t.exec != nil:
			c.comeBack(t.exec)
		case t.backup:
			c.slow = append(c.slow, t)
		default:
			c.requeue(t.task)
		}
	}
}

// backoff is the wait after the n-th fault of a task: between half and all of
// an exponential step, by a hash of the attempt, so that tasks which failed
// together do not come back together.
func (c Config) backoff(id plan.TaskID, n, number int) time.Duration {
	step := c.BackoffBase
	for ; n > 1 && step < c.BackoffMax; n-- {
		step *= 2
	}
	step = min(step, c.BackoffMax)
	h := mix(uint64(id.Stage)<<40 ^ uint64(id.Index)<<8 ^ uint64(number))
	return step/2 + time.Duration(h%uint64(step/2+1))
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

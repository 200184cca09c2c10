package schedule

import (
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// driverPlan is the plan of a driver.
func driverPlan(name string) plan.Plan {
	return plan.Plan{
		Name:   name,
		Stages: []plan.Stage{{Source: &plan.Source{Drives: true}, Sinks: []plan.SinkID{0}}}, Sinks: []plan.Sink{{}},
	}
}

// driven is a core in which the driver of each job has begun on executors of one
// slot; it returns where.
func driven(t *testing.T, executors, jobs int) (*Core, map[plan.ExecutorID]int) {
	t.Helper()
	c, on := New(Config{}), map[plan.ExecutorID]int{}
	for i := range executors {
		c.Step(ExecutorJoined{Executor: plan.ExecutorID(string("abc"[i])), Session: plan.SessionID(i + 1), Slots: 1})
	}
	for i := range jobs {
		id := plan.JobID{byte(i + 1)}
		listing := launches(nil, c.Step(JobSubmitted{Job: id, Plan: driverPlan("driver")}))
		if len(listing) != 1 || listing[0].Assignment.Work != plan.Enumerate {
			t.Fatalf("job %d: launched %v, want that its input is listed", i, listing)
		}
		begun := launches(nil, c.Step(AttemptFinished{
			Executor: listing[0].Executor, Session: listing[0].Session, Attempt: listing[0].Assignment.Attempt,
			Result: plan.Result{Splits: []plan.Split{{Length: 1}}},
		}))
		for _, l := range begun {
			on[l.Executor]++
		}
	}
	return c, on
}

// TestDriversTakeNoSlot: the only slot stays free for the jobs that a driver runs.
func TestDriversTakeNoSlot(t *testing.T) {
	c, on := driven(t, 1, 3)
	if on["a"] != 3 {
		t.Errorf("%v drivers run, want 3 beside the only slot", on)
	}
	if s, _ := c.Session("a"); s.Running != 0 {
		t.Errorf("%d slots are taken, want none", s.Running)
	}
}

func TestDriversSpread(t *testing.T) {
	if _, on := driven(t, 3, 7); on["a"] != 3 || on["b"] != 2 || on["c"] != 2 {
		t.Errorf("drivers run on %v, want them spread", on)
	}
}

// TestDriversAreBounded: one more than the limit waits, says why, and begins when
// another one has ended.
func TestDriversAreBounded(t *testing.T) {
	c, on := driven(t, 1, maxDrivers)
	last := plan.JobID{maxDrivers + 1}
	if begun := launches(nil, c.Step(JobSubmitted{Job: last, Plan: driverPlan("last")})); on["a"] != maxDrivers || len(begun) != 0 {
		t.Fatalf("%v drivers run and %v is launched, want the limit, %d", on, begun, maxDrivers)
	}
	if why := c.Waiting(last); !strings.Contains(why, "drivers, which is the limit") {
		t.Errorf("the last one waits because %q", why)
	}
	first := plan.AttemptID{Job: plan.JobID{1}, Task: plan.TaskID{}, Number: 1}
	if !c.Drives("a", 1, first) {
		t.Fatal("the first driver does not run")
	}
	publish := launches(nil, c.Step(AttemptFinished{Executor: "a", Session: 1, Attempt: first}))
	if len(publish) != 1 || publish[0].Assignment.Work != plan.Publish {
		t.Fatalf("launched %v, want what publishes the first", publish)
	}
	begun := launches(nil, c.Step(AttemptFinished{Executor: "a", Session: 1, Attempt: publish[0].Assignment.Attempt}))
	if len(begun) != 1 || begun[0].Assignment.Attempt.Job != last {
		t.Errorf("launched %v, want the last driver", begun)
	}
}

// TestDriverMoves: a driver whose executor is lost goes on at another one.
func TestDriverMoves(t *testing.T) {
	c, on := driven(t, 2, 1)
	if on["a"] != 1 {
		t.Fatalf("the driver runs on %v, want a", on)
	}
	begun := launches(nil, c.Step(ExecutorLost{Executor: "a", Session: 1}))
	if len(begun) != 1 || begun[0].Executor != "b" || begun[0].Assignment.Attempt.Number != 2 {
		t.Errorf("launched %v, want a second attempt on b", begun)
	}
}

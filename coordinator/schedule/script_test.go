package schedule

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/plan"
)

// TestScripts runs the stories in testdata. A story is blocks of a command
// (one line, plus lines that belong to it), a line "----" and the actions that
// the core answers with. The commands:
//
//	config attempts=N faults=N split=SIZE partition=SIZE per-slot=N collect=SIZE backup=DURATION
//	submit JOB [priority=N] [limit=N]   followed by its plan, see parsePlan
//	join EXECUTOR s=SESSION slots=N
//	drain EXECUTOR s=SESSION
//	lost EXECUTOR s=SESSION
//	finish EXECUTOR ATTEMPT [splits=PATH:SIZE,...] [bytes=SIZE] [buckets=SIZE,...] [keys=KEY:SIZE,...] [files=NAME,...] [rows=N] [digest=WORD] [partial=WORD]
//	fail EXECUTOR ATTEMPT kind=KIND [msg=WORD] [unreadable=ATTEMPT:EXCHANGE,...]
//	cancel JOB [REASON]
//	forget JOB
//	tick
//	show JOB
//	why JOB                    why it waits
//	restart                    copies the core and goes on with the copy
//
// An attempt is JOB:STAGE/INDEX#NUMBER, with eEPOCH behind it above epoch 0. Map
// outputs have the same row digest unless another one is given. s=SESSION is the executor's latest
// unless given; at=DURATION moves time before any command.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("Glob(testdata/*.txt) = %v, %v, want stories", paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { runScript(t, path) })
	}
}

func runScript(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &script{core: New(Config{}), sessions: map[plan.ExecutorID]plan.SessionID{}}
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		var comment, input []string
		for _, line := range strings.Split(block, "\n") {
			if line == "----" {
				break
			}
			if strings.HasPrefix(line, "#") {
				comment = append(comment, line)
			} else {
				input = append(input, line)
			}
		}
		for _, line := range comment {
			fmt.Fprintln(&out, line)
		}
		if len(input) > 0 {
			got := s.run(t, input)
			fmt.Fprintln(&out, strings.Join(append(append(input, "----"), got...), "\n"))
		}
		fmt.Fprintln(&out)
	}
	golden.Check(t, path, strings.TrimSpace(out.String())+"\n")
}

type script struct {
	core     *Core
	now      time.Duration
	sessions map[plan.ExecutorID]plan.SessionID
}

// command is one line, taken apart.
type command struct {
	words []string
	args  map[string]string
}

func (cm command) word(i int) string {
	if i < len(cm.words) {
		return cm.words[i]
	}
	return ""
}

func (cm command) list(key string) []string {
	if cm.args[key] == "" {
		return nil
	}
	return strings.Split(cm.args[key], ",")
}

func parseCommand(line string) command {
	cm := command{args: map[string]string{}}
	for _, w := range strings.Fields(line) {
		if k, v, ok := strings.Cut(w, "="); ok {
			cm.args[k] = v
		} else {
			cm.words = append(cm.words, w)
		}
	}
	return cm
}

func (s *script) run(t *testing.T, input []string) []string {
	cm := parseCommand(input[0])
	if at := cm.args["at"]; at != "" {
		s.now = duration(t, at)
	}
	switch cm.word(0) {
	case "config":
		s.core = New(Config{
			MaxAttempts: number(cm.args["attempts"]), MaxFaults: number(cm.args["faults"]),
			SplitBytes: size(cm.args["split"]), PartitionBytes: size(cm.args["partition"]), TasksPerSlot: number(cm.args["per-slot"]),
			CollectBytes: size(cm.args["collect"]), BackupAfter: duration(t, cmp.Or(cm.args["backup"], "0s")),
		})
		return nil
	case "show":
		return s.show(cm.word(1))
	case "why":
		return []string{fmt.Sprintf("%q", s.core.Waiting(jobID(cm.word(1))))}
	case "restart":
		s.core = reload(t, s.core)
		return nil
	}
	ev := s.event(t, cm, input[1:])
	var got []string
	for _, a := range s.core.Step(ev) {
		got = append(got, describeAction(a))
	}
	if at, ok := s.core.NextTick(); ok {
		got = append(got, fmt.Sprintf("(next tick at %v)", at))
	}
	return got
}

func (s *script) event(t *testing.T, cm command, rest []string) Event {
	e := plan.ExecutorID(cm.word(1))
	session := s.sessions[e]
	if v := cm.args["s"]; v != "" {
		session = plan.SessionID(number(v))
	}
	switch cm.word(0) {
	case "submit":
		return JobSubmitted{
			At: s.now, Job: jobID(cm.word(1)), Plan: parsePlan(t, rest), Priority: number(cm.args["priority"]), MaxRunning: number(cm.args["limit"]),
		}
	case "join":
		s.sessions[e] = session
		return ExecutorJoined{At: s.now, Executor: e, Session: session, Slots: number(cm.args["slots"]), Low: cm.args["low"] != ""}
	case "low", "high":
		return DiskLow{At: s.now, Executor: e, Session: session, Low: cm.word(0) == "low"}
	case "drain":
		return ExecutorDraining{At: s.now, Executor: e, Session: session}
	case "lost":
		return ExecutorLost{At: s.now, Executor: e, Session: session}
	case "finish":
		id := parseAttempt(t, cm.word(2))
		return AttemptFinished{At: s.now, Executor: e, Session: session, Attempt: id, Result: s.result(cm, id)}
	case "fail":
		return s.failure(t, cm, e, session)
	case "cancel":
		return CancelRequested{At: s.now, Job: jobID(cm.word(1)), Reason: strings.Join(cm.words[2:], " ")}
	case "forget":
		return JobForgotten{At: s.now, Job: jobID(cm.word(1))}
	case "tick":
		return Tick{At: s.now}
	}
	t.Fatalf("no command is called %q", cm.word(0))
	return nil
}

func (s *script) failure(t *testing.T, cm command, e plan.ExecutorID, session plan.SessionID) Event {
	ev := AttemptFailed{At: s.now, Executor: e, Session: session, Attempt: parseAttempt(t, cm.word(2))}
	if err := ev.Failure.Kind.UnmarshalText([]byte(cm.args["kind"])); err != nil {
		t.Fatal(err)
	}
	ev.Failure.Message = cm.args["msg"]
	if ev.Failure.Message == "" {
		ev.Failure.Message = "boom"
	}
	for _, u := range cm.list("unreadable") {
		i := strings.LastIndex(u, ":")
		ev.Unreadable = append(ev.Unreadable, plan.OutputID{Attempt: parseAttempt(t, u[:i]), Exchange: plan.ExchangeID(number(u[i+1:]))})
	}
	return ev
}

// result fills in what the attempt's stage writes.
func (s *script) result(cm command, id plan.AttemptID) plan.Result {
	r := plan.Result{Figures: plan.Figures{RowsIn: 1, RowsOut: int64(number(cm.args["rows"]))}}
	for _, v := range cm.list("splits") {
		name, n, _ := strings.Cut(v, ":")
		f := file(name, size(strings.TrimSuffix(n, "!")))
		f.Cuttable = !strings.HasSuffix(n, "!")
		r.Splits = append(r.Splits, f)
	}
	j := s.core.jobs[id.Job]
	if j == nil || id.Task.Stage < 0 || int(id.Task.Stage) >= len(j.plan.Stages) {
		return r
	}
	stage := j.plan.Stages[id.Task.Stage]
	for _, x := range stage.Exchanges {
		r.Outputs = append(r.Outputs, s.output(cm, &j.plan.Exchanges[x], id))
	}
	for _, sink := range stage.Sinks {
		if cm.args["rows"] != "" {
			r.Rows = append(r.Rows, plan.CollectedRows{Sink: sink, Blocks: [][]byte{[]byte(id.Task.String())}})
			continue
		}
		for _, name := range cm.list("files") {
			r.Files = append(r.Files, plan.StagedFile{Sink: sink, Attempt: id, Name: name})
		}
	}
	return r
}

func (s *script) output(cm command, x *plan.Exchange, id plan.AttemptID) plan.MapOutput {
	o := plan.MapOutput{ID: plan.OutputID{Attempt: id, Exchange: x.ID}, Bytes: size(cm.args["bytes"]), RowDigest: cmp.Or(cm.args["digest"], "same"), Partial: cm.args["partial"] != ""}
	if x.Kind == plan.Hash {
		o.BucketBytes = make([]int64, x.Buckets)
		for b := range o.BucketBytes {
			o.BucketBytes[b] = o.Bytes / int64(x.Buckets)
		}
		for b, n := range cm.list("buckets") {
			o.BucketBytes[b] = size(n)
			o.Bytes += size(n)
		}
	}
	for _, k := range cm.list("keys") {
		key, n, _ := strings.Cut(k, ":")
		o.Samples = append(o.Samples, sample(key, size(n)))
		o.Bytes += size(n)
	}
	return o
}

func (s *script) show(name string) []string {
	p, ok := s.core.Progress(jobID(name))
	if !ok {
		return []string{"unknown"}
	}
	out := []string{string(p.State)}
	for _, st := range p.Stages {
		if !st.Known {
			out = append(out, fmt.Sprintf("stage %d %q: not known", st.ID, st.Name))
			continue
		}
		out = append(out, fmt.Sprintf("stage %d %q: %d tasks of %s, %d waiting, %d running, %d done, %d failed attempts, %d rows in",
			st.ID, st.Name, st.Tasks, describeBytes(st.Bytes), st.Waiting, st.Running, st.Done, st.Failed, st.Figures.RowsIn))
	}
	return out
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// size reads "12", "3K", "64M".
func size(s string) int64 {
	n := int64(number(strings.TrimRight(s, "KM")))
	switch {
	case strings.HasSuffix(s, "K"):
		return n * kib
	case strings.HasSuffix(s, "M"):
		return n * mib
	}
	return n
}

func jobID(name string) plan.JobID {
	var id plan.JobID
	copy(id[:], name)
	return id
}

func jobName(id plan.JobID) string { return strings.TrimRight(string(id[:]), "\x00") }

func duration(t *testing.T, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func parseAttempt(t *testing.T, s string) plan.AttemptID {
	job, rest, ok1 := strings.Cut(s, ":")
	task, num, ok2 := strings.Cut(rest, "#")
	if !ok1 || !ok2 {
		t.Fatalf("attempt %q, want JOB:STAGE/INDEX#NUMBER", s)
	}
	stage, index, _ := strings.Cut(task, "/")
	num, epoch, later := strings.Cut(num, "e")
	id := plan.AttemptID{Job: jobID(job), Number: number(num), Task: plan.TaskID{Index: number(index)}}
	if later {
		id.Epoch = uint32(number(epoch))
	}
	switch stage {
	case "enumerate":
		id.Task.Stage = plan.EnumerateStage
	case "publish":
		id.Task.Stage = plan.PublishStage
	default:
		id.Task.Stage = plan.StageID(number(stage))
	}
	return id
}

func describeAttempt(a plan.AttemptID) string {
	s := fmt.Sprintf("%s:%v#%d", jobName(a.Job), a.Task, a.Number)
	if a.Epoch > 0 {
		s += fmt.Sprintf("e%d", a.Epoch)
	}
	return s
}

func describeAction(a Action) string {
	switch a := a.(type) {
	case Launch:
		return fmt.Sprintf("launch %s/%d %s %s", a.Executor, a.Session, describeAttempt(a.Assignment.Attempt), describeWork(a.Assignment))
	case Cancel:
		return fmt.Sprintf("cancel %s/%d %s", a.Executor, a.Session, describeAttempt(a.Attempt))
	case Release:
		var ids []string
		for _, id := range a.Attempts {
			ids = append(ids, describeAttempt(id))
		}
		return fmt.Sprintf("release %s/%d %s", a.Executor, a.Session, strings.Join(ids, " "))
	case ReleaseJob:
		return fmt.Sprintf("release-job %s/%d %s", a.Executor, a.Session, jobName(a.Job))
	case SetAside:
		return fmt.Sprintf("set-aside %s until %v after %d failures", a.Executor, a.Until, a.Failures)
	case Reinstated:
		return fmt.Sprintf("reinstated %s", a.Executor)
	case Damaged:
		blame := fmt.Sprintf("the network between %s and %s", a.Reader, a.Holder)
		if a.Disk {
			blame = "the disk of " + string(a.Holder)
		}
		return fmt.Sprintf("damaged %s:%d: %s is to blame", describeAttempt(a.Output.Attempt), a.Output.Exchange, blame)
	case RolledBack:
		return fmt.Sprintf("rolled-back %s: %d tasks of stage %d because of %v", jobName(a.Job), a.Tasks, a.Stage, a.Because)
	case JobDone:
		s := fmt.Sprintf("done %s: %d rows in", jobName(a.Job), a.Figures.RowsIn)
		for _, r := range a.Rows {
			s += fmt.Sprintf(", sink %d from %s", r.Sink, r.Blocks[0])
		}
		return s
	case JobFailed:
		return describeFailure(a)
	}
	return fmt.Sprint(a)
}

func describeFailure(a JobFailed) string {
	s := fmt.Sprintf("failed %s: %v: %s", jobName(a.Job), a.Failure.Kind, a.Failure.Message)
	if a.Failure.Detail != "" {
		s += " (" + a.Failure.Detail + ")"
	}
	if a.Attempts > 0 {
		s += fmt.Sprintf(" [%v, %d attempts]", a.Task, a.Attempts)
	}
	if a.Canceled {
		s += " [canceled]"
	}
	return s
}

func describeWork(a plan.Assignment) string {
	s := string(a.Work)
	if len(a.Splits) > 0 {
		s += " " + describeTasks([][]plan.Split{a.Splits})
	}
	if p := a.Partition; p != nil {
		s += fmt.Sprintf(" x%d", p.Exchange)
		if p.EndBucket > 0 {
			s += fmt.Sprintf(" buckets %d-%d", p.FirstBucket, p.EndBucket)
		} else {
			s += fmt.Sprintf(" keys %q-%q", p.FromKey, p.ToKey)
		}
		for _, o := range p.Outputs {
			s += fmt.Sprintf(" %v#%d@%s", o.ID.Attempt.Task, o.ID.Attempt.Number, o.Executor)
		}
	}
	for _, f := range a.Files {
		s += fmt.Sprintf(" s%d:%s", f.Sink, f.Name)
	}
	return s
}

// parsePlan reads a plan: a line a stage, "0 source > x0 s1" or "1 x0 > s0"
// with what it reads and writes, and a line an exchange, "x0 hash 4".
func parsePlan(t *testing.T, lines []string) plan.Plan {
	p := plan.Plan{Name: "story"}
	sinks := 0
	for _, line := range lines {
		f := strings.Fields(line)
		if strings.HasPrefix(f[0], "x") {
			x := plan.Exchange{ID: plan.ExchangeID(number(f[0][1:])), Kind: plan.ExchangeKind(f[1]), Buckets: 1}
			if len(f) > 2 {
				x.Buckets = number(f[2])
			}
			p.Exchanges = append(p.Exchanges, x)
			continue
		}
		st := plan.Stage{ID: plan.StageID(number(f[0])), Name: "stage" + f[0]}
		if f[1] == "source" {
			st.Source = &plan.Source{Name: "text"}
		} else {
			x := plan.ExchangeID(number(f[1][1:]))
			st.Exchange = &x
		}
		for _, w := range f[3:] {
			if w == string(plan.Deterministic) || w == string(plan.Indeterminate) {
				st.Promise, st.PromiseAt = plan.Promise(w), "Map at job.go:7"
			} else if w[0] == 'x' {
				st.Exchanges = append(st.Exchanges, plan.ExchangeID(number(w[1:])))
			} else {
				st.Sinks = append(st.Sinks, plan.SinkID(number(w[1:])))
				sinks = max(sinks, number(w[1:])+1)
			}
		}
		p.Stages = append(p.Stages, st)
	}
	linkPlan(&p, sinks)
	return p
}

// linkPlan fills in the other ends of exchanges, and the sinks.
func linkPlan(p *plan.Plan, sinks int) {
	for _, st := range p.Stages {
		if st.Exchange != nil && within(int(*st.Exchange), len(p.Exchanges)) {
			p.Exchanges[*st.Exchange].Consumer = st.ID
		}
		for _, x := range st.Exchanges {
			if within(int(x), len(p.Exchanges)) {
				p.Exchanges[x].Producers = append(p.Exchanges[x].Producers, st.ID)
			}
		}
	}
	for i := range sinks {
		p.Sinks = append(p.Sinks, plan.Sink{ID: plan.SinkID(i), Destination: "out"})
	}
}

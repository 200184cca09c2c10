package schedule

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// runKeyed plays a job of one map stage and a sorted exchange, whose map tasks
// report outputs. It gives keep a chance to go on with another core after every
// event, and returns the core once the job is done, and the progress when its
// reducers began.
func runKeyed(t *testing.T, cfg Config, outputs []plan.MapOutput, keep func(*Core) *Core) (begun, ended Progress) {
	t.Helper()
	c := New(cfg)
	c.Step(ExecutorJoined{Executor: "e", Session: 1, Slots: 2})
	p := parsePlan(t, []string{"0 source > x0", "1 x0 > s0", "x0 range"})
	p.Exchanges[0].Name, p.Exchanges[0].At = "GroupByKey", "jobs/job.go:7"
	queue := launches(nil, c.Step(JobSubmitted{Plan: p}))
	for len(queue) > 0 {
		a := queue[0].Assignment
		queue = queue[1:]
		var r plan.Result
		switch {
		case a.Work == plan.Enumerate:
			for range outputs {
				r.Splits = append(r.Splits, whole("f", mib))
			}
		case a.Work == plan.Run && a.Attempt.Task.Stage == 0:
			o := outputs[a.Attempt.Task.Index]
			o.ID = plan.OutputID{Attempt: a.Attempt}
			r.Outputs = []plan.MapOutput{o}
		case a.Partition != nil && begun.State == "":
			begun, _ = c.Progress(a.Attempt.Job)
		}
		queue = launches(queue, c.Step(AttemptFinished{Executor: "e", Session: 1, Attempt: a.Attempt, Result: r}))
		c = keep(c)
	}
	ended, _ = c.Progress(plan.JobID{})
	if ended.State != Done {
		t.Fatalf("the job is %s at the end, want done", ended.State)
	}
	return begun, ended
}

// TestHotKeysEqualSums adds up what random map tasks name, by a core and naively:
// sums are exact, and no key has more than its sum and what may have been missed.
func TestHotKeysEqualSums(t *testing.T) {
	for _, seed := range seeds(60) {
		r := rand.New(rand.NewPCG(seed, 11))
		cfg := Config{SplitBytes: mib, SortSplitBytes: mib, PartitionBytes: mib + r.Int64N(8*mib)}
		sums, named := map[plan.KeyHash]int64{}, map[plan.KeyHash]int64{}
		var outputs []plan.MapOutput
		var total int64
		for range 1 + r.IntN(20) {
			var o plan.MapOutput
			for range r.IntN(30) {
				hash := plan.KeyHash(float64(400) * r.Float64() * r.Float64() * r.Float64())
				if slices.ContainsFunc(o.Keys, func(k plan.KeyWeight) bool { return k.Hash == hash }) {
					continue
				}
				bytes := r.Int64N(8 * mib / int64(hash+1))
				sums[hash] += bytes
				o.Bytes += bytes
				o.Keys = append(o.Keys, plan.KeyWeight{Hash: hash, Text: hash.String(), Rows: bytes / 100, Bytes: bytes})
			}
			total += o.Bytes
			slices.SortFunc(o.Keys, func(a, b plan.KeyWeight) int { return cmp.Compare(b.Bytes, a.Bytes) })
			for len(o.Keys) > r.IntN(plan.MaxKeyWeights+1) {
				o.MissedBytes = max(o.MissedBytes, o.Keys[len(o.Keys)-1].Bytes)
				o.Keys = o.Keys[:len(o.Keys)-1]
			}
			for _, k := range o.Keys {
				named[k.Hash] += k.Bytes
			}
			outputs = append(outputs, o)
		}
		plain, end := runKeyed(t, cfg, outputs, func(c *Core) *Core { return c })
		copied, copiedEnd := runKeyed(t, cfg, outputs, func(c *Core) *Core { return reload(t, c) })
		for _, p := range []Progress{end, copied, copiedEnd} {
			if fmt.Sprint(p.HotKeys) != fmt.Sprint(plain.HotKeys) {
				t.Fatalf("seed %d: hot keys %v, want %v as when the reducers began", seed, p.HotKeys, plain.HotKeys)
			}
		}
		target := clampTarget(total, 2, partitionsPerSlot, cfg.PartitionBytes)
		told := map[plan.KeyHash]bool{}
		for i, k := range plain.HotKeys {
			told[k.Hash] = true
			switch {
			case k.Operator != "GroupByKey" || k.At != "jobs/job.go:7" || k.Key != k.Hash.String():
				t.Fatalf("seed %d: hot key %+v has other names", seed, k)
			case k.TotalBytes != total || k.Bytes > named[k.Hash] || sums[k.Hash] > k.Bytes+k.MissedBytes:
				t.Fatalf("seed %d: hot key %+v, want %d to %d of %d bytes", seed, k, named[k.Hash], sums[k.Hash], total)
			case k.Bytes < total/hotShare || k.Bytes <= target || i > 0 && k.Bytes > plain.HotKeys[i-1].Bytes:
				t.Fatalf("seed %d: hot key %d, %+v, is out of order or not hot with a target of %d", seed, i, k, target)
			}
		}
		for hash, n := range named {
			if n > total/hotShare && n > target && !told[hash] && len(told) < plan.MaxHotKeys && len(named) <= 2*keptKeys {
				t.Fatalf("seed %d: key %d has %d of %d bytes and is not told", seed, hash, n, total)
			}
		}
	}
}

// TestKeyWeightsAreBounded adds more keys than are kept: what is told stays true.
func TestKeyWeightsAreBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 12))
	var w keyWeights
	sums := map[plan.KeyHash]int64{}
	for range 500 {
		var o plan.MapOutput
		for range plan.MaxKeyWeights {
			hash := plan.KeyHash(r.IntN(1000))
			if r.IntN(4) == 0 {
				hash = 7
			}
			if slices.ContainsFunc(o.Keys, func(k plan.KeyWeight) bool { return k.Hash == hash }) {
				continue
			}
			o.Keys = append(o.Keys, plan.KeyWeight{Hash: hash, Bytes: 100 + r.Int64N(100)})
			sums[hash] += o.Keys[len(o.Keys)-1].Bytes
		}
		w.add(&o)
		if len(w.keys) > 2*keptKeys {
			t.Fatalf("%d keys are kept, want %d at most", len(w.keys), 2*keptKeys)
		}
	}
	if first := w.heaviestFirst()[0]; first.Hash != 7 || first.Bytes != sums[7] {
		t.Errorf("the heaviest key is %+v, want 7 with %d bytes", first, sums[7])
	}
	for hash, n := range sums {
		i := slices.IndexFunc(w.keys, func(k plan.KeyWeight) bool { return k.Hash == hash })
		if i >= 0 {
			n -= w.keys[i].Bytes
		}
		if n < 0 || n > w.missed {
			t.Errorf("key %d has %d bytes more than is known, want 0 to %d", hash, n, w.missed)
		}
	}
}

// TestTooManyKeyWeights holds that a worker gone mad is not believed.
func TestTooManyKeyWeights(t *testing.T) {
	x := &exchange{plan: &plan.Exchange{Kind: plan.Range}}
	tk := &task{stage: &stage{job: &job{plan: &plan.Plan{}}, outputs: []*exchange{x}}}
	r := plan.Result{Outputs: []plan.MapOutput{{ID: plan.OutputID{Attempt: tk.attempt()}, Keys: make([]plan.KeyWeight, plan.MaxKeyWeights)}}}
	if err := checkResult(tk, &r); err != nil {
		t.Errorf("checkResult = %v", err)
	}
	r.Outputs[0].Keys = make([]plan.KeyWeight, plan.MaxKeyWeights+1)
	if err := checkResult(tk, &r); err == nil {
		t.Errorf("checkResult takes %d keys", len(r.Outputs[0].Keys))
	}
}

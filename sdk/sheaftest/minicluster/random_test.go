package minicluster_test

import (
	"flag"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
	"github.com/sheafdata/sheaf/sdk/sheaftest/minicluster"
)

var (
	randomSeed  = flag.Uint64("random.seed", 0, "run only the random job of this seed")
	randomCount = flag.Int("random.count", 10, "random jobs to run")
)

// randomArgs choose a job, which every process builds from its seed.
type randomArgs struct {
	Seed          uint64
	Input, Output string
	Gate          string // a file that rows wait for somewhere; empty for none
}

const heldSuffix = ".held" // of the file beside a gate that says that a row waits

// pair is the row of random jobs.
type pair = sdk.KV[string, int64]

// randomSteps are the operators of random jobs: their rows do not depend on the
// order of rows that no verb promises.
var randomSteps = []struct {
	name string
	step func(sdk.Dataset[pair]) sdk.Dataset[pair]
}{
	{"map", func(d sdk.Dataset[pair]) sdk.Dataset[pair] {
		return sdk.Map(d, func(p pair) pair { return pair{Key: p.Key + "x", Value: p.Value + 1} })
	}},
	{"filter", func(d sdk.Dataset[pair]) sdk.Dataset[pair] {
		return sdk.Filter(d, func(p pair) bool { return p.Value%3 != 0 })
	}},
	{"flatmap", func(d sdk.Dataset[pair]) sdk.Dataset[pair] {
		return sdk.FlatMap(d, func(p pair, emit sdk.Emit[pair]) {
			for i := range p.Value & 3 {
				emit(pair{Key: p.Key, Value: p.Value + i})
			}
		})
	}},
	{"distinct", sdk.Distinct[pair]},
	{"count", func(d sdk.Dataset[pair]) sdk.Dataset[pair] {
		return sdk.Map(sdk.Count(d), func(c sdk.KV[pair, int64]) pair { return pair{Key: c.Key.Key, Value: c.Key.Value*7 + c.Value} })
	}},
	{"reduce", func(d sdk.Dataset[pair]) sdk.Dataset[pair] {
		return sdk.Reduce(d, func(a, b int64) int64 { return a + b })
	}},
	{"group", func(d sdk.Dataset[pair]) sdk.Dataset[pair] {
		return sdk.GroupByKey(d, func(key string, values iter.Seq[int64], emit sdk.Emit[pair]) {
			least, n := int64(1<<62), int64(0)
			for v := range values {
				least, n = min(least, v), n+1
			}
			emit(pair{Key: key, Value: least + n})
		})
	}},
	{"sort", func(d sdk.Dataset[pair]) sdk.Dataset[pair] { return sdk.Sort(d) }},
	{"top", func(d sdk.Dataset[pair]) sdk.Dataset[pair] { return sdk.TopK(d, 50) }},
	{"union", func(d sdk.Dataset[pair]) sdk.Dataset[pair] {
		return sdk.Union(d, sdk.Map(d, func(p pair) pair { return pair{Key: p.Key, Value: -p.Value} }))
	}},
}

// randomShape is what a seed makes of a job.
type randomShape struct {
	steps  []int // of randomSteps
	gate   int   // before which step it stands
	sorted bool
}

func shapeOf(seed uint64) (s randomShape) {
	r := rand.New(rand.NewPCG(seed, 1))
	for range 2 + r.IntN(3) {
		s.steps = append(s.steps, r.IntN(len(randomSteps)))
	}
	s.gate, s.sorted = r.IntN(len(s.steps)+1), r.IntN(2) == 0
	return s
}

func (s randomShape) String() string {
	var names []string
	for _, i := range s.steps {
		names = append(names, randomSteps[i].name)
	}
	return fmt.Sprintf("%s, gate at %d, sorted %v", strings.Join(names, " "), s.gate, s.sorted)
}

// throughGate lets no row go on before the gate exists.
func throughGate(d sdk.Dataset[pair], gate string, through sdk.Counter) sdk.Dataset[pair] {
	return sdk.MapErr(d, func(ctx *sdk.Context, p pair) (pair, error) {
		through.Add(ctx, p.Value)
		for gate != "" && !exists(gate) {
			if err := os.WriteFile(gate+heldSuffix, nil, 0o600); err != nil {
				return p, err
			}
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				return p, ctx.Err()
			}
		}
		return p, nil
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// collected are the rows of random jobs in this process, by output.
var collected sync.Map

var random = sdk.Define("random", func(p *sdk.Pipeline, a randomArgs) error {
	parsed, through := sdk.NewCounter(p, "parsed"), sdk.NewCounter(p, "through the gate")
	d := sdk.MapErr(text.Read(p, a.Input), func(ctx *sdk.Context, line string) (pair, error) {
		parsed.Add(ctx, 1)
		key, number, _ := strings.Cut(line, " ")
		value, err := strconv.ParseInt(number, 10, 64)
		return pair{Key: key, Value: value}, err
	})
	shape := shapeOf(a.Seed)
	for i, s := range shape.steps {
		if i == shape.gate {
			d = throughGate(d, a.Gate, through)
		}
		d = randomSteps[s].step(d)
	}
	if shape.gate == len(shape.steps) {
		d = throughGate(d, a.Gate, through)
	}
	if shape.sorted {
		d = sdk.Sort(d)
	}
	text.Write(d, a.Output)
	sdk.Collect(sdk.Sort(d), func(rows []pair) error {
		collected.Store(a.Output, rows)
		return nil
	})
	return nil
})

// TestRandomJobs compares random jobs on a cluster, of which executors are killed
// and the coordinator is restarted meanwhile, with the same jobs in local mode.
func TestRandomJobs(t *testing.T) {
	t.Parallel()
	seeds := []uint64{*randomSeed}
	if *randomSeed == 0 {
		count := *randomCount
		if testing.Short() {
			count = min(count, 3)
		}
		seeds = nil
		first := uint64(time.Now().UnixNano())
		for i := range count {
			seeds = append(seeds, first+uint64(i))
		}
	}
	c := minicluster.New(t, minicluster.Options{Executors: 3, SplitBytes: 1 << 10, PartitionBytes: 1 << 10, Lease: 500 * time.Millisecond})
	hits := 0
	for _, seed := range seeds {
		if randomJob(t, c, seed) {
			hits++
		}
		if t.Failed() {
			t.Fatalf("repeat with: go test ./sdk/sheaftest/minicluster -run TestRandomJobs -random.seed=%d", seed)
		}
	}
	t.Logf("seeds %d to %d: %d of %d jobs were at work when the first fault came", seeds[0], seeds[len(seeds)-1], hits, len(seeds))
	if hits == 0 && *randomSeed == 0 {
		t.Errorf("no fault came while one of %d jobs was at work: the jobs try too little", len(seeds))
	}
}

// randomJob runs the job of a seed in both ways and reports whether it was at work
// when the first fault came.
func randomJob(t *testing.T, c *minicluster.Cluster, seed uint64) (hit bool) {
	r := rand.New(rand.NewPCG(seed, 2))
	dir := t.TempDir()
	var input strings.Builder
	for range 200 + r.IntN(2000) {
		fmt.Fprintf(&input, "%s %d\n", strings.Repeat(string(rune('a'+r.IntN(8))), 1+r.IntN(3)), r.IntN(500))
	}
	write(t, filepath.Join(dir, "in.txt"), input.String())
	a := randomArgs{Seed: seed, Input: filepath.Join(dir, "in.txt"), Output: filepath.Join(dir, "cluster"), Gate: filepath.Join(dir, "gate")}
	shape := shapeOf(seed)
	describe := fmt.Sprintf("seed %d: %d bytes, %v", seed, input.Len(), shape)
	job := minicluster.Submit(t, c, random, a)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !exists(a.Gate+heldSuffix) && !job.Ended() { // Wait has a limit
		<-tick.C
	}
	oneFault(c, r)
	hit = !job.Ended()
	write(t, a.Gate, "")
	if r.IntN(2) == 0 && job.AwaitTasks(r.IntN(40)) {
		oneFault(c, r)
	}
	result, err := job.Wait()
	if err != nil {
		t.Errorf("%s: %v", describe, err)
		return hit
	}
	local := a
	local.Output, local.Gate = filepath.Join(dir, "local"), ""
	want, err := sdk.Run(t.Context(), random, local)
	if err != nil {
		t.Errorf("%s: in local mode: %v", describe, err)
		return hit
	}
	if result.RowsIn != want.RowsIn || result.RowsOut != want.RowsOut {
		t.Errorf("%s: %d rows in and %d out, want %d and %d", describe, result.RowsIn, result.RowsOut, want.RowsIn, want.RowsOut)
	}
	if !maps.Equal(result.Counters, want.Counters) || want.Counters["parsed"] != want.RowsIn {
		t.Errorf("%s: counted %v, want %v, of which %d parsed", describe, result.Counters, want.Counters, want.RowsIn)
	}
	compare(t, describe+": collected", rowsOf(a.Output), rowsOf(local.Output))
	got, lines := sheaftest.Lines(t, a.Output), sheaftest.Lines(t, local.Output)
	if !shape.sorted {
		slices.Sort(got)
		slices.Sort(lines)
	}
	compare(t, describe+": written", got, lines)
	// Empty locks of killed workers stay until the next job with the destination.
	left, err := filepath.Glob(filepath.Join(dir, ".sheaf-stage-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if !strings.HasSuffix(path, ".lock") {
			t.Errorf("%s: %s stays", describe, path)
		}
	}
	return hit
}

// oneFault does something that may happen to a cluster, which has as many
// executors afterwards as before.
func oneFault(c *minicluster.Cluster, r *rand.Rand) {
	names := c.Executors()
	switch r.IntN(4) {
	case 0:
		c.RestartCoordinator()
	case 1:
		c.AddExecutor()
		c.KillExecutor(names[r.IntN(len(names))])
	default:
		c.KillExecutor(names[r.IntN(len(names))])
		c.AddExecutor()
	}
}

func rowsOf(output string) []string {
	rows, _ := collected.Load(output)
	var lines []string
	for _, p := range rows.([]pair) {
		lines = append(lines, fmt.Sprint(p))
	}
	return lines
}

// compare says where two lists begin to differ.
func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Errorf("%s: %d lines, want %d; from line %d on they differ: %q, want %q", what, len(got), len(want), i, got[i:min(i+3, len(got))], want[i:min(i+3, len(want))])
			return
		}
	}
}

package schedule

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

// sequenceOf makes map outputs of so many rows, a kibibyte each, and their samples.
func sequenceOf(rows ...int64) (outputs []plan.MapOutput, samples [][]plan.KeySample) {
	for i, n := range rows {
		task := plan.TaskID{Stage: 1, Index: i}
		outputs = append(outputs, plan.MapOutput{ID: plan.OutputID{Attempt: plan.AttemptID{Task: task}}, Rows: n, Bytes: n << 10})
		if n > 0 {
			samples = append(samples, []plan.KeySample{{Key: plan.AppendSequenceKey(nil, task, 0), Bytes: n << 10}})
		}
	}
	return outputs, samples
}

// describeSequence writes where ranges begin: "task:row".
func describeSequence(ranges []KeyRange) (text string) {
	for _, r := range ranges[1:] {
		task, row := plan.SequenceOfKey(r.From)
		text += fmt.Sprintf("%d:%d ", task.Index, row)
	}
	return text
}

func TestCutSequence(t *testing.T) {
	skewed, _ := sequenceOf(100, 100)
	first := skewed[0].ID.Attempt.Task
	halves := [][]plan.KeySample{{
		{Key: plan.AppendSequenceKey(nil, first, 80), Bytes: 20 << 10},
		{Key: plan.AppendSequenceKey(nil, first, 90), Bytes: 80 << 10},
	}}
	small, samples := sequenceOf(3, 0, 5)
	tests := []struct {
		name    string
		outputs []plan.MapOutput
		samples [][]plan.KeySample
		cut     plan.Cut
		want    string
	}{
		{"nothing", nil, nil, plan.Cut{Spread: true}, ""},
		{"little", small, samples, plan.Cut{}, ""},
		{"little, spread", small, samples, plan.Cut{Spread: true}, "0:1 0:2 2:0 2:1 2:2 2:3 2:4 "},
		{"partitions", small, samples, plan.Cut{Partitions: 4}, "0:2 2:1 2:3 "},
		{"rows", small, samples, plan.Cut{Rows: 3}, "2:0 2:3 "},
		{"bytes", small, samples, plan.Cut{Bytes: 4 << 10}, "2:1 "},
		{"by measured bytes", skewed, halves, plan.Cut{Partitions: 4}, "0:87 1:0 1:50 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := describeSequence(CutSequence(tt.outputs, tt.samples, tt.cut, 4, Config{})); got != tt.want {
				t.Errorf("CutSequence(%+v) begins ranges at %q, want %q", tt.cut, got, tt.want)
			}
		})
	}
}

// TestCutSequenceRandom holds that every row is in one range, that each range has a
// row, and that a reader finds how many rows come before it.
func TestCutSequenceRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		counts := make([]int64, r.IntN(9))
		var total int64
		for i := range counts {
			counts[i] = r.Int64N(30)
			total += counts[i]
		}
		outputs, samples := sequenceOf(counts...)
		cuts := []plan.Cut{{}, {Spread: true}, {Partitions: 1 + r.IntN(40)}, {Rows: 1 + r.Int64N(40)}, {Bytes: 1 + r.Int64N(40<<10)}}
		cut := cuts[r.IntN(len(cuts))]
		var next int64
		for _, kr := range CutSequence(outputs, samples, cut, 3, Config{}) {
			p := plan.Partition{FromKey: kr.From, ToKey: kr.To, Outputs: outputs}
			narrow, before := p.InSequence()
			rows := rowsIn(p)
			if in := rowsIn(narrow); before != next || in != rows || rows == 0 && total > 0 {
				t.Fatalf("seed %d: %v cut by %+v: range %x has %d rows, %d of them in its outputs, %d before; want %d before", seed, counts, cut, kr, rows, in, before, next)
			}
			next += rows
		}
		if next != total {
			t.Fatalf("seed %d: %v cut by %+v: ranges have %d rows", seed, counts, cut, next)
		}
	}
}

// rowsIn counts the rows of a partition one by one.
func rowsIn(p plan.Partition) (rows int64) {
	for _, o := range p.Outputs {
		for i := range o.Rows {
			key := plan.AppendSequenceKey(nil, o.ID.Attempt.Task, i)
			if bytes.Compare(key, p.FromKey) >= 0 && (p.ToKey == nil || bytes.Compare(key, p.ToKey) < 0) {
				rows++
			}
		}
	}
	return rows
}

func TestNumberedPartitions(t *testing.T) {
	for _, kind := range []plan.ExchangeKind{plan.Hash, plan.Range} {
		x := &plan.Exchange{Kind: kind, Buckets: 3, Cut: plan.Cut{Numbered: true, Partitions: 3}}
		if !x.Cut.Valid(x) {
			t.Errorf("%+v is not valid", x)
		}
		for i, p := range numbered(x) {
			own := func(part int) bool {
				if kind == plan.Hash {
					return p.FirstBucket <= part && part < p.EndBucket
				}
				key := append(plan.AppendPartKey(nil, part), "row"...)
				return bytes.Compare(key, p.FromKey) >= 0 && (p.ToKey == nil || bytes.Compare(key, p.ToKey) < 0)
			}
			if got := []bool{own(0), own(1), own(2)}; !slices.Equal(got, []bool{i == 0, i == 1, i == 2}) {
				t.Errorf("%s partition %d has parts %v", kind, i, got)
			}
		}
	}
}

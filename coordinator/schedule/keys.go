package schedule

import (
	"bytes"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// KeyRange is the normalised keys [From, To). An empty From is the least key,
// a nil To is no bound.
type KeyRange struct {
	From, To []byte
}

// keyPoint is a place where keys may be cut.
type keyPoint struct {
	key    []byte
	before int64 // bytes between the point before and here
	at     int64 // bytes of rows with exactly this key, known from repeated samples
}

// CutKeys cuts the keys of a range exchange, given the samples of each map
// output, into ranges that cover all keys. The target of a range is as for
// CutBuckets, evened out over the ranges. Boundaries are distinct: a key that
// is heavier than the target gets one range, never several. There is always a
// range.
func CutKeys(outputs [][]plan.KeySample, slots int, cfg Config) []KeyRange {
	cfg = cfg.withDefaults()
	points, total := keyPoints(outputs)
	target := clampTarget(total, slots, partitionsPerSlot, cfg.PartitionBytes)
	target = total/((total-1)/target+1) + 1
	var ranges []KeyRange
	var from []byte
	var sum int64
	for i, p := range points {
		sum = addBytes(sum, p.before)
		next := p.at
		if i+1 < len(points) {
			next = addBytes(next, points[i+1].before)
		}
		// An empty key bounds nothing, and a cut before nothing measured would
		// make an all but empty task.
		if len(p.key) > 0 && sum > 0 && next > 0 && addBytes(sum, next) > target {
			ranges = append(ranges, KeyRange{From: from, To: p.key})
			from, sum = p.key, 0
		}
		sum = addBytes(sum, p.at)
	}
	return append(ranges, KeyRange{From: from})
}

// keyPoints merges the samples of all outputs into distinct keys in order. In
// one output, what lies between two samples of the same key is rows of that
// key: it counts as at, since a cut at the key leaves it on the right.
func keyPoints(outputs [][]plan.KeySample) (points []keyPoint, total int64) {
	for _, samples := range outputs {
		for i, s := range samples {
			total = addBytes(total, s.Bytes)
			p := keyPoint{key: s.Key}
			if i > 0 && bytes.Equal(s.Key, samples[i-1].Key) {
				p.at = max(s.Bytes, 0)
			} else {
				p.before = max(s.Bytes, 0)
			}
			points = append(points, p)
		}
	}
	slices.SortFunc(points, func(a, b keyPoint) int { return bytes.Compare(a.key, b.key) })
	n := 0
	for _, p := range points {
		if n > 0 && bytes.Equal(points[n-1].key, p.key) {
			points[n-1].before = addBytes(points[n-1].before, p.before)
			points[n-1].at = addBytes(points[n-1].at, p.at)
			continue
		}
		points[n] = p
		n++
	}
	return points[:n], total
}

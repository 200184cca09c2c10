package schedule

import (
	"cmp"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	// keptKeys are kept of an exchange, and twice as many before the lightest go: a
	// key that one partition in some dozens would have to hold is among them.
	keptKeys = 64
	// hotShare is the least part of an exchange's bytes that makes a key hot, one in
	// so many. It must be more than a partition takes besides: below that it holds
	// nobody up.
	hotShare = 10
)

// keyWeights are the heaviest keys of an exchange, summed up over its map outputs.
// Sums are of what outputs named: a key may have missed bytes more, in outputs
// where it was not among the heaviest, and no other key has more than that.
type keyWeights struct {
	keys   []plan.KeyWeight // by hash
	missed int64
}

// add counts the keys that one output names.
func (w *keyWeights) add(o *plan.MapOutput) {
	w.missed = addBytes(w.missed, o.MissedBytes)
	for _, k := range o.Keys {
		i, found := slices.BinarySearchFunc(w.keys, k.Hash, func(k plan.KeyWeight, hash plan.KeyHash) int { return cmp.Compare(k.Hash, hash) })
		if !found {
			w.keys = slices.Insert(w.keys, i, k)
			continue
		}
		of := &w.keys[i]
		of.Rows, of.Bytes = addBytes(of.Rows, k.Rows), addBytes(of.Bytes, k.Bytes)
		if of.Text == "" {
			of.Text = k.Text
		}
	}
	if len(w.keys) > 2*keptKeys {
		w.trim()
	}
}

// trim keeps the heaviest keys. Of those that go, each loses what it has.
func (w *keyWeights) trim() {
	heaviest := w.heaviestFirst()
	w.missed = addBytes(w.missed, heaviest[keptKeys].Bytes)
	w.keys = heaviest[:keptKeys:keptKeys]
	slices.SortFunc(w.keys, func(a, b plan.KeyWeight) int { return cmp.Compare(a.Hash, b.Hash) })
}

func (w *keyWeights) heaviestFirst() []plan.KeyWeight {
	list := slices.Clone(w.keys)
	slices.SortFunc(list, func(a, b plan.KeyWeight) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Hash, b.Hash))
	})
	return list
}

// hotKeys lists the keys of a decided exchange that have a large share of its bytes
// and more than a partition should have.
func (x *exchange) hotKeys() (hot []plan.HotKey) {
	if x.target == 0 {
		return nil
	}
	for _, k := range x.keys.keys {
		if k.Bytes >= x.bytes/hotShare && k.Bytes > x.target {
			hot = append(hot, x.describe(k))
		}
	}
	return hot
}

func (x *exchange) describe(k plan.KeyWeight) plan.HotKey {
	return plan.HotKey{
		Operator: x.plan.Name, At: x.plan.At, Key: k.Text, Hash: k.Hash, Rows: k.Rows, Bytes: k.Bytes,
		MissedBytes: min(x.keys.missed, max(x.bytes-k.Bytes, 0)), TotalBytes: x.bytes,
	}
}

// hotKeys lists those of all exchanges, the largest first.
func (j *job) hotKeys() (hot []plan.HotKey) {
	for _, x := range j.exchanges {
		hot = append(hot, x.hotKeys()...)
	}
	return plan.Hottest(hot)
}

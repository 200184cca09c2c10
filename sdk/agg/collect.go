package agg

import (
	"strings"

	"github.com/sheafdata/sheaf/sdk"
)

// maxItems bounds what a state collects: a state is one row, and a row has to
// fit in memory several times.
const maxItems = 1 << 24

// List is what CollectList and CollectSet give.
type List[V any] struct {
	// Rows are in the order of Sort without an order.
	Rows []V
	// More says that rows were left out for the limit.
	More bool
}

// CollectList gives the values of a key in the order of Sort, doubled ones
// included: the first limit of them, which do not depend on splits. limit is
// from 1 to 16,777,216. State: up to twice limit rows, encoded.
func CollectList[V any](limit int) sdk.Aggregator[V, collected, List[V]] {
	return collect[V]("CollectList", limit, false)
}

// CollectSet gives the distinct values of a key in the order of Sort: the first
// limit of them, which do not depend on splits. limit is from 1 to 16,777,216.
// State: up to twice the distinct rows, encoded, and twice limit at most.
func CollectSet[V any](limit int) sdk.Aggregator[V, collected, List[V]] {
	return collect[V]("CollectSet", limit, true)
}

// collected holds the keys of rows.
type collected struct {
	Keys lazy[string]
	More bool // keys were left out
}

// tidy sorts the keys and leaves out those beyond the limit.
func (c *collected) tidy(limit int, set bool) {
	if set {
		c.Keys.distinct()
	} else {
		c.Keys.sort()
	}
	if len(c.Keys.Items) > limit {
		c.Keys.cut(limit)
		c.More = true
	}
}

// add takes a key, which it copies.
func (c *collected) add(key string, limit int, set bool) {
	l := &c.Keys
	if set && l.has(key) {
		return
	}
	if l.Sorted == limit && key >= l.Items[limit-1] {
		c.More = true // the first limit keys are there
		return
	}
	l.Items = append(l.Items, strings.Clone(key))
	if l.full() || len(l.Items) >= 2*limit+fewItems {
		c.tidy(limit, set)
	}
}

func collect[V any](name string, limit int, set bool) sdk.Aggregator[V, collected, List[V]] {
	if limit < 1 || limit > maxItems {
		return refused[V, collected, List[V]](name, "the limit is %d; choose one from 1 to %d", limit, maxItems)
	}
	e, err := encodingOf[V]()
	if err != nil {
		return refused[V, collected, List[V]](name, "%w", err)
	}
	return sdk.Aggregator[V, collected, List[V]]{
		Add: func(c *collected, v V) {
			k := e.take(&v)
			c.add(k.view(), limit, set)
			k.done()
		},
		Merge: func(c *collected, o collected) {
			for _, key := range o.Keys.Items {
				c.add(key, limit, set)
			}
			c.More = c.More || o.More
		},
		Finish: func(c collected) List[V] {
			c.Keys = c.Keys.copied()
			c.tidy(limit, set)
			return List[V]{e.decodeAll(c.Keys.Items), c.More}
		},
	}
}

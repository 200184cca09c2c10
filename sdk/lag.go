package sdk

import (
	"fmt"

	"github.com/sheafdata/sheaf/executor/operator"
	"github.com/sheafdata/sheaf/internal/graph"
)

// Lagged is a row with the one that stands some rows before it in its key.
type Lagged[V any] = operator.Lagged[V]

// Led is a row with the one that stands some rows behind it in its key.
type Led[V any] = operator.Led[V]

// MaxWindow bounds how many rows Lag, Lead and MovingAggregate look at, which stand
// in memory.
const MaxWindow = 1_000_000

// Lag gives every row with the one that stands n rows before it in an order of the
// rows of its key; the first n rows of a key have none. Rows that the order holds
// equal keep the order of the input. Keys ascend. n rows are held in memory.
func Lag[K, V any](in Dataset[KV[K, V]], n int, orders ...Order[V]) Dataset[KV[K, Lagged[V]]] {
	p, at := in.pipelineOf("Lag")
	n = requireWindow(p, at, "Lag", n, orders)
	return exchangedGroups(in, "Lag", windowDetail(n, orders), operator.Grouping[K, V, KV[K, Lagged[V]]]{Within: terms(p, at, orders)},
		func(g operator.Grouping[K, V, KV[K, Lagged[V]]]) *operator.Exchange { return operator.Lag(g, n) })
}

// Lead is Lag for the row that stands n rows behind; the last n rows of a key have none.
func Lead[K, V any](in Dataset[KV[K, V]], n int, orders ...Order[V]) Dataset[KV[K, Led[V]]] {
	p, at := in.pipelineOf("Lead")
	n = requireWindow(p, at, "Lead", n, orders)
	return exchangedGroups(in, "Lead", windowDetail(n, orders), operator.Grouping[K, V, KV[K, Led[V]]]{Within: terms(p, at, orders)},
		func(g operator.Grouping[K, V, KV[K, Led[V]]]) *operator.Exchange { return operator.Lead(g, n) })
}

// requireOrder refuses a verb over ordered rows without an order.
func requireOrder[V any](p *Pipeline, at graph.Position, op string, orders []Order[V]) {
	if len(orders) == 0 {
		p.failf(at, "%s needs an order of the rows of a key, such as By(...)", op)
	}
}

// requireWindow refuses a window of a wrong size, and gives one that can be used.
func requireWindow[V any](p *Pipeline, at graph.Position, op string, n int, orders []Order[V]) int {
	requireOrder(p, at, op, orders)
	if n < 1 || n > MaxWindow {
		p.failf(at, "%s(%d): n must be from 1 to %d rows", op, n, MaxWindow)
		return 1
	}
	return n
}

// windowDetail tells apart, for the fingerprint, windows that differ.
func windowDetail[V any](n int, orders []Order[V]) string {
	return fmt.Sprint(" ", n, " ", directions(orders))
}

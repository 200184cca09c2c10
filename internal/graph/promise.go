package graph

import (
	"fmt"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// promises gathers what the user says of the rows of a stage.
type promises struct {
	nodes []*Node // of the stage, without exchanges and outputs that it writes to
	moved []*Node // those whose rows go to an exchange
}

// of returns the promise of the stage and what it was made of.
func (p *promises) of() (plan.Promise, string) {
	var by *Node
	if i := slices.IndexFunc(p.nodes, func(n *Node) bool { return n.Promise == plan.Indeterminate }); i >= 0 {
		by = p.nodes[i]
	} else if by = p.all(p.moved, map[*Node]*Node{}); by == nil {
		return plan.NoPromise, ""
	}
	return by.Promise, fmt.Sprintf("%s at %v", by.Op, by.At)
}

// all returns the first that is promised to repeat itself, if all of them in the
// stage are.
func (p *promises) all(nodes []*Node, known map[*Node]*Node) (first *Node) {
	for _, n := range nodes {
		if !slices.Contains(p.nodes, n) {
			continue // another stage's
		}
		by := p.promiser(n, known)
		if by == nil {
			return nil
		}
		if first == nil {
			first = by
		}
	}
	return first
}

// promiser returns the node that promises that n's rows repeat themselves. What
// comes after a promise is not bound by it, but for a union, which changes no row.
func (p *promises) promiser(n *Node, known map[*Node]*Node) *Node {
	switch {
	case n.Promise == plan.Deterministic:
		return n
	case n.Op != OpUnion:
		return nil
	}
	by, ok := known[n]
	if !ok {
		by = p.all(n.Inputs, known)
		known[n] = by
	}
	return by
}

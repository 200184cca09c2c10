package graph

import (
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// TestPromise compiles jobs whose first stage ends in exchanges, with promises at
// several places.
func TestPromise(t *testing.T) {
	promised := func(n *Node, what plan.Promise) *Node {
		n.Promise = what
		return n
	}
	sure := func(n *Node) *Node { return promised(n, plan.Deterministic) }
	tests := []struct {
		name  string
		build func(s *sketch) *Node // what the first exchange reads
		want  plan.Promise
	}{
		{"none", func(s *sketch) *Node { return s.read("a") }, plan.NoPromise},
		{"before the exchange", func(s *sketch) *Node { return sure(s.read("a")) }, plan.Deterministic},
		{"something between", func(s *sketch) *Node { return s.fused("Map", sure(s.read("a"))) }, plan.NoPromise},
		{"a union between", func(s *sketch) *Node { return s.fused(OpUnion, sure(s.read("a")), s.read("b")) }, plan.Deterministic},
		{"a union of unions between", func(s *sketch) *Node {
			return s.fused(OpUnion, s.fused(OpUnion, sure(s.read("a")), s.read("b")), s.read("c"))
		}, plan.Deterministic},
		{"one of two ways through a union", func(s *sketch) *Node {
			in := s.read("a")
			return s.fused(OpUnion, sure(s.fused("Map", in)), s.fused("Filter", in))
		}, plan.NoPromise},
		{"both ways through a union", func(s *sketch) *Node {
			in := s.read("a")
			return s.fused(OpUnion, sure(s.fused("Map", in)), sure(s.fused("Filter", in)))
		}, plan.Deterministic},
		{"a union with what the stage itself exchanges", func(s *sketch) *Node {
			in := sure(s.read("a"))
			return s.fused(OpUnion, in, s.exchange("Sort", plan.Range, in))
		}, plan.Deterministic},
		{"indeterminate on the other way", func(s *sketch) *Node {
			in := s.read("a")
			return s.fused(OpUnion, sure(s.fused("Map", in)), promised(s.fused("Filter", in), plan.Indeterminate))
		}, plan.Indeterminate},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			s := newSketch(t)
			s.write("out", s.exchange("Count", plan.Hash, c.build(s)))
			got, err := Compile(s.g, "")
			if err != nil {
				t.Fatal(err)
			}
			st := got.Plan.Stages[0]
			if st.Promise != c.want || (st.PromiseAt == "") != (c.want == plan.NoPromise) {
				t.Errorf("the first stage promises %q at %q, want %q", st.Promise, st.PromiseAt, c.want)
			}
		})
	}
}

package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// sketch builds graphs of strings; every node stands in a line of its own.
type sketch struct {
	t testing.TB
	g *Graph
}

func newSketch(t testing.TB) *sketch { return &sketch{t, &Graph{Name: "sketch"}} }

func (s *sketch) add(n *Node, inputs ...*Node) *Node {
	typ, err := column.For[string]()
	if err != nil {
		s.t.Fatal(err)
	}
	if n.Role != Output {
		n.Type = typ
	}
	n.At = Position{"/home/u/job/main.go", 10 + len(s.g.Nodes)}
	n.Inputs = inputs
	return s.g.Add(n)
}

func (s *sketch) read(name string) *Node { return s.add(&Node{Role: Input, Op: "Read", Detail: name}) }

func (s *sketch) fused(op string, in ...*Node) *Node { return s.add(&Node{Role: Fused, Op: op}, in...) }

func (s *sketch) exchange(op string, kind plan.ExchangeKind, in *Node) *Node {
	return s.add(&Node{Role: Exchange, Op: op, Kind: kind, Buckets: 8}, in)
}

func (s *sketch) write(dest string, in *Node) *Node {
	return s.add(&Node{Role: Output, Op: "Write", Destination: dest, Suffix: ".txt"}, in)
}

// shape is a plan in one line a stage.
func shape(p plan.Plan) []string {
	var lines []string
	for _, st := range p.Stages {
		from := "exchange"
		if st.Source != nil {
			from = st.Source.Name
		} else {
			from = fmt.Sprintf("x%d", *st.Exchange)
		}
		lines = append(lines, fmt.Sprintf("%d: %s from %s to x%v k%v", st.ID, st.Name, from, st.Exchanges, st.Sinks))
	}
	for _, x := range p.Exchanges {
		lines = append(lines, fmt.Sprintf("x%d: %s %s/%d %v to %d", x.ID, x.Name, x.Kind, x.Buckets, x.Producers, x.Consumer))
	}
	return lines
}

func TestCompile(t *testing.T) {
	tests := []struct {
		name  string
		build func(s *sketch)
		want  []string
	}{
		{"chain", func(s *sketch) {
			s.write("out", s.exchange("Count", plan.Hash, s.fused("FlatMap", s.read("a"))))
		}, []string{"0: Read→FlatMap→Count from a to x[0] k[]", "1: Count→Write from x0 to x[] k[0]", "x0: Count hash/8 [0] to 1"}},
		{"no exchange", func(s *sketch) { s.write("out", s.fused("Map", s.read("a"))) },
			[]string{"0: Read→Map→Write from a to x[] k[0]"}},
		{"diamond", func(s *sketch) {
			in := s.read("a")
			s.write("out", s.fused("Union", s.fused("Map", in), s.fused("Filter", in)))
		}, []string{"0: Read→Map→Union→Write→Filter from a to x[] k[0]"}},
		{"diamond over exchanges", func(s *sketch) {
			in := s.read("a")
			u := s.fused("Union", s.exchange("Count", plan.Hash, in), s.exchange("Sort", plan.Range, in))
			s.write("out", s.exchange("TopK", plan.Gather, u))
		}, []string{
			"0: Read→Count→Sort from a to x[0 1] k[]", "1: Count→Union→TopK from x0 to x[2] k[]", "2: Sort→Union→TopK from x1 to x[2] k[]",
			"3: TopK→Write from x2 to x[] k[0]", "x0: Count hash/8 [0] to 1", "x1: Sort range/8 [0] to 2", "x2: TopK gather/8 [1 2] to 3",
		}},
		{"union of two sources", func(s *sketch) {
			s.write("out", s.exchange("Count", plan.Hash, s.fused("Union", s.read("a"), s.read("b"))))
		}, []string{
			"0: Read→Union→Count from a to x[0] k[]", "1: Read→Union→Count from b to x[0] k[]", "2: Count→Write from x0 to x[] k[0]",
			"x0: Count hash/8 [0 1] to 2",
		}},
		{"the same dataset twice in a union", func(s *sketch) {
			in := s.read("a")
			s.write("out", s.fused("Union", in, in))
		}, []string{"0: Read→Union→Write from a to x[] k[0]"}},
		{"two sinks of one dataset", func(s *sketch) {
			in := s.fused("Map", s.read("a"))
			s.write("one", in)
			s.write("two", s.exchange("Sort", plan.Range, in))
		}, []string{
			"0: Read→Map→Write→Sort from a to x[0] k[0]", "1: Sort→Write from x0 to x[] k[1]", "x0: Sort range/8 [0] to 1",
		}},
		{"dead branches", func(s *sketch) {
			in := s.read("a")
			s.exchange("Dead", plan.Hash, in)
			s.fused("Dead", s.read("nobody wants"))
			s.write("out", in)
		}, []string{"0: Read→Write from a to x[] k[0]"}},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			s := newSketch(t)
			c.build(s)
			got, err := Compile(s.g, "")
			if err != nil {
				t.Fatalf("Compile: %v", err)
			}
			if lines := shape(got.Plan); !slices.Equal(lines, c.want) {
				t.Errorf("Compile =\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(c.want, "\n"))
			}
			checkLinks(t, got)
		})
	}
}

func TestOperatorsAndUnused(t *testing.T) {
	s := newSketch(t)
	in := s.read("a")
	s.exchange("Dead", plan.Hash, in)
	s.fused("Alone", s.read("nobody wants"))
	s.write("one", s.fused("Map", in))
	s.write("two", s.exchange("Sort", plan.Range, in))
	c, err := Compile(s.g, "")
	if err != nil {
		t.Fatal(err)
	}
	ops := func(nodes []*Node) (list []string) {
		for _, n := range nodes {
			list = append(list, n.Op)
		}
		return list
	}
	want := [][]string{{"Read", "Map", "Write", "Sort"}, {"Sort", "Write"}}
	for i, w := range want {
		if got := ops(c.Operators[i]); !slices.Equal(got, w) {
			t.Errorf("Operators of stage %d = %q, want %q", i, got, w)
		}
	}
	if got, want := ops(c.Unused), []string{"Dead", "Alone"}; !slices.Equal(got, want) || len(c.Operators) != 2 {
		t.Errorf("Unused = %q in %d stages, want %q in 2", got, len(c.Operators), want)
	}
}

// checkLinks checks that ids, nodes and edges of a compiled graph agree.
func checkLinks(t *testing.T, c *Compiled) {
	t.Helper()
	for i, st := range c.Plan.Stages {
		if n := c.Inputs[i]; (n.Role == Input) != (st.Source != nil) {
			t.Errorf("stage %d begins at %s", i, n.Op)
		}
	}
	for i, n := range c.Exchanges {
		if c.ExchangeOf(n) != plan.ExchangeID(i) || c.Inputs[c.Plan.Exchanges[i].Consumer] != n {
			t.Errorf("exchange %d does not lead to its own stage", i)
		}
	}
	for i, n := range c.Sinks {
		if c.SinkOf(n) != plan.SinkID(i) {
			t.Errorf("SinkOf(sink %d) = %d", i, c.SinkOf(n))
		}
		for _, in := range n.Inputs {
			if !slices.Contains(c.Consumers(in), n) {
				t.Errorf("sink %d is no consumer of its input", i)
			}
		}
	}
	for n, consumers := range c.consumers {
		for _, next := range consumers {
			edges := 0
			for _, in := range next.Inputs {
				if in == n {
					edges++
				}
			}
			times := 0
			for _, other := range consumers {
				if other == next {
					times++
				}
			}
			if edges != times {
				t.Errorf("%s consumes %s %d times over %d edges", next.Op, n.Op, times, edges)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name  string
		build func(s *sketch)
		want  string // in the message
	}{
		{"nothing written", func(s *sketch) { s.fused("Map", s.read("a")) }, "writes nothing"},
		{"the same destination", func(s *sketch) { two(s, "out", "out") }, "out is written already at /home/u/job/main.go:11"},
		{"with a dot", func(s *sketch) { two(s, "out", "./out") }, "written already"},
		{"with a slash", func(s *sketch) { two(s, "out/", "out") }, "written already"},
		{"by way of its parent", func(s *sketch) { two(s, "a/../out", "out") }, "written already"},
		{"absolute", func(s *sketch) { two(s, "/tmp/out", "/tmp//out/.") }, "written already"},
		{"a URL with a slash", func(s *sketch) { two(s, "s3://bucket/out", "s3://bucket/out/") }, "written already"},
		{"inside", func(s *sketch) { two(s, "out", "out/sub") }, "one inside the other"},
		{"around", func(s *sketch) { two(s, "out/sub", "out") }, "one inside the other"},
		{"another pipeline", func(s *sketch) { s.write("out", newSketch(s.t).read("a")) }, "another pipeline"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			s := newSketch(t)
			c.build(s)
			_, err := Compile(s.g, "")
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Compile = %v of kind %v, want kind Invalid and %q", err, fault.KindOf(err), c.want)
			}
		})
	}
	t.Run("neighbours are fine", func(t *testing.T) {
		s := newSketch(t)
		two(s, "out", "out2")
		if _, err := Compile(s.g, ""); err != nil {
			t.Errorf("Compile: %v", err)
		}
	})
}

func two(s *sketch, one, other string) {
	in := s.read("a")
	s.write(one, in)
	s.write(other, in)
}

// TestFingerprint changes every part that processes must agree on, one at a time.
func TestFingerprint(t *testing.T) {
	build := func(change func(n []*Node, g *Graph)) string {
		s := newSketch(t)
		a, b := s.read("a"), s.read("b")
		s.write("out", s.exchange("Count", plan.Hash, s.fused("Union", a, b)))
		change(s.g.Nodes, s.g)
		return s.g.Fingerprint(`{"input":"x"}`)
	}
	same := func([]*Node, *Graph) {}
	base := build(same)
	if again := build(same); again != base || len(base) != 32 {
		t.Errorf("Fingerprint = %s, then %s, want the same 32 digits", base, again)
	}
	if moved := build(func(n []*Node, _ *Graph) { n[0].At.File = "/elsewhere/job/main.go" }); moved != base {
		t.Errorf("the fingerprint depends on where the program's source lies")
	}
	other, err := column.For[int64]()
	if err != nil {
		t.Fatal(err)
	}
	changes := map[string]func(n []*Node, g *Graph){
		"name":        func(_ []*Node, g *Graph) { g.Name = "other" },
		"operator":    func(n []*Node, _ *Graph) { n[3].Op = "Distinct" },
		"detail":      func(n []*Node, _ *Graph) { n[0].Detail = "c" },
		"line":        func(n []*Node, _ *Graph) { n[2].At.Line++ },
		"file":        func(n []*Node, _ *Graph) { n[2].At.File = "/home/u/job/more.go" },
		"type":        func(n []*Node, _ *Graph) { n[2].Type = other },
		"edges":       func(n []*Node, _ *Graph) { n[2].Inputs[0], n[2].Inputs[1] = n[2].Inputs[1], n[2].Inputs[0] },
		"one edge":    func(n []*Node, _ *Graph) { n[2].Inputs = n[2].Inputs[:1] },
		"kind":        func(n []*Node, _ *Graph) { n[3].Kind = plan.Range },
		"buckets":     func(n []*Node, _ *Graph) { n[3].Buckets = 9 },
		"destination": func(n []*Node, _ *Graph) { n[4].Destination = "out2" },
		"suffix":      func(n []*Node, _ *Graph) { n[4].Suffix = ".gz" },
		"node":        func(_ []*Node, g *Graph) { g.Nodes = g.Nodes[:4] },
	}
	seen := map[string]string{base: "nothing changed"}
	for name, change := range changes {
		fp := build(change)
		if other, ok := seen[fp]; ok {
			t.Errorf("Fingerprint with another %s = %s, the same as %s", name, fp, other)
		}
		seen[fp] = name
	}
	g := &Graph{Name: "a\nb"}
	h := &Graph{Name: "a"}
	if g.Fingerprint("c") == h.Fingerprint("b\nc") {
		t.Errorf("a name can pass for an argument")
	}
	if h.Fingerprint("1") == h.Fingerprint("2") {
		t.Errorf("the fingerprint does not depend on the arguments")
	}
}

func TestDescribe(t *testing.T) {
	s := newSketch(t)
	s.write("out", s.exchange("Count", plan.Hash, s.fused("Map", s.read("text a/*.txt"))))
	want := []string{
		"0 Read at job/main.go:10 text a/*.txt gives string",
		"1 Map at job/main.go:11 <0 gives string",
		"2 Count at job/main.go:12 <1 gives string by hash/8",
		"3 Write at job/main.go:13 <2 to out*.txt",
	}
	if got := s.g.Describe(); !slices.Equal(got, want) {
		t.Errorf("Describe() =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

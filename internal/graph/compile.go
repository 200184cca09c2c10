package graph

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// Compiled is a graph that can run: its plan and, for every stage, where its
// pipeline begins. Node ids, stage ids, exchange ids and sink ids are the same
// in every process that builds the same graph.
type Compiled struct {
	Plan plan.Plan
	// Inputs holds, by StageID, the Input or Exchange node that begins the stage.
	Inputs []*Node
	// Exchanges holds the Exchange nodes by ExchangeID, Sinks the Output nodes by SinkID.
	Exchanges []*Node
	Sinks     []*Node
	// Operators holds, by StageID, what a stage is made of: the node that begins
	// it, and what its rows go through from there, branch after branch, to the
	// exchanges and sinks that end it.
	Operators [][]*Node
	// Shared is what tasks of a process have in common, made by package operator.
	Shared []any
	// HideKeys keeps the keys of rows out of reports.
	HideKeys bool
	// Unused are the nodes whose rows go nowhere.
	Unused []*Node

	lines     []string // of Describe
	consumers map[*Node][]*Node
	exchange  map[*Node]plan.ExchangeID
	sink      map[*Node]plan.SinkID
}

// Consumers returns the nodes that take a node's rows, once for every edge, in
// the order of their making. Nodes that lead to no sink are not among them.
func (c *Compiled) Consumers(n *Node) []*Node { return c.consumers[n] }

// ExchangeOf returns the id of an Exchange node.
func (c *Compiled) ExchangeOf(n *Node) plan.ExchangeID { return c.exchange[n] }

// SinkOf returns the id of an Output node.
func (c *Compiled) SinkOf(n *Node) plan.SinkID { return c.sink[n] }

// Describe returns what Graph.Describe returns for the graph that was compiled.
func (c *Compiled) Describe() []string { return c.lines }

// Compile turns a graph into a plan. args are the program's arguments as JSON.
func Compile(g *Graph, args string) (*Compiled, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	c := &Compiled{
		HideKeys:  g.HideKeys,
		lines:     g.Describe(),
		consumers: map[*Node][]*Node{},
		exchange:  map[*Node]plan.ExchangeID{},
		sink:      map[*Node]plan.SinkID{},
	}
	live := reachSinks(g)
	if len(live) == 0 {
		return nil, fault.New(fault.Invalid, "job %s writes nothing: end it with a Write of a format or with Collect", g.Name)
	}
	c.Plan = plan.Plan{Name: g.Name, Args: args, Fingerprint: g.Fingerprint(args), Counters: g.Counters, BadLimit: g.BadLimit}
	stageOf := map[*Node]plan.StageID{}
	for _, n := range g.Nodes {
		if !live[n] {
			continue
		}
		for _, in := range n.Inputs {
			c.consumers[in] = append(c.consumers[in], n)
		}
		switch n.Role {
		case Input, Exchange:
			stageOf[n] = c.addStage(n)
		case Output:
			id := plan.SinkID(len(c.Sinks))
			c.sink[n] = id
			c.Sinks = append(c.Sinks, n)
			c.Plan.Sinks = append(c.Plan.Sinks, plan.Sink{ID: id, Name: n.Op, Destination: n.Destination, Suffix: n.Suffix})
		}
	}
	if err := c.checkDestinations(); err != nil {
		return nil, err
	}
	for _, in := range c.Inputs {
		c.connect(stageOf[in], in)
	}
	if err := c.sides(g); err != nil {
		return nil, err
	}
	c.Unused, c.Shared = unused(g), g.Shared
	return c, nil
}

// addStage begins a stage at an Input or Exchange node.
func (c *Compiled) addStage(n *Node) plan.StageID {
	id := plan.StageID(len(c.Inputs))
	c.Inputs = append(c.Inputs, n)
	st := plan.Stage{ID: id}
	if n.Role == Input {
		st.Source = &plan.Source{Name: n.Detail, Drives: n.Drives}
	} else {
		x := plan.ExchangeID(len(c.Exchanges))
		c.exchange[n] = x
		c.Exchanges = append(c.Exchanges, n)
		c.Plan.Exchanges = append(c.Plan.Exchanges, plan.Exchange{
			ID: x, Name: n.Op, Kind: n.Kind, Buckets: max(n.Buckets, 1), Consumer: id, Cut: n.Cut, At: n.At.Short(),
		})
		st.Exchange = &x
	}
	c.Plan.Stages = append(c.Plan.Stages, st)
	return id
}

// connect walks a stage's pipeline and records what it writes.
func (c *Compiled) connect(id plan.StageID, input *Node) {
	st := &c.Plan.Stages[id]
	operators := []*Node{input}
	seen := map[*Node]bool{input: true}
	var pipeline promises
	var walk func(n *Node)
	walk = func(n *Node) {
		pipeline.nodes = append(pipeline.nodes, n)
		for _, next := range c.consumers[n] {
			if next.Role == Exchange {
				pipeline.moved = append(pipeline.moved, n)
			}
			if seen[next] {
				continue
			}
			seen[next] = true
			operators = append(operators, next)
			switch next.Role {
			case Exchange:
				x := c.exchange[next]
				st.Exchanges = append(st.Exchanges, x)
				c.Plan.Exchanges[x].Producers = append(c.Plan.Exchanges[x].Producers, id)
			case Output:
				st.Sinks = append(st.Sinks, c.sink[next])
			default:
				walk(next)
			}
		}
	}
	walk(input)
	names := make([]string, len(operators))
	for i, n := range operators {
		names[i] = n.Op
	}
	c.Operators = append(c.Operators, operators)
	st.Name = strings.Join(names, "→")
	st.Promise, st.PromiseAt = pipeline.of()
}

// checkDestinations refuses two sinks that would publish the same directory,
// however it is written, or one inside the other: each is published whole.
func (c *Compiled) checkDestinations() error {
	for i, n := range c.Sinks {
		for _, other := range c.Sinks[:i] {
			if n.Destination == "" || other.Destination == "" {
				continue
			}
			a, b := cleanPath(n.Destination), cleanPath(other.Destination)
			switch {
			case a == b:
				return fault.New(fault.Invalid, "%v: destination %s is written already at %v; give each output a directory of its own, or unite the datasets before writing", n.At, n.Destination, other.At)
			case inside(a, b) || inside(b, a):
				return fault.New(fault.Invalid, "%v: destination %s and %s, written at %v, lie one inside the other; give each output a directory of its own", n.At, n.Destination, other.Destination, other.At)
			}
		}
	}
	return nil
}

// cleanPath is one way of writing a path. URLs stay as they are.
func cleanPath(path string) string {
	if strings.Contains(path, "://") {
		return strings.TrimRight(path, "/")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Clean(path)
	}
	return abs
}

// inside reports whether a clean path lies below another.
func inside(path, dir string) bool {
	return strings.HasPrefix(path, strings.TrimRight(dir, "/")+"/")
}

// reachSinks returns the nodes whose rows reach a sink.
func reachSinks(g *Graph) map[*Node]bool {
	live := map[*Node]bool{}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if n.Role != Output && !live[n] {
			continue
		}
		live[n] = true
		for _, in := range n.Inputs {
			live[in] = true
		}
	}
	return live
}

// unused returns the nodes that are no sink and feed nothing.
func unused(g *Graph) (list []*Node) {
	used := map[*Node]bool{}
	for _, n := range g.Nodes {
		for _, in := range append(n.Inputs[:len(n.Inputs):len(n.Inputs)], n.Replaces) {
			used[in] = true
		}
	}
	for _, n := range g.Nodes {
		if n.Role != Output && !used[n] {
			list = append(list, n)
		}
	}
	return list
}

// Describe returns a line for every node, counter and shared thing, one for the limit of bad rows and one for keys
// that are hidden: what two processes must agree on.
func (g *Graph) Describe() []string {
	lines := make([]string, len(g.Nodes), len(g.Nodes)+len(g.Counters)+2)
	for i, n := range g.Nodes {
		var b strings.Builder
		fmt.Fprintf(&b, "%d %s at %s", n.ID, n.Op, n.At.Short())
		if n.Detail != "" {
			fmt.Fprintf(&b, " %s", n.Detail)
		}
		for _, in := range n.Inputs {
			fmt.Fprintf(&b, " <%d", in.ID)
		}
		if n.Type != nil {
			fmt.Fprintf(&b, " gives %v", n.Type)
		}
		if n.Promise != plan.NoPromise {
			fmt.Fprintf(&b, " %s", n.Promise)
		}
		if n.Role == Exchange {
			fmt.Fprintf(&b, " by %s/%d", n.Kind, n.Buckets)
			if n.Cut != (plan.Cut{}) {
				fmt.Fprintf(&b, " cut %+v", n.Cut)
			}
		}
		if n.Side != nil {
			b.WriteString(n.Side.describe())
		}
		if n.Destination != "" {
			fmt.Fprintf(&b, " to %s*%s", n.Destination, n.Suffix)
		}
		lines[i] = b.String()
	}
	for _, name := range g.Counters {
		lines = append(lines, fmt.Sprintf("counts %q", name))
	}
	if n := g.SideLimitBytes; n != nil {
		lines = append(lines, fmt.Sprintf("broadcasts sides of %d bytes", *n))
	}
	for _, name := range g.shared {
		lines = append(lines, fmt.Sprintf("shares %q", name))
	}
	if l := g.BadLimit; l != nil {
		lines = append(lines, fmt.Sprintf("leaves out %d bad rows, %d of a million", l.Rows, l.PerMillion))
	}
	if g.HideKeys {
		lines = append(lines, "hides keys")
	}
	return lines
}

// Fingerprint is a digest of the graph and its arguments. Processes that run
// tasks of one job must agree on it, since nodes are named by their number.
func (g *Graph) Fingerprint(args string) string {
	h := sha256.New()
	// Quoted, so that no name or argument can pass for the line behind it.
	fmt.Fprintf(h, "%q\n%q\n", g.Name, args)
	for _, line := range g.Describe() {
		fmt.Fprintf(h, "%q\n", line)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

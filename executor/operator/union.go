package operator

// Union returns the operator that several edges of one row type lead into; it
// gives the rows as they come.
func Union(edge *Edge) *Fused {
	return &Fused{Edge: edge, Attach: func(_ *Task, out any) any { return out }}
}

package main

import "testing"

// TestLossyNetwork: jobs end well where the network loses packets of a host by
// chance, or is slow, and no executor loses its session unless its lease ran out.
func TestLossyNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: what is lost is sent again after a while: run without -short")
	}
	for _, tc := range []struct {
		name  string
		hurt  func(n *network)
		drops bool
	}{
		// Of a third that is lost a job recovers too, in half a minute or in two.
		{"a tenth is lost", func(n *network) { n.drop("b", 10) }, true},
		{"slow", func(n *network) { n.slow("b", "16mbit") }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel() // it waits
			c := newSecuredCluster(t, "a", "b", "c")
			sessions := c.sessions()
			tc.hurt(c.net)
			j := c.spread()
			c.until("each executor reads some of the input", func() bool { return c.running("a")+c.running("b")+c.running("c") == 3 })
			c.touch(j.gate)
			j.ends(c)
			c.keeps(sessions)
			if n := c.net.dropped("b"); tc.drops && n == 0 {
				t.Error("no packet was lost")
			}
			for kind, n := range c.audited("coordinator").failed {
				if kind.Charged() {
					t.Errorf("%d attempts failed as %v, which is charged", n, kind)
				}
			}
		})
	}
}

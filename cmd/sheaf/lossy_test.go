package main

import "testing"

// lossy: a job ends well where the network loses packets of a host by chance, each
// way, and no executor loses its session unless its lease ran out. Of a third that
// is lost a job recovers too, in half a minute or in two.
func lossy(t *testing.T) {
	c := hurt(t, func(n *network) { n.drop("b", 10) })
	if c.net.dropped("b") == 0 {
		t.Error("no packet was lost")
	}
}

// slowLink: so it does where a host has a slow link.
func slowLink(t *testing.T) {
	hurt(t, func(n *network) { n.slow("b", "16mbit") })
}

// hurt runs a job on a cluster with which something is done first.
func hurt(t *testing.T, do func(*network)) *securedCluster {
	t.Helper()
	c := newSecuredCluster(t, "a", "b", "c")
	sessions := c.sessions()
	do(c.net)
	j := c.spread()
	c.until("each executor reads some of the input", func() bool { return c.running("a")+c.running("b")+c.running("c") == 3 })
	c.touch(j.gate)
	j.ends(c)
	c.keeps(sessions)
	for kind, n := range c.audited("coordinator").failed {
		if kind.Charged() {
			t.Errorf("%d attempts failed as %v, which is charged", n, kind)
		}
	}
	return c
}

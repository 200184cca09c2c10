package schedule

import "github.com/sheafdata/sheaf/internal/plan"

// damaged judges who is blamed for damaged bytes: only an output that is sound was
// damaged on its way, and none that no reader complained of.
func (c *checker) damaged(d Damaged) {
	if d.Holder != c.attempts[d.Output.Attempt].exec || c.complained[d.Output][d.Reader] == 0 {
		c.w.fail("%v of %s came damaged to %s, which never said so", d.Output, d.Holder, d.Reader)
	}
	if d.Disk {
		c.tally.disks++
		times := 0
		for _, n := range c.complained[d.Output] {
			times += n
		}
		if times < 2 && d.Reader != d.Holder {
			c.w.fail("the disk of %s is blamed for %v, which came damaged to %s once", d.Holder, d.Output, d.Reader)
		}
		return
	}
	c.tally.networks++
	if c.corrupt[d.Output] {
		c.w.fail("the network between %s and %s is blamed for %v, which is damaged on the disk", d.Reader, d.Holder, d.Output)
	}
}

// complain notes that damaged bytes of an output came to a reader.
func (c *checker) complain(o plan.OutputID, reader plan.ExecutorID) {
	if c.complained[o] == nil {
		c.complained[o] = map[plan.ExecutorID]int{}
	}
	c.complained[o][reader]++
}

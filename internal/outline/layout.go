package outline

import (
	"fmt"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

// The measures of the drawing, in pixels. A character of a monospaced font of 12
// pixels is a bit more than 7 wide in all common ones; the drawing sets the width
// of each text besides, so that another font cannot leave its box.
const (
	charWidth  = 7.3
	lineHeight = 18
	padding    = 10
	cellGap    = 32 // between neighbours
	levelGap   = 52 // where edges change their column
	pillGap    = 22 // from an exchange to its consumer
	margin     = 20
	laneWidth  = 12 // an edge that passes a level
	mostLine   = 64 // cells of what an operator is about
)

// cell is what stands in a level: a stage, below the exchange that it reads; or a
// lane, through which an edge passes the level.
type cell struct {
	stage *Stage // nil for a lane
	rows  []row
	pill  []string // the lines of the exchange
	feeds []*cell  // of the next level, in the order of the stage's exchanges

	x, y, width, height int // of all of it
	pillHeight          int // 0 for none
	rank                float64
}

// bounds is where a rectangle is.
type bounds struct{ x, y, width, height int }

// box is where the stage itself is: below the exchange.
func (c *cell) box() bounds {
	top := 0
	if c.pillHeight > 0 {
		top = c.pillHeight + pillGap
	}
	return bounds{c.x, c.y + top, c.width, c.height - top}
}

// pillBox is where the exchange is: above the middle of its consumer.
func (c *cell) pillBox() bounds {
	width := textSize(c.pill) + 2*padding
	return bounds{c.middle() - width/2, c.y, width, c.pillHeight}
}

func (c *cell) middle() int { return c.x + c.width/2 }

// layout puts every stage one level below the lowest of its producers, so that
// all edges lead down. An edge that passes levels has a lane in each: no edge
// runs through a box.
func (o *Outline) layout() (levels [][]*cell, width, height int) {
	level := make([]int, len(o.Stages))
	cells := make([]*cell, len(o.Stages))
	for i := range o.Stages {
		s := &o.Stages[i]
		if s.Reads != nil {
			for _, from := range o.Exchanges[*s.Reads].From {
				level[i] = max(level[i], level[from]+1)
			}
		}
		cells[i] = o.newCell(s)
		for len(levels) <= level[i] {
			levels = append(levels, nil)
		}
		levels[level[i]] = append(levels[level[i]], cells[i])
	}
	for i := range o.Stages {
		for _, id := range o.Stages[i].Writes {
			to := o.Exchanges[id].To
			from := cells[i]
			for l := level[i] + 1; l < level[to]; l++ {
				lane := &cell{width: laneWidth}
				levels[l] = append(levels[l], lane)
				from.feeds = append(from.feeds, lane)
				from = lane
			}
			from.feeds = append(from.feeds, cells[to])
		}
	}
	for _, l := range levels {
		order(l)
	}
	width, height = place(levels)
	return levels, width, height
}

func (o *Outline) newCell(s *Stage) *cell {
	c := &cell{stage: s, rows: o.rows(s)}
	for i := range c.rows {
		c.rows[i].detail = clip(c.rows[i].detail, mostLine)
		c.rows[i].at = clipLeft(c.rows[i].at, mostAt)
	}
	verbs, details, ats := c.columns()
	c.width = max(textWidthOf(verbs+2+details+2+ats), textSize([]string{c.title()})) + 2*padding
	c.height = (1+len(c.rows))*lineHeight + 2*padding
	if s.Reads != nil {
		x := &o.Exchanges[*s.Reads]
		c.pill = []string{fmt.Sprintf("exchange %d: %s", x.Exchange, clip(plain(x.Verb), mostVerb)), clip(plain(x.words()), mostLine)}
		if x.Kind == plan.Hash {
			c.pill[0] += fmt.Sprintf(", %d buckets", x.Buckets)
		}
		c.pillHeight = len(c.pill)*lineHeight + padding
		c.width = max(c.width, textSize(c.pill)+2*padding)
		c.height += c.pillHeight + pillGap
	}
	return c
}

// columns are the widths of a stage's columns, in cells.
func (c *cell) columns() (verbs, details, ats int) {
	const most = 1 << 10 // they are clipped by now
	return column(c.rows, most, func(r row) string { return r.prefix + r.verb }),
		column(c.rows, most, func(r row) string { return r.detail }), column(c.rows, most, func(r row) string { return r.at })
}

func (c *cell) title() string { return fmt.Sprintf("stage %d: %s", c.stage.Stage, c.stage.tasks()) }

// order sorts the cells of a level by where their producers stand, and hands
// ranks to those that they feed.
func order(level []*cell) {
	slices.SortStableFunc(level, func(a, b *cell) int {
		switch {
		case a.rank < b.rank:
			return -1
		case a.rank > b.rank:
			return 1
		}
		return 0
	})
	for i, c := range level {
		for k, next := range c.feeds {
			// What is fed twice is drawn to the one that comes last.
			next.rank = max(next.rank, float64(i)+float64(k)/float64(len(c.feeds)))
		}
	}
}

// place gives all cells their coordinates, each level in the middle.
func place(levels [][]*cell) (width, height int) {
	widths := make([]int, len(levels))
	for i, l := range levels {
		for k, c := range l {
			if k > 0 {
				widths[i] += cellGap
			}
			widths[i] += c.width
		}
		width = max(width, widths[i])
	}
	y := margin
	for i, l := range levels {
		x, tallest := margin+(width-widths[i])/2, 0
		for _, c := range l {
			c.x, c.y = x, y
			x += c.width + cellGap
			tallest = max(tallest, c.height)
		}
		for _, c := range l {
			if c.stage == nil {
				c.height = tallest
			}
		}
		y += tallest + levelGap
	}
	return width + 2*margin, y - levelGap + margin
}

// textSize is how wide lines are, textWidthOf how wide so many cells are.
func textSize(lines []string) (width int) {
	for _, line := range lines {
		width = max(width, textWidthOf(size(line)))
	}
	return width
}

func textWidthOf(cells int) int { return int(float64(cells)*charWidth) + 1 }

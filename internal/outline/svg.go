package outline

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

const svgStyle = `
    text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2933 }
    .title { font-weight: bold }
    .at { fill: #7b8794 }
    .warning { fill: #9c4a00 }
    .stage rect { fill: #f5f7fa; stroke: #52606d }
    .exchange rect { fill: #e3f0ff; stroke: #2f6fb5 }
    .edge { fill: none; stroke: #2f6fb5; stroke-width: 1.5 }
`

// svg draws the stages as boxes, and the exchanges as arrows into them.
func (o *Outline) svg() string {
	levels, width, height := o.layout()
	head := fmt.Sprintf("%s: %s, input %s", clip(plain(o.Job), mostVerb), plural(int64(len(o.Stages)), "stage"), o.totals())
	width = max(width, textSize([]string{head})+2*margin, textWidthOf(mostLine)+2*margin)
	const top = lineHeight + padding
	var notes []string
	for _, w := range o.Warnings {
		notes = append(notes, wrap("⚠ "+w.words()+" → "+plain(w.Advice), int(float64(width-2*margin)/charWidth)-1)...)
	}
	total := height + top
	if len(notes) > 0 {
		total += len(notes)*lineHeight + margin
	}
	d := &drawing{}
	d.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" xml:space="preserve">`, width, total, width, total)
	d.add("  <style>%s  </style>", svgStyle)
	d.add(`  <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#2f6fb5"/></marker></defs>`)
	d.add(`  <rect width="%d" height="%d" fill="white"/>`, width, total)
	d.text("title", margin, margin+lineHeight-6, head)
	d.add(`  <g transform="translate(0,%d)">`, top)
	for _, l := range levels {
		d.edges(l)
	}
	for _, l := range levels {
		for _, c := range l {
			if c.stage != nil {
				d.cell(c)
			}
		}
	}
	for i, line := range notes {
		d.text("warning", margin, height+(i+1)*lineHeight, line)
	}
	d.add("  </g>\n</svg>")
	return d.out.String()
}

// drawing is an SVG document that is being written.
type drawing struct{ out strings.Builder }

func (d *drawing) add(format string, values ...any) { fmt.Fprintf(&d.out, format+"\n", values...) }

// text sets a line. Its width is given too, so that it fits in any font.
func (d *drawing) text(class string, x, y int, line string) {
	if line == "" {
		return
	}
	d.add(`    <text class="%s" x="%d" y="%d" textLength="%d">%s</text>`, class, x, y, textWidthOf(size(line)), escaped(line))
}

func escaped(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}

func (d *drawing) rect(b bounds, radius int) {
	d.add(`    <rect x="%d" y="%d" width="%d" height="%d" rx="%d"/>`, b.x, b.y, b.width, b.height, radius)
}

// cell draws a stage, and above it the exchange that it reads.
func (d *drawing) cell(c *cell) {
	box := c.box()
	if c.pillHeight > 0 {
		pill := c.pillBox()
		d.add(`    <g class="exchange">`)
		d.rect(pill, pill.height/3)
		for i, line := range c.pill {
			d.text("", pill.x+padding, pill.y+(i+1)*lineHeight, line)
		}
		d.add("    </g>")
		d.add(`    <path class="edge" marker-end="url(#tip)" d="M%d,%d V%d"/>`, c.middle(), pill.y+pill.height, box.y)
	}
	d.add(`    <g class="stage">`)
	d.rect(box, 4)
	y := box.y + padding + lineHeight - 5
	d.text("title", box.x+padding, y, c.title())
	verbs, details, _ := c.columns()
	at := func(cells int) int { return box.x + padding + textWidthOf(cells) }
	for _, r := range c.rows {
		y += lineHeight
		prefix := size(r.prefix)
		if prefix > 0 {
			d.text("at", box.x+padding, y, r.prefix)
		}
		d.text("", at(prefix), y, r.verb)
		d.text("", at(verbs+2), y, r.detail)
		d.text("at", at(verbs+2+details+2), y, r.at)
	}
	d.add("    </g>")
}

// edges draws what leaves the cells of a level, to the top of the next one.
func (d *drawing) edges(level []*cell) {
	bottom := 0
	for _, c := range level {
		bottom = max(bottom, c.y+c.height)
	}
	for _, c := range level {
		if c.stage == nil { // straight through
			d.add(`    <path class="edge" d="M%d,%d V%d"/>`, c.middle(), c.y, bottom)
		}
		// From left to right, so that they do not cross at once.
		feeds := slices.SortedStableFunc(slices.Values(c.feeds), func(a, b *cell) int { return a.middle() - b.middle() })
		for i, next := range feeds {
			x := c.x + c.width*(i+1)/(len(c.feeds)+1)
			if x == next.middle() {
				d.add(`    <path class="edge" d="M%d,%d V%d"/>`, x, c.y+c.height, next.y)
				continue
			}
			half := (bottom + next.y) / 2
			d.add(`    <path class="edge" d="M%d,%d V%d C%d,%d %d,%d %d,%d"/>`, x, c.y+c.height, bottom, x, half, next.middle(), half, next.middle(), next.y)
		}
	}
}

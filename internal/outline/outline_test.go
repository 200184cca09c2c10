package outline

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/plan"
)

func show(t *testing.T, o *Outline, f Form) string {
	t.Helper()
	text, err := o.Show(f)
	if err != nil {
		t.Fatalf("Show(%s): %v", f, err)
	}
	return text
}

func TestGolden(t *testing.T) {
	for _, f := range []Form{Text, DOT, SVG} {
		golden.Check(t, filepath.Join("testdata", "report."+string(f)), show(t, report(), f))
	}
	var indented strings.Builder
	enc := json.NewEncoder(&indented)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(json.RawMessage(show(t, report(), JSON))); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, filepath.Join("testdata", "report.json"), indented.String())
}

func TestReadGivesWhatWasShown(t *testing.T) {
	want := report()
	got, err := Read([]byte(show(t, want, JSON)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(o *Outline)
	}{
		{"no stage", func(o *Outline) { o.Stages = nil }},
		{"another version", func(o *Outline) { o.Version++ }},
		{"number of a stage", func(o *Outline) { o.Stages[1].Stage = 7 }},
		{"number of a sink", func(o *Outline) { o.Sinks[0].Sink = 7 }},
		{"number of an exchange", func(o *Outline) { o.Exchanges[0].Exchange = 7 }},
		{"exchange to nowhere", func(o *Outline) { o.Exchanges[0].To = 7 }},
		{"exchange in a circle", func(o *Outline) { o.Exchanges[0].From = []plan.StageID{2} }},
		{"no operator", func(o *Outline) { o.Stages[0].Operators = nil }},
		{"two inputs", func(o *Outline) { o.Stages[0].Reads = ref(plan.ExchangeID(0)) }},
		{"no input", func(o *Outline) { o.Stages[0].Source = nil }},
		{"reads another's", func(o *Outline) { o.Stages[2].Reads = ref(plan.ExchangeID(1)) }},
		{"reads nothing", func(o *Outline) { o.Stages[2].Reads = ref(plan.ExchangeID(-1)) }},
		{"writes nothing", func(o *Outline) { o.Stages[0].Writes = []plan.ExchangeID{9} }},
		{"operator to nowhere", func(o *Outline) { o.Stages[0].Operators[4].Exchange = ref(plan.ExchangeID(9)) }},
		{"sink that is not there", func(o *Outline) { o.Stages[2].Operators[1].Sink = ref(plan.SinkID(9)) }},
		{"unknown input", func(o *Outline) { o.Stages[2].Operators[1].Inputs = []int{99} }},
	}
	for _, test := range tests {
		o := report()
		test.change(o)
		if _, err := Read([]byte(show(t, o, JSON))); err == nil {
			t.Errorf("Read of %s = no error, want one", test.name)
		}
	}
	if _, err := Read([]byte("hello")); err == nil {
		t.Error("Read(hello) = no error, want one")
	}
}

func TestForms(t *testing.T) {
	for _, name := range Forms() {
		var f Form
		if err := f.UnmarshalText([]byte(name)); err != nil || string(f) != name {
			t.Errorf("UnmarshalText(%s) = %v, %v, want it", name, f, err)
		}
	}
	var f Form
	if err := f.UnmarshalText([]byte("png")); err == nil || !strings.Contains(err.Error(), "text, json, dot, svg") {
		t.Errorf("UnmarshalText(png) = %v, want the forms that there are", err)
	}
}

// TestRandom holds of outlines of any shape that they can be shown: lines fit a
// terminal, quotes of DOT end, and in the drawing nothing overlaps.
func TestRandom(t *testing.T) {
	for seed := range uint64(300) {
		o := random(rand.New(rand.NewPCG(seed, 0)))
		if _, err := Read([]byte(show(t, o, JSON))); err != nil {
			t.Fatalf("seed %d is no outline: %v", seed, err)
		}
		for line := range strings.Lines(show(t, o, Text)) {
			if n := size(strings.TrimSuffix(line, "\n")); n > textWidth {
				t.Errorf("seed %d: a line of the text is %d wide, want %d at most: %s", seed, n, textWidth, line)
			}
			if strings.HasPrefix(line, "│") != strings.HasSuffix(line, " │\n") {
				t.Errorf("seed %d: a line of a box has no end: %s", seed, line)
			}
		}
		checkDOT(t, show(t, o, DOT))
		checkSVG(t, show(t, o, SVG))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestDrawing(t *testing.T) { checkSVG(t, show(t, report(), SVG)) }

// checkDOT checks quotes and brackets.
func checkDOT(t *testing.T, text string) {
	t.Helper()
	quoted, depth := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted && c < ' ':
			t.Errorf("DOT holds the control character %q inside quotes", c)
		case !quoted && (c == '{' || c == '['):
			depth++
		case !quoted && (c == '}' || c == ']'):
			depth--
		}
	}
	if quoted || depth != 0 {
		t.Errorf("DOT ends inside quotes (%v) or brackets (%d):\n%s", quoted, depth, text)
	}
}

// shape is an element of the drawing: a box, or a line of text.
type shape struct {
	bounds
	text  string
	group int // of the box that it belongs to; 0 for none
}

// shapes reads a drawing.
func shapes(t *testing.T, text string) (boxes, lines []shape, edges []bounds, width, height int) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(text))
	groups, group, shift := 0, 0, 0
	var open []string
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return boxes, lines, edges, width, height
		}
		if err != nil {
			t.Fatalf("the drawing is no XML: %v\n%s", err, text)
		}
		switch e := token.(type) {
		case xml.StartElement:
			value := func(name string) string {
				i := slices.IndexFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == name })
				if i < 0 {
					return ""
				}
				return e.Attr[i].Value
			}
			number := func(name string) int { n, _ := strconv.Atoi(value(name)); return n }
			open = append(open, e.Name.Local)
			switch e.Name.Local {
			case "svg":
				width, height = number("width"), number("height")
			case "g":
				if _, down, ok := strings.Cut(value("transform"), ","); ok {
					shift, _ = strconv.Atoi(strings.TrimSuffix(down, ")"))
				} else {
					groups++
					group = groups
				}
			case "rect":
				if group > 0 {
					boxes = append(boxes, shape{bounds{number("x"), number("y") + shift, number("width"), number("height")}, value("class"), group})
				}
			case "path":
				if value("class") == "edge" {
					edges = append(edges, reach(t, value("d"), shift)...)
				}
			case "text":
				lines = append(lines, shape{bounds{number("x"), number("y") + shift - 11, number("textLength"), 14}, "", group})
			}
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] == "text" {
				lines[len(lines)-1].text += string(e)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
			if e.Name.Local == "g" {
				group = 0
			}
		}
	}
}

// reach gives the rectangles that an edge may touch, a pixel wide where it leads
// straight down.
func reach(t *testing.T, d string, shift int) []bounds {
	t.Helper()
	var x, y, to, x1, y1, x2, y2, endX, endY int
	if n, _ := fmt.Sscanf(d, "M%d,%d V%d C%d,%d %d,%d %d,%d", &x, &y, &to, &x1, &y1, &x2, &y2, &endX, &endY); n != 3 && n != 9 {
		t.Fatalf("edge %q has another form", d)
	}
	all := []bounds{{x, y + shift, 1, to - y}}
	if endY > 0 {
		all = append(all, bounds{min(x, endX), to + shift, max(x, endX) - min(x, endX) + 1, endY - to})
	}
	return all
}

// checkSVG checks that boxes do not overlap and no edge runs through one, that texts
// fit into theirs and do not overlap either, and that all of it is inside the
// picture.
func checkSVG(t *testing.T, text string) {
	t.Helper()
	boxes, lines, edges, width, height := shapes(t, text)
	if len(boxes) == 0 || len(lines) == 0 {
		t.Fatalf("the drawing has %d boxes and %d texts", len(boxes), len(lines))
	}
	picture := bounds{0, 0, width, height}
	for i, b := range boxes {
		if !picture.holds(b.bounds) {
			t.Errorf("box %+v is outside of the picture %+v", b, picture)
		}
		for _, other := range boxes[:i] {
			if b.meets(other.bounds) {
				t.Errorf("boxes %+v and %+v overlap", b, other)
			}
		}
	}
	for _, e := range edges {
		for _, b := range boxes {
			if e.height < 0 || e.meets(b.bounds) {
				t.Errorf("an edge in %+v leads up, or through the box %+v", e, b)
			}
		}
	}
	for i, l := range lines {
		around := picture
		if k := slices.IndexFunc(boxes, func(b shape) bool { return b.group == l.group }); k >= 0 {
			around = boxes[k].bounds
		}
		if !around.holds(l.bounds) {
			t.Errorf("text %+v does not fit into %+v", l, around)
		}
		if l.width < 7*size(l.text) {
			t.Errorf("text %+v has %d cells, too many for its width", l, size(l.text))
		}
		for _, other := range lines[:i] {
			if l.meets(other.bounds) {
				t.Errorf("texts %+v and %+v overlap", l, other)
			}
		}
		for _, b := range boxes {
			if b.group != l.group && l.meets(b.bounds) {
				t.Errorf("text %+v stands in the box %+v of another", l, b)
			}
		}
	}
}

func (b bounds) holds(o bounds) bool {
	return b.x <= o.x && b.y <= o.y && o.x+o.width <= b.x+b.width && o.y+o.height <= b.y+b.height
}

func (b bounds) meets(o bounds) bool {
	return b.x < o.x+o.width && o.x < b.x+b.width && b.y < o.y+o.height && o.y < b.y+b.height
}

// TestPageNamesEveryField holds that docs/plans.md says what programs may read.
func TestPageNamesEveryField(t *testing.T) {
	page, err := os.ReadFile("../../docs/plans.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[Outline](), reflect.TypeFor[Stage](), reflect.TypeFor[Operator](), reflect.TypeFor[Source](), reflect.TypeFor[Exchange](), reflect.TypeFor[Sink](), reflect.TypeFor[Warning](),
	} {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name == "" || !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/plans.md does not name the field %q of %s", name, typ.Name())
			}
		}
	}
}

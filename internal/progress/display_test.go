package progress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseMode(t *testing.T) {
	for _, name := range Modes() {
		if m, err := ParseMode(name); err != nil || string(m) != name {
			t.Errorf("ParseMode(%q) = %q, %v, want the same name", name, m, err)
		}
	}
	if m, err := ParseMode(""); err != nil || m != Auto {
		t.Errorf("ParseMode(\"\") = %q, %v, want auto", m, err)
	}
	_, err := ParseMode("fancy")
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "auto, bar, plain, json, none") {
		t.Errorf("ParseMode(fancy) = %v, want an invalid error that lists the modes", err)
	}
}

// newTest returns a display under a clock, without colours, 80 columns wide.
func newTest(mode Mode, out io.Writer) (*Display, *clock) {
	c := &clock{t: time.Unix(1000, 0)}
	return NewWithOptions(mode, out, Options{
		Now:    c.now,
		Size:   func() (int, int) { return 80, 24 },
		Getenv: func(key string) string { return map[string]string{"NO_COLOR": "1"}[key] },
	}), c
}

func TestPlain(t *testing.T) {
	var out bytes.Buffer
	d, c := newTest(Plain, &out)
	d.Close(story(c, d.Update))
	golden.Check(t, "testdata/plain.txt", out.String())
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	d, c := newTest(JSON, &out)
	steps := 0
	final := story(c, func(s Snapshot) {
		steps++
		d.Update(s)
	})
	fmt.Fprint(d.Writer(), "warning: a \"quoted\" <word>\r\nsecond line\nno end")
	d.Close(final)
	lines := strings.SplitAfter(strings.TrimSpace(out.String()), "\n")
	if len(lines) >= steps/3 {
		t.Errorf("%d updates wrote %d objects, want one in five and those at changes of state", steps, len(lines))
	}
	golden.Check(t, "testdata/progress.ndjson", strings.Join(lines[:4], "")+strings.Join(lines[len(lines)-5:], "")+"\n")
}

func TestJSONSaysNothingNewOnce(t *testing.T) {
	var out bytes.Buffer
	d, c := newTest(JSON, &out)
	s := Snapshot{Name: "j", State: Running, Stages: []Stage{{Name: "s", Started: true}}}
	for range 100 {
		c.t = c.t.Add(time.Second)
		d.Update(s)
	}
	// A caller may fill the same slice again.
	s.Stages[0].Rows++
	d.Update(s)
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("an unchanged and one changed state wrote %d objects, want 2", got)
	}
}

func TestNone(t *testing.T) {
	var out bytes.Buffer
	d, c := newTest(None, &out)
	final := story(c, d.Update)
	fmt.Fprintln(d.Writer(), "warning")
	d.Close(final)
	if got := out.String(); got != "warning\n" {
		t.Errorf("none wrote %q, want the message alone", got)
	}
}

func TestBars(t *testing.T) {
	var out output
	var sc screen
	d, c := newTest(Bar, &out)
	var film strings.Builder
	next := time.Duration(0)
	w := d.Writer()
	final := story(c, func(s Snapshot) {
		d.Update(s)
		if s.Elapsed == 12*time.Second {
			fmt.Fprintln(w, "warning: orders.csv:1042:7: not a number")
		}
		if s.Elapsed < next {
			return
		}
		next = s.Elapsed + 4*time.Second
		d.view.(*bars).settle()
		sc.write(t, out.take())
		fmt.Fprintf(&film, "--- %v\n%s", s.Elapsed, &sc)
	})
	d.Close(final)
	sc.write(t, out.take())
	fmt.Fprintf(&film, "--- end\n%s", &sc)
	golden.Check(t, "testdata/bars.txt", film.String())
	fmt.Fprintln(w, "after the end")
	d.Close(final)
	d.Update(final)
	if got := string(out.take()); got != "after the end\n" {
		t.Errorf("after Close the display wrote %q, want the message alone", got)
	}
}

func TestCloseAtOnce(t *testing.T) {
	for _, mode := range Modes() {
		var out bytes.Buffer
		d, _ := newTest(Mode(mode), &out)
		d.Close(Snapshot{Name: "wordcount", State: Failed, Elapsed: 1500 * time.Millisecond})
		if mode != "none" && !strings.Contains(out.String(), "wordcount") {
			t.Errorf("%s: Close wrote %q, want the job's name", mode, &out)
		}
		if mode == "bar" && !strings.Contains(out.String(), "wordcount failed after 1.5s") {
			t.Errorf("bar: Close wrote %q, want the job's end", &out)
		}
	}
}

func TestPlainRefusedJob(t *testing.T) {
	var out bytes.Buffer
	d, _ := newTest(Plain, &out)
	d.Close(Snapshot{Name: "wordcount", State: Failed})
	if out.Len() > 0 {
		t.Errorf("Close of a job that never began wrote %q, want nothing", &out)
	}
}

// TestConcurrentMessages checks under -race that messages come through whole.
func TestConcurrentMessages(t *testing.T) {
	for _, mode := range []Mode{Bar, Plain, JSON, None} {
		t.Run(string(mode), func(t *testing.T) {
			var out output
			d, c := newTest(mode, &out)
			var wg sync.WaitGroup
			for i := range 4 {
				wg.Go(func() {
					w := d.Writer()
					for j := range 50 {
						fmt.Fprintf(w, "message %d", i)
						fmt.Fprintf(w, "-%d.\nmess", j)
						fmt.Fprint(w, "age end.\n")
					}
				})
			}
			final := story(c, d.Update)
			wg.Wait()
			d.Close(final)
			text := string(out.take())
			for i := range 4 {
				for j := range 50 {
					if want := fmt.Sprintf("message %d-%d.", i, j); !strings.Contains(text, want) {
						t.Fatalf("output lacks %q", want)
					}
				}
			}
			if got := strings.Count(text, "message end."); got != 200 {
				t.Errorf("output holds %d last lines, want 200", got)
			}
		})
	}
}

func TestEndlessLine(t *testing.T) {
	var out bytes.Buffer
	d, _ := newTest(None, &out)
	w := d.Writer()
	chunk := strings.Repeat("x", 1000)
	for range 200 {
		if n, err := io.WriteString(w, chunk); n != len(chunk) || err != nil {
			t.Fatalf("Write = %d, %v, want %d, nil", n, err, len(chunk))
		}
	}
	if got := out.Len(); got < 100_000 || got > 200_010 {
		t.Errorf("a line of 200,000 bytes without an end wrote %d bytes, want all but the last %d", got, maxLine)
	}
}

// brokenWriter fails after some writes, as a terminal does that is gone.
type brokenWriter struct{ left int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errors.New("input/output error")
	}
	return len(p), nil
}

func TestBrokenOutput(t *testing.T) {
	for _, mode := range []Mode{Bar, Plain, JSON, None} {
		for left := range 5 {
			d, c := newTest(mode, &brokenWriter{left: left})
			w := d.Writer()
			final := story(c, func(s Snapshot) {
				d.Update(s)
				if n, err := io.WriteString(w, "message\n"); n != 8 || err != nil {
					t.Fatalf("%s: Write = %d, %v, want 8, nil", mode, n, err)
				}
			})
			d.Close(final)
		}
	}
}

func TestChoose(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	none := func(string) string { return "" }
	if got := choose(&bytes.Buffer{}, none); got != Plain {
		t.Errorf("choose(buffer) = %v, want plain", got)
	}
	if got := choose(null, none); got != Plain {
		t.Errorf("choose(%s) = %v, want plain", os.DevNull, got)
	}
	if w, h := size(null); w != 80 || h != 24 {
		t.Errorf("size(%s) = %d, %d, want 80, 24", os.DevNull, w, h)
	}
}

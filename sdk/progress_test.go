package sdk_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestStreams checks what goes where: data on stdout, all else on stderr.
func TestStreams(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags []string
		want  []string // lines of stderr begin with these, after the time where there is one
	}{
		{"plain lines without a terminal", nil, []string{"Read", "Count", "count done", "count: done in", "read", "wrote", "shuffled", "spilled", "tasks", "memory", "output"}},
		{"no progress", []string{"--sheaf.progress=none"}, []string{"count: done in", "read", "wrote", "shuffled", "spilled", "tasks", "memory", "output"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.file(t, "in.txt", []byte("b\na\nb\n"))
			e := p.run(t, "count", append(test.flags, "--input", "in.txt", "--output", p.out)...)
			if e.code != 0 || e.stdout != "distinct 2\n" {
				t.Errorf("count: %v, want exit code 0 and only %q on stdout", e, "distinct 2\n")
			}
			if strings.ContainsAny(e.stderr, "\x1b\r") {
				t.Errorf("stderr = %q holds codes for a terminal", e.stderr)
			}
			lines := strings.Split(strings.TrimSpace(e.stderr), "\n")
			for _, want := range test.want {
				for len(lines) > 0 && !strings.Contains(lines[0], want) {
					lines = lines[1:]
				}
			}
			if len(lines) == 0 {
				t.Errorf("stderr = %q, want lines with %q in this order", e.stderr, test.want)
			}
		})
	}
}

// event is a line of NDJSON, as far as it is looked at.
type event struct {
	Event   string
	Name    string
	State   string
	Kind    string
	Message string
	Detail  string
	Stages  []struct{ Name string }
	Figures struct {
		RowsIn  int64 `json:"rows_in"`
		RowsOut int64 `json:"rows_out"`
	}
}

func TestNDJSON(t *testing.T) {
	for _, test := range []struct {
		name    string
		program string
		rows    string
		code    int
		state   string // of the last progress
		event   string // the last one
		kind    string
		message string
		detail  string
	}{
		{"done", "count", "b\na\nb\n", 0, "done", "done", "", "", ""},
		{"failed", "error", "a\nboom\n", 1, "failed", "failed", "user", "is not a number", ""},
		{"panic", "shout", "a\nboom\n", 1, "failed", "failed", "user", "panic: a row says boom", "mustHaveNoBoom"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.file(t, "in.txt", []byte(test.rows))
			e := p.run(t, test.program, "--input", "in.txt", "--output", p.out, "--sheaf.progress=json")
			if e.code != test.code {
				t.Errorf("%s: %v, want exit code %d", test.program, e, test.code)
			}
			var events []event
			for line := range strings.Lines(e.stderr) {
				var ev event
				if err := json.Unmarshal([]byte(line), &ev); err != nil {
					t.Fatalf("line %q is no JSON: %v", line, err)
				}
				events = append(events, ev)
			}
			if len(events) < 2 {
				t.Fatalf("%d events, want progress and an end: %s", len(events), e.stderr)
			}
			progress, last := events[len(events)-2], events[len(events)-1]
			if progress.Event != "progress" || progress.State != test.state || len(progress.Stages) == 0 || progress.Name != test.program {
				t.Errorf("last progress = %+v, want state %q with stages", progress, test.state)
			}
			if last.Event != test.event || last.Kind != test.kind || !strings.Contains(last.Message, test.message) || !strings.Contains(last.Detail, test.detail) {
				t.Errorf("last event = %+v, want %q of kind %q with message %q and detail %q", last, test.event, test.kind, test.message, test.detail)
			}
			if test.code == 0 && (last.Figures.RowsIn != 3 || last.Figures.RowsOut != 2) {
				t.Errorf("figures = %+v, want 3 rows in and 2 out", last.Figures)
			}
		})
	}
}

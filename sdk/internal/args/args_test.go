package args

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
)

// testHost is a machine of eight cores and 16 GiB with a given environment.
func testHost(env map[string]string) host {
	return host{
		cores: 8, memoryBytes: 16 << 30, memorySource: "physical memory", defaultMemory: 8 << 30,
		tmp: "/", getenv: func(key string) string { return env[key] },
	}
}

// word is a type that reads itself.
type word string

func (w *word) UnmarshalText(text []byte) error {
	if strings.ContainsAny(string(text), " \t") {
		return errors.New("holds a space: want one word")
	}
	*w = word(text)
	return nil
}

func (w word) MarshalText() ([]byte, error) { return []byte(w), nil }

type Shared struct {
	Verbose bool `flag:"verbose" help:"say more"`
}

type database struct {
	Region string        `flag:"region" help:"where it stands" default:"eu"`
	Wait   time.Duration `flag:"wait" help:"how long to wait for it" default:"30s"`
}

type everything struct {
	Input  string   `flag:"input" help:"files, globs or URLs to read" required:"true"`
	Output string   `flag:"output" help:"directory or URL to write" required:"true"`
	Top    int      `flag:"top" help:"words to print" default:"10"`
	Small  int8     `flag:"small"`
	Port   uint16   `flag:"port" help:"a port"`
	Huge   uint64   `flag:"huge" help:"a seed"`
	Part   float64  `flag:"part" help:"the part of all rows to read, for a quick look at data that would take long" default:"1"`
	Tags   []string `flag:"tags" help:"tags" default:"a,b"`
	Stop   word     `flag:"stop" help:"word to leave out"`
	DB     database `flag:"db"`
	Shared
	Computed map[string]int `flag:"-"`
	hidden   int
}

func TestParse(t *testing.T) {
	base := everything{Input: "in", Output: "out", Top: 10, Part: 1, Tags: []string{"a", "b"}, DB: database{Region: "eu", Wait: 30 * time.Second}}
	with := func(change func(*everything)) everything { e := base; change(&e); return e }
	tests := []struct {
		name string
		argv string
		want everything
	}{
		{"required only", "--input in --output out", base},
		{"one dash", "-input in -output=out", base},
		{"numbers", "--input=in --output=out --top -3 --small=-128 --port 65535 --huge 18446744073709551615 --part 2.5e-1",
			with(func(e *everything) { e.Top, e.Small, e.Port, e.Huge, e.Part = -3, -128, 65535, 1<<64-1, 0.25 })},
		{"leading zero is decimal", "--input=in --output=out --top 010", base},
		{"list by comma", "--input=in --output=out --tags x,y", with(func(e *everything) { e.Tags = []string{"x", "y"} })},
		{"list repeated", "--input=in --output=out --tags x --tags y,z", with(func(e *everything) { e.Tags = []string{"x", "y", "z"} })},
		{"list emptied", "--input=in --output=out --tags=", with(func(e *everything) { e.Tags = nil })},
		{"text", "--input=in --output=out --stop the", with(func(e *everything) { e.Stop = "the" })},
		{"nested", "--input=in --output=out --db.region us --db.wait 1m", with(func(e *everything) { e.DB = database{"us", time.Minute} })},
		{"embedded switch", "--verbose --input=in --output=out", with(func(e *everything) { e.Verbose = true })},
		{"switch turned off", "--verbose=false --input=in --output=out", base},
		{"last one wins", "--input=x --input=in --output=out", base},
		{"value that looks like a flag", "--input=in --output=out --stop=--top", with(func(e *everything) { e.Stop = "--top" })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got everything
			if _, err := parse(testHost(nil), "p", "", &got, strings.Fields(test.argv), io.Discard); err != nil {
				t.Fatalf("Parse(%s) = %v, want no error", test.argv, err)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(everything{})); diff != "" {
				t.Errorf("Parse(%s) differs (-want +got):\n%s", test.argv, diff)
			}
		})
	}
}

func TestValuesBeforeAreDefaults(t *testing.T) {
	target := struct {
		Top  int `flag:"top" help:"how many"`
		Left int `flag:"-"`
	}{Top: 7, Left: 5}
	var out bytes.Buffer
	if _, err := parse(testHost(nil), "p", "", &target, []string{"-h"}, &out); !errors.Is(err, ErrHelp) || !strings.Contains(out.String(), "how many (default 7)") {
		t.Errorf("Parse(-h) = %v, %q, want help that shows 7", err, &out)
	}
	if _, err := parse(testHost(nil), "p", "", &target, nil, io.Discard); err != nil || target.Top != 7 || target.Left != 5 {
		t.Errorf("Parse() = %v with %+v, want the fields as they were", err, target)
	}
}

func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const ok = "--input in --output out "
	tests := []struct {
		name, argv string
		flag       string
		env        map[string]string
	}{
		{name: "misspelt", argv: "--inptu x", flag: "inptu"},
		{name: "far from all", argv: "--zzzzzz x", flag: "zzzzzz"},
		{name: "engine flag without prefix", argv: "--parallelism 3", flag: "parallelism"},
		{name: "misspelt engine flag", argv: "--sheaf.memroy=3", flag: "sheaf.memroy"},
		{name: "missing both", argv: "--top 3"},
		{name: "missing one", argv: "--input x", flag: "output"},
		{name: "required but empty", argv: "--input= --output out", flag: "input"},
		{name: "not a number", argv: "--top 12x", flag: "top"},
		{name: "fraction", argv: "--top 1.5", flag: "top"},
		{name: "above int8", argv: "--small 128", flag: "small"},
		{name: "above uint16", argv: "--port 65536", flag: "port"},
		{name: "negative uint", argv: "--huge -1", flag: "huge"},
		{name: "above int", argv: "--top 99999999999999999999", flag: "top"},
		{name: "no finite number", argv: "--part NaN", flag: "part"},
		{name: "duration without unit", argv: "--db.wait 5", flag: "db.wait"},
		{name: "switch with another value", argv: "--verbose=maybe", flag: "verbose"},
		{name: "empty part of a list", argv: "--tags a,,b", flag: "tags"},
		{name: "text that its type refuses", argv: "--stop a\tb", flag: "stop"},
		{name: "broken UTF-8", argv: "--input a\xffb", flag: "input"},
		{name: "value missing", argv: "--top", flag: "top"},
		{name: "leftover", argv: ok + "--top=3 b.txt"},
		{name: "leftover first", argv: "b.txt --input in"},
		{name: "expanded by the shell", argv: "--output out --input a.txt b.txt", flag: "input"},
		{name: "value behind a switch", argv: "--verbose true", flag: "verbose"},
		{name: "three dashes", argv: "---top 3"},
		{name: "no name", argv: "--top 3 --=3"},
		{name: "unknown before three dashes", argv: "--zzzzzz ---x", flag: "zzzzzz"},
		{name: "three dashes after a switch", argv: "--verbose ---x"},
		{name: "parallelism 0", argv: ok + "--sheaf.parallelism 0", flag: "sheaf.parallelism"},
		{name: "parallelism negative", argv: ok + "--sheaf.parallelism=-1", flag: "sheaf.parallelism"},
		{name: "parallelism absurd", argv: ok + "--sheaf.parallelism 4097", flag: "sheaf.parallelism"},
		{name: "parallelism no number", argv: ok + "--sheaf.parallelism all", flag: "sheaf.parallelism"},
		{name: "memory negative", argv: ok + "--sheaf.memory -2GiB", flag: "sheaf.memory"},
		{name: "memory too little", argv: ok + "--sheaf.memory 15MiB", flag: "sheaf.memory"},
		{name: "memory too much", argv: ok + "--sheaf.memory 17GiB", flag: "sheaf.memory"},
		{name: "memory no size", argv: ok + "--sheaf.memory lots", flag: "sheaf.memory"},
		{name: "tmp does not exist", argv: ok + "--sheaf.tmp DIR/none", flag: "sheaf.tmp"},
		{name: "tmp is a file", argv: ok + "--sheaf.tmp DIR,DIR/file", flag: "sheaf.tmp"},
		{name: "tmp empty", argv: ok + "--sheaf.tmp=", flag: "sheaf.tmp"},
		{name: "codec", argv: ok + "--sheaf.codec lz4", flag: "sheaf.codec"},
		{name: "progress", argv: ok + "--sheaf.progress loud", flag: "sheaf.progress"},
		{name: "overwrite", argv: ok + "--sheaf.overwrite=no-way", flag: "sheaf.overwrite"},
		{name: "verify more than all", argv: ok + "--sheaf.verify-determinism=200%", flag: "sheaf.verify-determinism"},
		{name: "verify a number of tasks", argv: ok, env: map[string]string{"SHEAF_VERIFY_DETERMINISM": "5"}, flag: "sheaf.verify-determinism"},
		{name: "parallelism of the environment", argv: ok, env: map[string]string{"SHEAF_PARALLELISM": "many"}, flag: "sheaf.parallelism"},
		{name: "memory of the environment", argv: ok, env: map[string]string{"SHEAF_MEMORY": "1TiB"}, flag: "sheaf.memory"},
		{name: "overwrite of the environment", argv: ok, env: map[string]string{"SHEAF_OVERWRITE": "ja"}, flag: "sheaf.overwrite"},
	}
	var all strings.Builder
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var target everything
			argv := strings.Split(strings.TrimSpace(strings.ReplaceAll(test.argv, "DIR", dir)), " ")
			_, err := parse(testHost(test.env), "wordcount", "", &target, argv, io.Discard)
			usage, ok := errors.AsType[*UsageError](err)
			if !ok || fault.KindOf(err) != fault.Invalid {
				t.Fatalf("Parse(%q) = %v, want a *UsageError of kind invalid", argv, err)
			}
			if usage.Flag != test.flag {
				t.Errorf("Parse(%q) blames flag %q, want %q (%v)", argv, usage.Flag, test.flag, err)
			}
			message := strings.ReplaceAll(err.Error(), dir, "DIR")
			if strings.Contains(message, "\n") {
				t.Errorf("Parse(%q) = %q, want one line", argv, message)
			}
			fmt.Fprintf(&all, "%s\n    %s\n", strings.TrimSpace(test.name+": "+test.argv), message)
		})
	}
	golden.Check(t, "testdata/errors.txt", all.String())
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	var target everything
	for _, argv := range [][]string{{"--help"}, {"-h"}, {"--top", "3", "-help"}} {
		out.Reset()
		_, err := parse(testHost(nil), "wordcount", "Counts the words of text files.", &target, argv, &out)
		if !errors.Is(err, ErrHelp) {
			t.Errorf("Parse(%q) = %v, want ErrHelp", argv, err)
		}
	}
	golden.Check(t, "testdata/help.txt", out.String())
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > helpWidth {
			t.Errorf("help line %q has %d columns, want at most %d", line, len(line), helpWidth)
		}
	}
	out.Reset()
	if _, err := parse(testHost(nil), "pi", "", &struct{}{}, []string{"--help"}, &out); !errors.Is(err, ErrHelp) {
		t.Errorf("Parse(--help) = %v, want ErrHelp", err)
	}
	golden.Check(t, "testdata/help_bare.txt", out.String())
}

func TestBadStructs(t *testing.T) {
	var nilPointer *everything
	tests := []struct {
		name   string
		target any
	}{
		{"nil", nil},
		{"no pointer", everything{}},
		{"nil pointer", nilPointer},
		{"pointer to a number", new(int)},
		{"no tag", &struct{ Limit int }{}},
		{"not exported", &struct {
			limit int `flag:"limit"`
		}{}},
		{"no type for a flag", &struct {
			Limit map[string]int `flag:"limit"`
		}{}},
		{"list of numbers", &struct {
			Limit []int `flag:"limit"`
		}{}},
		{"pointer", &struct {
			Limit *int `flag:"limit"`
		}{}},
		{"empty name", &struct {
			Limit int `flag:""`
		}{}},
		{"name with a space", &struct {
			Limit int `flag:"the limit"`
		}{}},
		{"name with a dash first", &struct {
			Limit int `flag:"-limit"`
		}{}},
		{"reserved", &struct {
			Limit int `flag:"sheaf.limit"`
		}{}},
		{"reserved by nesting", &struct {
			In struct {
				Limit int `flag:"limit"`
			} `flag:"sheaf"`
		}{}},
		{"help", &struct {
			Help bool `flag:"help"`
		}{}},
		{"twice", &struct {
			Limit int `flag:"limit"`
			Other int `flag:"limit"`
		}{}},
		{"twice through embedding", &struct {
			Shared
			Loud bool `flag:"verbose"`
		}{}},
		{"bad default", &struct {
			Limit int `flag:"limit" default:"many"`
		}{}},
		{"required and default", &struct {
			Limit int `flag:"limit" default:"1" required:"true"`
		}{}},
		{"required maybe", &struct {
			Limit int `flag:"limit" required:"yes"`
		}{}},
	}
	var all strings.Builder
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(testHost(nil), "p", "", test.target, nil, io.Discard)
			if _, ok := errors.AsType[*UsageError](err); !ok || fault.KindOf(err) != fault.Invalid {
				t.Fatalf("Parse into %T = %v, want a *UsageError of kind invalid", test.target, err)
			}
			fmt.Fprintf(&all, "%s\n    %v\n", test.name, err)
		})
	}
	golden.Check(t, "testdata/structs.txt", all.String())
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"input", "input", 0}, {"inptu", "input", 1},
		{"inpt", "input", 1}, {"innput", "input", 1}, {"onput", "input", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
	}
	for _, test := range tests {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

// FuzzParse checks that no command line ends in anything but arguments, help
// or a usage error, and that what was accepted survives JSON.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "--input\x00in\x00--output\x00out", "-h", "--top\x0012x", "---\x00--=\x00-", "--verbose\x00true", "--\x00x", "--sheaf.memory=1e9\x00--tags=a,b\x00--tags=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, joined string) {
		argv := strings.Split(joined, "\x00")
		var target everything
		_, err := parse(testHost(nil), "p", "", &target, argv, io.Discard)
		if err != nil {
			if _, ok := errors.AsType[*UsageError](err); !ok && !errors.Is(err, ErrHelp) {
				t.Fatalf("Parse(%q) = %v, want a *UsageError or ErrHelp", argv, err)
			}
			return
		}
		text, err := JSON(target)
		if err != nil {
			t.Fatalf("JSON of %q: %v", argv, err)
		}
		var back everything
		if err := Set(&back, text); err != nil {
			t.Fatalf("Set(%s) = %v", text, err)
		}
		if diff := cmp.Diff(target, back, cmp.AllowUnexported(everything{})); diff != "" {
			t.Errorf("arguments changed through JSON (-want +got):\n%s", diff)
		}
	})
}

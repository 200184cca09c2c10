package sdk_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// wantFailure checks how a program reports that it cannot do its work: its exit
// code, one message as the last line, no stack, and nothing left anywhere.
func (p place) wantFailure(t *testing.T, e ended, code int, message string) {
	t.Helper()
	if e.code != code {
		t.Errorf("exit code = %d, want %d", e.code, code)
	}
	lines := strings.Split(strings.TrimSuffix(e.stderr, "\n"), "\n")
	if code == 2 {
		// Usage errors may end with a line on --help; nothing has begun.
		if len(lines) > 2 || len(lines) == 2 && !strings.Contains(lines[1], "--help") {
			t.Errorf("stderr = %q, want a message and at most a line on --help", e.stderr)
		}
		lines = lines[:1]
	}
	if got := lines[len(lines)-1]; !strings.Contains(got, message) {
		t.Errorf("message = %q\nwant in it  %q", got, message)
	}
	if strings.Contains(e.stderr, "goroutine ") {
		t.Errorf("stderr shows a stack: %s", e.stderr)
	}
	if e.stdout != "" {
		t.Errorf("stdout = %q, want nothing", e.stdout)
	}
	p.wantClean(t)
	if t.Failed() {
		t.Logf("the program said: %v", e)
	}
}

func TestUsage(t *testing.T) {
	const given = "--input in.txt --output side/out "
	for _, test := range []struct {
		name    string
		flags   string
		message string
	}{
		{"unknown flag", given + "--lable x", "unknown flag --lable: did you mean --label?"},
		{"engine flag without its prefix", given + "--parallelism 2", "did you mean --sheaf.parallelism?"},
		{"missing required flag", "--input in.txt", "required flag --output is missing"},
		{"empty required flag", "--input in.txt --output=", "--output is empty: expected a text"},
		{"argument without a flag", given + "more.txt", `unexpected argument "more.txt"`},
		{"no tasks at once", given + "--sheaf.parallelism 0", `--sheaf.parallelism="0": expected a whole number from 1 to`},
		{"negative tasks at once", given + "--sheaf.parallelism=-4", `--sheaf.parallelism="-4": expected a whole number from 1 to`},
		{"absurd tasks at once", given + "--sheaf.parallelism 99999999999999999999", "expected a whole number"},
		{"no memory", given + "--sheaf.memory 0", `--sheaf.memory="0": size "0"`},
		{"negative memory", given + "--sheaf.memory=-1GiB", "is negative"},
		{"too little memory", given + "--sheaf.memory 4KiB", "give at least 16 MiB"},
		{"more memory than there is", given + "--sheaf.memory 7EiB", "that is more than there is"},
		{"more memory than can be counted", given + "--sheaf.memory 99999EiB", "is too large"},
		{"memory without a number", given + "--sheaf.memory lots", "write a number and a unit"},
		{"temporary directory that does not exist", given + "--sheaf.tmp missing", "missing cannot be used as a directory"},
		{"temporary directory that is a file", given + "--sheaf.tmp in.txt", "in.txt is not a directory"},
		{"unknown codec", given + "--sheaf.codec lzma", "choose one of none, s2, zstd"},
		{"unknown progress", given + "--sheaf.progress loud", "choose one of auto, bar, plain, json, none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.file(t, "in.txt", []byte("a row\n"))
			p.wantFailure(t, p.run(t, "copy", strings.Fields(test.flags)...), 2, test.message)
			p.wantNothing(t)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	e := p.run(t, "copy", "--help")
	if e.code != 0 || e.stderr != "" {
		t.Errorf("--help ended with %v, want exit code 0 and nothing on stderr", e)
	}
	for _, want := range []string{"--input string", "(required)", "--label string", "--sheaf.memory size", "--sheaf.overwrite"} {
		if !strings.Contains(e.stdout, want) {
			t.Errorf("--help lacks %q:\n%s", want, e.stdout)
		}
	}
}

// gzipped returns content as a gzip file, long enough to be damaged inside.
func gzipped(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		fmt.Fprintf(w, "%016x\n", rng.Uint64())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBadInput(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, p place)
		input   string
		message string
	}{
		{"missing file", nil, "absent.txt", `no such input: "absent.txt"`},
		{"misspelt file", func(t *testing.T, p place) { p.file(t, "words.txt", nil) }, "wrods.txt", `did you mean "words.txt"?`},
		{"one of several missing", func(t *testing.T, p place) { p.file(t, "a.txt", nil) }, "a.txt,none.csv", `no such input: "none.csv"`},
		{"glob without match", nil, "*.csv", `no input file matches "*.csv"`},
		{"glob that is never closed", nil, "[a-z.txt", "is never closed"},
		{"object store", nil, "s3://bucket/key", "s3:// is not supported"},
		{"truncated gzip", func(t *testing.T, p place) {
			whole := gzipped(t)
			p.file(t, "in.gz", whole[:len(whole)/2])
		}, "in.gz", "in.gz: the gzip file ends too early (at compressed offset "},
		{"gzip with a flipped bit", func(t *testing.T, p place) {
			damaged := gzipped(t)
			damaged[len(damaged)/2] ^= 0x10
			p.file(t, "in.gz", damaged)
		}, "in.gz", "in.gz: the gzip file is damaged (at compressed offset "},
		{"plain text called gzip", func(t *testing.T, p place) { p.file(t, "in.gz", []byte("plain text\n")) }, "in.gz", "in.gz, offset 0: the name says gzip, but the content is not"},
		{"named pipe", func(t *testing.T, p place) {
			if err := syscall.Mkfifo(filepath.Join(p.dir, "pipe"), 0o666); err != nil {
				t.Fatal(err)
			}
		}, "pipe", "not a regular file: copy its data to a file first"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			if test.prepare != nil {
				test.prepare(t, p)
			}
			p.wantFailure(t, p.run(t, "sort", "--input", test.input, "--output", p.out), 1, test.message)
			p.wantNothing(t)
		})
	}
}

// TestUnreadable runs as a user without rights, also when the tests run as root.
func TestUnreadable(t *testing.T) {
	for _, test := range []struct {
		name    string
		mode    os.FileMode
		of      string // what has the mode
		input   string
		output  string
		message string
	}{
		{"unreadable directory", 0o000, "locked", "locked", "side/out", `read input directory "locked/": permission denied`},
		{"unreadable directory below a pattern", 0o000, "locked", "**/*.txt", "side/out", `read input directory "locked/": permission denied`},
		{"unreadable file", 0o000, "locked/in.txt", "locked", "side/out", `open input "locked/in.txt": permission denied`},
		{"output not writable", 0o555, "side", "locked", "side/out", "cannot be written: permission denied"},
		{"temporary directory not writable", 0o555, "tmp", "locked", "side/out", "permission denied"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			locked := filepath.Join(p.dir, "locked")
			if err := os.Mkdir(locked, 0o777); err != nil {
				t.Fatal(err)
			}
			p.file(t, "locked/in.txt", []byte("a row\n"))
			openFor(t, p)
			of := filepath.Join(p.dir, test.of)
			chmod(t, of, test.mode)
			t.Cleanup(func() { chmod(t, of, 0o777) }) // so that it can be removed
			cmd := p.command(t, "copy", "--input", test.input, "--output", test.output)
			if os.Getuid() == 0 {
				cmd.Env = append(cmd.Env, userVar+"=65534")
			}
			p.wantFailure(t, finish(t, cmd), 1, test.message)
			p.wantNothing(t)
		})
	}
}

// openFor lets every user reach and write the place: the directories of a test
// belong to the user who runs it alone.
func openFor(t *testing.T, p place) {
	t.Helper()
	for dir := p.dir; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		chmod(t, dir, 0o755)
	}
	chmod(t, p.side, 0o777)
	chmod(t, p.tmp, 0o777)
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestInvalidUTF8 checks that bytes that are no text go through unchanged.
func TestInvalidUTF8(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	content := []byte("\xff\xfe broken\nna\xc3\nwhole é\n\x80\x00\x01\n")
	in := p.file(t, "in.txt", content)
	if e := p.run(t, "copy", "--input", in, "--output", p.out); e.code != 0 {
		t.Fatalf("copy: %v", e)
	}
	got, err := os.ReadFile(filepath.Join(p.out, "part-00000.txt"))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("copy of %q = %q, %v, want the same", content, got, err)
	}
	p.wantClean(t)
}

func TestExistingOutput(t *testing.T) {
	t.Run("refused before any work", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		if err := os.Mkdir(p.out, 0o777); err != nil {
			t.Fatal(err)
		}
		old := p.file(t, "side/out/old.txt", []byte("old\n"))
		// The input does not exist either: had work begun, that would be the message.
		p.wantFailure(t, p.run(t, "copy", "--input", "absent", "--output", p.out), 1, "exists: choose another or pass --sheaf.overwrite")
		if got, err := os.ReadFile(old); string(got) != "old\n" || err != nil {
			t.Errorf("old output = %q, %v, want it untouched", got, err)
		}
	})
	t.Run("overwritten as a whole", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		if err := os.Mkdir(p.out, 0o777); err != nil {
			t.Fatal(err)
		}
		p.file(t, "side/out/old.txt", []byte("old\n"))
		in := p.file(t, "in.txt", []byte("new\n"))
		if e := p.run(t, "copy", "--input", in, "--output", p.out, "--sheaf.overwrite"); e.code != 0 {
			t.Fatalf("copy: %v", e)
		}
		if got, want := strings.Join(names(t, p.out), " "), "_SUCCESS.json part-00000.txt"; got != want {
			t.Errorf("the output has %s, want %s", got, want)
		}
		p.wantClean(t)
	})
	t.Run("a failure keeps the old output", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		if err := os.Mkdir(p.out, 0o777); err != nil {
			t.Fatal(err)
		}
		p.file(t, "side/out/old.txt", []byte("old\n"))
		p.file(t, "in.txt", []byte("new\nboom\n"))
		if e := p.run(t, "error", "--input", "in.txt", "--output", p.out, "--sheaf.overwrite"); e.code != 1 {
			t.Errorf("error: %v", e)
		}
		if got, want := strings.Join(names(t, p.out), " "), "old.txt"; got != want {
			t.Errorf("the output has %s, want %s", got, want)
		}
		p.wantClean(t)
	})
	for _, flags := range []string{"", "--sheaf.overwrite"} {
		t.Run("a file "+flags, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.file(t, "in.txt", nil)
			file := p.file(t, "side/out", []byte("precious\n"))
			args := append([]string{"--input", "in.txt", "--output", p.out}, strings.Fields(flags)...)
			p.wantFailure(t, p.run(t, "copy", args...), 1, "exists and is a file: choose another or remove it")
			if got, err := os.ReadFile(file); string(got) != "precious\n" || err != nil {
				t.Errorf("file = %q, %v, want it untouched", got, err)
			}
		})
	}
	t.Run("below a file", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.file(t, "in.txt", nil)
		p.wantFailure(t, p.run(t, "copy", "--input", "in.txt", "--output", "in.txt/out"), 1, "is a file, not a directory")
	})
	t.Run("around the working directory", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.file(t, "in.txt", nil)
		p.wantFailure(t, p.run(t, "copy", "--input", "in.txt", "--output", p.dir, "--sheaf.overwrite"), 1, "would be deleted to replace it")
	})
}

func TestChangedInput(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file(t, "in.txt", []byte("one\ntwo\n"))
	p.wantFailure(t, p.run(t, "edit", "--input", "in.txt", "--output", p.out), 1, `input "in.txt" changed`)
	p.wantNothing(t)
}

// TestUserFailure checks that the user finds the row and the line at fault.
func TestUserFailure(t *testing.T) {
	rows := strings.Repeat("a row\n", 5000) + "boom\n" + strings.Repeat("a row\n", 5000)
	source, err := os.ReadFile("programs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := bytes.Cut(source, []byte("// the line that the message must name"))
	if !found {
		t.Fatal("programs_test.go has lost its mark")
	}
	at := "programs_test.go:" + strconv.Itoa(1+bytes.Count(before, []byte("\n")))
	t.Run("panic", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.file(t, "in.txt", []byte(rows))
		e := p.run(t, "shout", "--input", "in.txt", "--output", p.out)
		message, frames, _ := strings.Cut(e.stderr[strings.Index(e.stderr, "shout: "):], "\n\n")
		for _, want := range []string{"panic: a row says boom (at ", at + ")", "in.txt, offset 30000"} {
			if !strings.Contains(message, want) {
				t.Errorf("message = %q, want %q in it", message, want)
			}
		}
		for _, want := range []string{"sdk_test.mustHaveNoBoom\n", at + "\n", "sdk_test.shout\n"} {
			if !strings.Contains(frames, want) {
				t.Errorf("frames = %q, want %q in them", frames, want)
			}
		}
		for _, engine := range []string{"runtime.", "executor/"} {
			if strings.Contains(frames, engine) {
				t.Errorf("frames = %q, want none of the engine (%s)", frames, engine)
			}
		}
		if e.code != 1 {
			t.Errorf("exit code = %d, want 1", e.code)
		}
		p.wantNothing(t)
	})
	t.Run("error", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.file(t, "in.txt", []byte(rows))
		p.wantFailure(t, p.run(t, "error", "--input", "in.txt", "--output", p.out), 1, `"boom" is not a number; the row is at in.txt, offset 30000`)
		p.wantNothing(t)
	})
}

// TestDiskFull runs jobs on a file system of one mebibyte.
func TestDiskFull(t *testing.T) {
	for _, test := range []struct {
		name    string
		full    func(p place) string // the directory with little room
		message string
		bytes   string // pattern of the size that the message names
	}{
		{"at the output", func(p place) string { return p.side }, `side/.sheaf-stage-out-`, ""},
		{"at spilling", func(p place) string { return p.tmp }, `tmp/sheaf-`, `write [0-9]+ bytes to `},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlace(t)
			full := test.full(p)
			mountSmall(t, full)
			var rows bytes.Buffer
			rng := rand.New(rand.NewPCG(3, 4))
			for range 600_000 {
				fmt.Fprintf(&rows, "%016x\n", rng.Uint64())
			}
			p.file(t, "in.txt", rows.Bytes())
			e := p.run(t, "sort", "--input", "in.txt", "--output", p.out, "--sheaf.memory", "16MiB")
			p.wantFailure(t, e, 1, "no space left on device")
			p.wantFailure(t, e, 1, test.message)
			p.wantFailure(t, e, 1, "free space there or")
			if test.bytes != "" && !regexp.MustCompile(test.bytes).MatchString(e.stderr) {
				t.Errorf("stderr = %s, want the bytes needed, as in %s", e.stderr, test.bytes)
			}
			if strings.Contains(e.stderr, " times because disks are full") {
				t.Errorf("stderr = %s, want one try: there is no other disk", e.stderr)
			}
			p.wantNothing(t)
		})
	}
}

// TestOneOfTwoDisksFull spills to two directories, of which one is full after a
// mebibyte: the other takes what does not fit, and the job succeeds.
func TestOneOfTwoDisksFull(t *testing.T) {
	p := newPlace(t)
	full := filepath.Join(p.dir, "full")
	if err := os.Mkdir(full, 0o777); err != nil {
		t.Fatal(err)
	}
	mountSmall(t, full)
	const bytes, width = 128 << 20, 100
	e := p.run(t, "budget", "--workload", "sort", "--bytes", fmt.Sprint(bytes), "--output", p.out,
		"--sheaf.memory", "16MiB", "--sheaf.tmp", full+","+p.tmp, "--sheaf.progress=json")
	if e.code != 0 {
		t.Fatalf("sort with one of two disks full: %v", e)
	}
	if f := figuresOf(t, e); f.Spilled < 4<<20 {
		t.Errorf("%d bytes were spilled, too few to fill the disk", f.Spilled)
	}
	for _, w := range budgetWorkloads() {
		if w.name == "sort" {
			w.check(t, p, bytes/width)
		}
	}
	p.wantClean(t)
	if left := names(t, full); len(left) > 0 {
		t.Errorf("%q is left on the full disk", left)
	}
}

// mountSmall mounts a file system of one mebibyte as long as the test runs.
func mountSmall(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("SKIPPED: a real full disk: mounting a tmpfs needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// TestBareEnvironment runs a job where there is no HOME, PATH or TERM, as under
// some service managers.
func TestBareEnvironment(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.file(t, "in.txt", []byte("a row\n"))
	cmd := exec.Command(os.Args[0], "--input", "in.txt", "--output", p.out)
	cmd.Dir, cmd.Env = p.dir, []string{programVar + "=copy", "TMPDIR=" + p.tmp}
	if e := finish(t, cmd); e.code != 0 {
		t.Errorf("copy without an environment: %v", e)
	}
	p.wantClean(t)
}

package main

import (
	"bufio"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

// TestEqualToPeers counts the words of Go's source tree, and compares with two
// others that share no code with the job: strings.Fields, and the classic
// pipeline of tr, sort and uniq. The latter knows white space of ASCII alone;
// the few files with other white space are added to it by strings.Fields.
func TestEqualToPeers(t *testing.T) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env GOROOT: %v", err)
	}
	src := filepath.Join(strings.TrimSpace(string(root)), "src")
	files := sources(t, src)
	if len(files) == 0 {
		t.Fatalf("%s has no Go files", src)
	}
	got := parse(t, sheaftest.Run(t, wordcount, Args{Input: src + "/**/*.go", Output: filepath.Join(t.TempDir(), "counts")}), "\t", false)

	all, wide := map[string]int64{}, map[string]int64{}
	var plain []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(string(content))
		to := wide
		if len(words) == len(bytes.FieldsFunc(content, asciiSpace)) {
			plain = append(plain, file)
			to = nil
		}
		for _, w := range words {
			all[w]++
			if to != nil {
				to[w]++
			}
		}
	}
	equal(t, "strings.Fields", got, all)

	for _, tool := range []string{"sh", "tr", "sort", "uniq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: the comparison with tr, sort and uniq: %v", err)
		}
	}
	lines := pipeline(t, plain)
	for word, n := range parse(t, lines, " ", true) {
		wide[word] += n
	}
	equal(t, "tr | sort | uniq -c", got, wide)
}

func asciiSpace(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }

// sources lists the Go files below dir, but for hidden ones and what is below
// hidden directories.
func sources(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_")
		switch {
		case err != nil:
			return err
		case hidden && e.IsDir():
			return fs.SkipDir
		case !hidden && e.Type().IsRegular() && strings.HasSuffix(path, ".go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// pipeline returns the lines of the classic word count over files, each ended
// by a newline so that its last word does not join the next file's first.
func pipeline(t *testing.T, files []string) []string {
	t.Helper()
	cmd := exec.Command("sh", "-c", `tr -s '[:space:]' '\n' | sort | uniq -c`)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TMPDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	in, out := io.Pipe()
	cmd.Stdin = in
	go func() { out.CloseWithError(feed(out, files)) }()
	counted, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	return strings.Split(strings.TrimSuffix(string(counted), "\n"), "\n")
}

func feed(to io.Writer, files []string) error {
	w := bufio.NewWriterSize(to, 1<<20)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(content, '\n')); err != nil {
			return err
		}
	}
	return w.Flush()
}

// parse reads lines of words and counts, or counts and words.
func parse(t *testing.T, lines []string, separator string, countFirst bool) map[string]int64 {
	t.Helper()
	counts := make(map[string]int64, len(lines))
	for _, line := range lines {
		word, number, _ := strings.Cut(strings.TrimLeft(line, " "), separator)
		if countFirst {
			word, number = number, word
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			t.Fatalf("line %q holds no count: %v", line, err)
		}
		if word == "" { // of white space at the very beginning
			continue
		}
		if _, twice := counts[word]; twice {
			t.Fatalf("word %q is listed twice", word)
		}
		counts[word] = n
	}
	return counts
}

// equal compares counts and shows the first few differences.
func equal(t *testing.T, peer string, got, want map[string]int64) {
	t.Helper()
	differ := 0
	for word, n := range want {
		if got[word] != n {
			if differ++; differ <= 5 {
				t.Errorf("count of %q = %d, want %d as by %s", word, got[word], n, peer)
			}
		}
	}
	for word, n := range got {
		if _, ok := want[word]; !ok {
			if differ++; differ <= 5 {
				t.Errorf("count of %q = %d, want none as by %s", word, n, peer)
			}
		}
	}
	if differ > 5 {
		t.Errorf("%d words differ from %s", differ, peer)
	}
	if len(got) == 0 {
		t.Error("no words were counted")
	}
}

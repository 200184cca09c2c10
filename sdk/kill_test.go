package sdk_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/executor/task"
)

var (
	kills    = flag.Int("kills", 48, "how often TestKill kills a job")
	killSeed = flag.Uint64("killseed", 0, "seed of what TestKill does; 0 for a new one")
)

// TestKill kills a job at random moments of its life and checks that its
// destination is then as it was, or complete, and that the next run clears up.
func TestKill(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (-killseed=%d)", seed, seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	p := newPlace(t)
	// More than the memory of the smallest budget keeps, so that map outputs
	// become files.
	var rows bytes.Buffer
	row := make([]byte, 100)
	for range 30_000 {
		for i := range row {
			row[i] = byte(rng.UintN(256))
		}
		fmt.Fprintf(&rows, "%x\n", row)
	}
	p.file(t, "in.txt", rows.Bytes())
	p.file(t, "few.txt", []byte("a row\n"))
	sorted := slices.SortedFunc(bytes.Lines(rows.Bytes()), bytes.Compare)
	command := func(label string, more ...string) []string {
		return append([]string{"--input", "in.txt", "--output", p.out, "--label", label, "--sheaf.memory=16MiB"}, more...)
	}

	began := time.Now()
	if e := p.run(t, "sort", command("old ")...); e.code != 0 {
		t.Fatalf("sort: %v", e)
	}
	life := time.Since(began)
	old := contentOf(t, p.out)
	checkSorted(t, old, "old ", sorted)

	var survived, published int
	times := *kills
	if testing.Short() {
		times = min(times, 12)
	}
	for i := range times {
		// Fresh and over an older output in turn.
		overwrite := i%2 == 1
		var more []string
		if overwrite {
			more = []string{"--sheaf.overwrite"}
		} else if err := os.RemoveAll(p.out); err != nil {
			t.Fatal(err)
		}
		before := contentOf(t, p.out)
		label := fmt.Sprintf("kill %d ", i)
		moment := time.Duration(rng.Float64() * 1.1 * float64(life))
		if i%4 >= 2 {
			// Publishing is the short and delicate part, near the end.
			moment = time.Duration((0.7 + 0.4*rng.Float64()) * float64(life))
		}
		if p.killAfter(t, moment, command(label, more...)) {
			survived++
		}
		after := contentOf(t, p.out)
		if !bytes.Equal(before, after) {
			published++
			checkSorted(t, after, label, sorted)
		}

		next := fmt.Sprintf("next %d ", i)
		if e := p.run(t, "sort", command(next, "--sheaf.overwrite", "--input", "few.txt")...); e.code != 0 {
			t.Fatalf("the run after a kill at %v: %v", moment, e)
		}
		checkSorted(t, contentOf(t, p.out), next, [][]byte{[]byte("a row\n")})
		p.wantClean(t)
		if t.Failed() {
			t.Fatalf("kill %d, after %v, overwrite %v, seed %d", i, moment, overwrite, seed)
		}
	}
	t.Logf("%d kills within %v: %d jobs had ended, %d outputs were complete", times, life, survived, published)
}

// killAfter starts a job and kills it at a moment, and reports whether it had
// ended by itself.
func (p place) killAfter(t *testing.T, moment time.Duration, args []string) (ended bool) {
	t.Helper()
	cmd := p.command(t, "sort", args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("the job failed by itself: %v", err)
		}
		return true
	case <-time.After(moment):
	}
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	return <-done == nil
}

// contentOf returns the rows of a destination in order of its files, nil when
// there is none. A destination that does not hold exactly what its manifest
// lists ends the test.
func contentOf(t *testing.T, dir string) []byte {
	t.Helper()
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "_SUCCESS.json"))
	if err != nil {
		t.Fatalf("the destination is incomplete: %v; it has %v", err, names(t, dir))
	}
	var s task.Success
	if err := json.Unmarshal(manifest, &s); err != nil {
		t.Fatalf("manifest: %v", err)
	}
	if got, want := len(names(t, dir)), len(s.Files)+1; got != want {
		t.Fatalf("the destination has %d files, want the manifest and what it lists: %d", got, want)
	}
	all := []byte{}
	for _, f := range s.Files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Fatalf("the destination is incomplete: %v", err)
		}
		sum := xxh3.Hash128(content).Bytes()
		if hash := hex.EncodeToString(sum[:]); int64(len(content)) != f.Bytes || hash != f.XXH3 {
			t.Fatalf("%s has %d bytes with hash %s, the manifest says %d and %s", f.Name, len(content), hash, f.Bytes, f.XXH3)
		}
		all = append(all, content...)
	}
	return all
}

// checkSorted checks that an output is the labelled rows in order.
func checkSorted(t *testing.T, got []byte, label string, rows [][]byte) {
	t.Helper()
	var want bytes.Buffer
	for _, row := range rows {
		want.WriteString(label)
		want.Write(row)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("the output of %q has %d bytes, want %d bytes of sorted rows", label, len(got), want.Len())
	}
}

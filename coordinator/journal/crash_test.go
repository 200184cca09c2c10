package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"

	"github.com/sheafdata/sheaf/internal/fault"
)

// appendForEver appends numbers from what is there on, and prints each one that
// was acknowledged.
func appendForEver(dir string) {
	m := &list{}
	j, err := Open(context.Background(), Config{Dir: dir, Machine: m})
	if err == nil {
		_, err = j.Lead(context.Background())
	}
	for i := len(m.all()); err == nil; i++ {
		if _, err = j.Append(context.Background(), []byte(strconv.Itoa(i))); err == nil {
			fmt.Println(i)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKill kills a process that appends, again and again: what it was told to
// be durable is there, in order and once.
func TestKill(t *testing.T) {
	dir, seed := t.TempDir(), uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	acknowledged := -1
	for range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "JOURNAL_TEST_APPEND="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := 1 + rng.IntN(200); left > 0 && lines.Scan(); left-- {
			acknowledged, _ = strconv.Atoi(lines.Text())
		}
		cmd.Process.Kill()
		for lines.Scan() { // what it had printed before
			acknowledged, _ = strconv.Atoi(lines.Text())
		}
		cmd.Wait()
		m := &list{}
		j := lead(t, Config{Dir: dir, Machine: m})
		records := m.all()
		shut(t, j)
		for i, r := range records {
			if string(r) != strconv.Itoa(i) {
				t.Fatalf("record %d = %s after a kill, want %d (seed %d)", i, r, i, seed)
			}
		}
		if len(records) <= acknowledged {
			t.Fatalf("%d records after a kill, but %d were acknowledged (seed %d)", len(records), acknowledged+1, seed)
		}
	}
}

// TestKillBeforeTheFirstEntry has a process that ended when raft had noted its
// term and nothing else.
func TestKillBeforeTheFirstEntry(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, walFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	meta := &metadb.BoltMetaDB{}
	log, err := wal.Open(filepath.Join(dir, walFolder), wal.WithSegmentSize(segmentBytes), wal.WithMetaStore(meta), wal.WithLogger(hclog.NewNullLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(log.SetUint64([]byte("CurrentTerm"), 1), log.Close(), meta.Close()); err != nil {
		t.Fatal(err)
	}
	m := &list{}
	j := lead(t, Config{Dir: dir, Machine: m})
	add(t, j, "a")
	shut(t, j)
	if got, want := text(m.all()), `["a"]`; got != want {
		t.Errorf("records %s, want %s", got, want)
	}
}

// segments are the files of the log.
func segments(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, walFolder, "*.wal"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of the log in %s: %v", dir, err)
	}
	return files
}

// TestDamage flips bits all over a log, one at a time. None may give another
// record or one less than was acknowledged.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	m := &list{}
	j := lead(t, Config{Dir: dir, Machine: m})
	for i := range 20 {
		add(t, j, strings.Repeat(strconv.Itoa(i), 40))
	}
	want := m.all()
	shut(t, j)
	file := segments(t, dir)[0]
	healthy, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	end := len(strings.TrimRight(string(healthy), "\x00"))
	rng := rand.New(rand.NewPCG(1, 2))
	refused, same := 0, 0
	for range 60 {
		bit := rng.IntN(end * 8)
		damaged := append([]byte(nil), healthy...)
		damaged[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		m := &list{}
		j, err := Open(within(t), Config{Dir: dir, Machine: m})
		if err != nil {
			if refused++; fault.KindOf(err) != fault.Corrupt || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open with bit %d flipped = %v, want a corrupt one that names the directory", bit, err)
			}
			continue
		}
		if _, err := j.Lead(within(t)); err != nil {
			t.Fatal(err)
		}
		got := m.all()
		shut(t, j)
		if text(got) != text(want) {
			t.Errorf("bit %d flipped: records %s, want %s or a refusal", bit, text(got), text(want))
		}
		same++
	}
	t.Logf("of 60 flips in %d bytes: %d refused, %d changed nothing", end, refused, same)
}

//go:build linux

package storage

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

func TestPublish(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "new", "dirs", "out")
	must(t, CheckDestination(dest, false))
	a := newOutput("a")
	a.runOK(t, dest, false)
	checkVersion(t, dest, "a")
	checkClean(t, dest)
	if err := newOutput("b").run(&disk{}, dest, false); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "--sheaf.overwrite") {
		t.Errorf("second job = %v, want it refused with advice", err)
	}
	checkVersion(t, dest, "a")
	newOutput("b").runOK(t, dest, true)
	checkVersion(t, dest, "b")
	checkClean(t, dest)
}

func TestPublishAgainIsSuccess(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	a := newOutput("a")
	a.runOK(t, dest, false)
	for _, overwrite := range []bool{false, true} {
		if err := OpenStage(dest, a.job).Publish(a.files(), a.success(), overwrite); err != nil {
			t.Errorf("Publish again with overwrite %v = %v, want no error", overwrite, err)
		}
	}
	checkVersion(t, dest, "a")
	b := newOutput("b")
	if err := OpenStage(dest, b.job).Publish(b.files(), b.success(), true); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Publish of nothing staged = %v, want an invalid one", err)
	}
	checkVersion(t, dest, "a")
}

// TestPublishSameSuccessOfAnotherJob has a caller whose success does not tell
// jobs apart: what is staged must not be lost for it.
func TestPublishSameSuccessOfAnotherJob(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	for _, content := range []string{"1", "2"} {
		s, err := CreateStage(dest, plan.NewJobID())
		must(t, err)
		w, err := s.Create("f")
		must(t, err)
		_, err = w.Write([]byte(content))
		must(t, err)
		_, _, err = w.Commit()
		must(t, err)
		must(t, s.Publish([]PublishFile{{"f", "f", 1}}, []byte("{}"), true))
		must(t, s.Close())
		if got, err := os.ReadFile(filepath.Join(dest, "f")); string(got) != content {
			t.Errorf("output = %q, %v, want %q", got, err, content)
		}
	}
}

// TestPublishAfterAnotherJob lets the destination be replaced between the
// exchange and the second call: the old output in the stage must not pass for ours.
func TestPublishAfterAnotherJob(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	old, a, b := newOutput("o"), newOutput("a"), newOutput("b")
	old.runOK(t, dest, false)
	s, err := CreateStage(dest, a.job)
	must(t, err)
	defer s.Close()
	must(t, a.stage(s))
	must(t, s.assemble(a.files(), a.success()))
	must(t, s.swap(true))
	b.runOK(t, dest, true)
	if err := s.Publish(a.files(), a.success(), true); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "replaced by another job") {
		t.Errorf("Publish = %v, want it told that another job was faster", err)
	}
	checkVersion(t, dest, "b")
}

func TestPublishEmptyOutput(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	s, err := CreateStage(dest, plan.NewJobID())
	must(t, err)
	must(t, s.Publish(nil, []byte("{}"), false))
	must(t, s.Publish(nil, []byte("{}"), false))
	must(t, s.Close())
	must(t, s.Close())
	if got, err := os.ReadFile(filepath.Join(dest, SuccessName)); string(got) != "{}" {
		t.Errorf("success = %q, %v, want {}", got, err)
	}
	checkClean(t, dest)
}

func TestPublishRefusesNames(t *testing.T) {
	s, err := CreateStage(filepath.Join(t.TempDir(), "out"), plan.NewJobID())
	must(t, err)
	defer s.Close()
	for _, name := range []string{"", ".", "..", "../x", "/x", "a/../../x", "a//b", "a/", "./a"} {
		if _, err := s.Create(name); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Create(%q) = %v, want an invalid name", name, err)
		}
		if err := s.Publish([]PublishFile{{"ok", name, 0}}, nil, false); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Publish to %q = %v, want an invalid name", name, err)
		}
		if err := s.Publish([]PublishFile{{name, "ok", 0}}, nil, false); fault.KindOf(err) != fault.Invalid {
			t.Errorf("Publish from %q = %v, want an invalid name", name, err)
		}
	}
	for _, files := range [][]PublishFile{{{"a", SuccessName, 0}}, {{"a", "x", 0}, {"b", "x", 0}}, {{"a", "x", 0}, {"a", "y", 0}}} {
		if err := s.Publish(files, nil, false); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "twice") {
			t.Errorf("Publish(%v) = %v, want it refused", files, err)
		}
	}
}

func TestPublishChecksSizes(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	a := newOutput("a")
	s, err := CreateStage(dest, a.job)
	must(t, err)
	defer s.Close()
	must(t, a.stage(s))
	must(t, os.Truncate(s.stagedPath(a.files()[1].Staged), 5))
	if err := s.Publish(a.files(), a.success(), false); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "has 5 bytes") {
		t.Errorf("Publish of a truncated file = %v, want it refused", err)
	}
	must(t, os.Remove(s.stagedPath(a.files()[1].Staged)))
	if err := s.Publish(a.files(), a.success(), false); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("Publish of a missing file = %v, want it refused", err)
	}
	checkVersion(t, dest, "")
}

// TestDestinationAppears puts something at the destination between the check
// and the rename.
func TestDestinationAppears(t *testing.T) {
	for _, plain := range []bool{false, true} {
		dest := filepath.Join(t.TempDir(), "out")
		d := &disk{before: func(operation, path string) error {
			if path != dest || operation != "rename-new" && operation != "rename" {
				return nil
			}
			os.Mkdir(dest, 0o777)
			must(t, os.WriteFile(filepath.Join(dest, "theirs"), nil, 0o666))
			if plain && operation == "rename-new" {
				return errUnsupported
			}
			return nil
		}}
		if err := newOutput("a").run(d, dest, false); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "exists") {
			t.Errorf("run with plain %v = %v, want it refused", plain, err)
		}
		if entries, err := os.ReadDir(dest); err != nil || len(entries) != 1 || entries[0].Name() != "theirs" {
			t.Errorf("destination = %v, %v, want it untouched", entries, err)
		}
	}
}

func TestDestinationBehindALink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	must(t, os.Mkdir(filepath.Join(dir, "real"), 0o777))
	must(t, os.Symlink("real", link))
	must(t, CheckDestination(link, true))
	newOutput("a").runOK(t, link, true)
	checkVersion(t, filepath.Join(dir, "real"), "a")
	if target, err := os.Readlink(link); target != "real" {
		t.Errorf("Readlink = %q, %v, want the link as it was", target, err)
	}
}

func TestStagedHashesWhatItWrites(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s, err := CreateStage(filepath.Join(t.TempDir(), "out"), plan.NewJobID())
	must(t, err)
	defer s.Close()
	w, err := s.Create("f")
	must(t, err)
	var want bytes.Buffer
	for range 100 {
		p := make([]byte, random.IntN(1<<random.IntN(19)))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		want.Write(p)
		if n, err := w.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write(%d bytes) = %d, %v", len(p), n, err)
		}
		clear(p) // the writer must not keep it
	}
	n, hash, err := w.Commit()
	sum := xxh3.Hash128(want.Bytes()).Bytes()
	if n != int64(want.Len()) || hash != hex.EncodeToString(sum[:]) || err != nil {
		t.Errorf("Commit = %d, %s, %v, want %d, %x", n, hash, err, want.Len(), sum)
	}
	if got, err := os.ReadFile(s.stagedPath("f")); !bytes.Equal(got, want.Bytes()) {
		t.Errorf("file has %d bytes, %v, want what was written", len(got), err)
	}
	w.Abort()
	if !exists(s.stagedPath("f")) {
		t.Errorf("Abort after Commit removed the file")
	}
	if _, err := w.Write([]byte("x")); fault.KindOf(err) != fault.Internal {
		t.Errorf("Write after Commit = %v, want an internal error", err)
	}
	if _, _, err := w.Commit(); fault.KindOf(err) != fault.Internal {
		t.Errorf("second Commit = %v, want an internal error", err)
	}
	if _, err := s.Create("f"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create of a name in use = %v, want %v", err, fs.ErrExist)
	}
}

func TestAbort(t *testing.T) {
	s, err := CreateStage(filepath.Join(t.TempDir(), "out"), plan.NewJobID())
	must(t, err)
	defer s.Close()
	w, err := s.Create("dir/f")
	must(t, err)
	w.Abort()
	w.Abort()
	if exists(s.stagedPath("dir/f")) {
		t.Errorf("Abort left the file")
	}
}

func TestCreateStage(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	dead, alive, other := newOutput("d"), newOutput("l"), newOutput("x")
	// The stage of another destination whose name only begins alike stays.
	neighbour, err := CreateStage(dest+"-2", other.job)
	must(t, err)
	must(t, neighbour.Close())
	s, err := CreateStage(dest, dead.job)
	must(t, err)
	must(t, dead.stage(s))
	must(t, s.Close())
	// A lock without a stage, as a crash between the two leaves it.
	orphan := stageDir(dest, plan.NewJobID()) + lockSuffix
	must(t, os.WriteFile(orphan, nil, 0o666))
	living, err := CreateStage(dest, alive.job)
	must(t, err)
	defer living.Close()
	if exists(s.dir) || exists(s.dir+lockSuffix) || exists(orphan) {
		t.Errorf("stale stage or lock is left beside %s", dest)
	}
	if !exists(neighbour.dir) {
		t.Errorf("the stage of another destination was removed")
	}
	third, err := CreateStage(dest, plan.NewJobID())
	must(t, err)
	defer third.Close()
	if !exists(living.dir) {
		t.Errorf("the stage of a living process was removed")
	}
	if _, err := CreateStage(dest, alive.job); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "another process") {
		t.Errorf("CreateStage of a running job = %v, want it refused", err)
	}
}

func TestCreateStageTakesOver(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	a := newOutput("a")
	s, err := CreateStage(dest, a.job)
	must(t, err)
	must(t, a.stage(s))
	must(t, s.Close())
	s, err = CreateStage(dest, a.job)
	must(t, err)
	must(t, s.Publish(a.files(), a.success(), false))
	must(t, s.Close())
	checkVersion(t, dest, "a")
	checkClean(t, dest)
}

func TestLongDestinationName(t *testing.T) {
	for _, length := range []int{maxBase, maxBase + 1, 255} {
		dest := filepath.Join(t.TempDir(), strings.Repeat("x", length))
		newOutput("a").runOK(t, dest, false)
		checkVersion(t, dest, "a")
		checkClean(t, dest)
	}
}

func TestDiscard(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	a := newOutput("a")
	s, err := CreateStage(dest, a.job)
	must(t, err)
	must(t, a.stage(s))
	late := OpenStage(dest, a.job)
	must(t, late.Discard())
	must(t, late.Discard())
	must(t, late.Close())
	if _, err := late.Create("late/file"); err == nil || exists(s.dir) {
		t.Errorf("Create after Discard = %v, want an error and no stage made again", err)
	}
	if err := s.Publish(a.files(), a.success(), false); err == nil || exists(s.dir) {
		t.Errorf("Publish after Discard = %v, want an error and no stage made again", err)
	}
	must(t, s.Close())
	checkVersion(t, dest, "")
	checkClean(t, dest)
}

func TestCheckDestination(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("file", nil, 0o666))
	must(t, os.Mkdir("dir", 0o777))
	must(t, os.Mkdir("home", 0o777))
	must(t, os.Mkdir("shut", 0o555))
	must(t, os.Symlink("nowhere", "dangling"))
	must(t, os.Symlink("dir", "link"))
	workDir, err := os.Getwd()
	must(t, err)
	for _, dir := range []string{".", ".."} {
		must(t, os.Chmod(dir, 0o755))
	}
	shut := asNobody(func() error { return CheckDestination("shut/out", false) })
	if fault.KindOf(shut) != fault.Invalid || !strings.Contains(shut.Error(), "/shut\" cannot be written") {
		t.Errorf("CheckDestination in a directory without the right to write = %v, want it refused", shut)
	}
	t.Setenv("HOME", filepath.Join(workDir, "home", "me"))
	cases := []struct {
		name, dest string
		overwrite  bool
		want       string // "" is no error
	}{
		{"new", "new", false, ""},
		{"new below new", "new/a/b", false, ""},
		{"new with a slash", "new/", false, ""},
		{"exists", "dir", false, "--sheaf.overwrite"},
		{"exists with a slash", "dir/", false, "--sheaf.overwrite"},
		{"overwrite", "dir", true, ""},
		{"overwrite new", "new", true, ""},
		{"link", "link", false, "--sheaf.overwrite"},
		{"overwrite link", "link", true, ""},
		{"dangling link", "dangling", true, "link"},
		{"file", "file", false, "is a file"},
		{"overwrite file", "file", true, "is a file"},
		{"below a file", "file/out", false, "is a file, not a directory"},
		{"nothing", "", false, "no output is named"},
		{"working directory", ".", true, `in it`},
		{"above the working directory", "..", true, `in it`},
		{"above home", "home", true, "in it"},
		{"root", "/", true, "choose another"},
		{"mount point", "/proc", true, "mount point"},
		{"object store", "s3://b/x", false, "not supported"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := CheckDestination(c.dest, c.overwrite)
			switch {
			case c.want == "":
				if err != nil {
					t.Errorf("CheckDestination(%q, %v) = %v, want no error", c.dest, c.overwrite, err)
				}
			case err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.want):
				t.Errorf("CheckDestination(%q, %v) = %v of kind %v, want %q", c.dest, c.overwrite, err, fault.KindOf(err), c.want)
			}
		})
	}
}

// TestWhilePublishing has one call hold the claim: others leave the stage alone.
func TestWhilePublishing(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	a := newOutput("a")
	s, err := CreateStage(dest, a.job)
	must(t, err)
	must(t, a.stage(s))
	must(t, s.Close()) // the process that made the stage is gone
	claim, err := s.claim(func() bool { return false })
	must(t, err)
	other, err := CreateStage(dest, plan.NewJobID())
	must(t, err)
	defer other.Close()
	if !exists(s.dir) {
		t.Errorf("CreateStage removed a stage that is being published")
	}
	late := OpenStage(dest, a.job)
	late.patience = 30 * time.Millisecond
	if err := late.Publish(a.files(), a.success(), false); fault.KindOf(err) != fault.Transient {
		t.Errorf("Publish beside another = %v of kind %v, want %v", err, fault.KindOf(err), fault.Transient)
	}
	if err := late.Discard(); fault.KindOf(err) != fault.Transient {
		t.Errorf("Discard beside a publication = %v of kind %v, want %v", err, fault.KindOf(err), fault.Transient)
	}
	must(t, claim.Close())
	must(t, late.Publish(a.files(), a.success(), false))
	checkVersion(t, dest, "a")
}

// TestDiscardRestoresOldOutput stops between the two renames of a file system
// without renameat2.
func TestDiscardRestoresOldOutput(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	newOutput("o").runOK(t, dest, false)
	s, err := CreateStage(dest, plan.NewJobID())
	must(t, err)
	must(t, os.Rename(dest, filepath.Join(s.dir, oldDir)))
	must(t, s.Discard())
	must(t, s.Close())
	checkVersion(t, dest, "o")
	checkClean(t, dest)
}

// TestJoinStage has two processes run a job: what they staged stays as long as
// one of them lives, and nothing is left when the last has closed it.
func TestJoinStage(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out")
	a := newOutput("a")
	first, err := JoinStage(dest, a.job)
	must(t, err)
	second, err := JoinStage(dest, a.job)
	must(t, err)
	if _, err := CreateStage(dest, a.job); fault.KindOf(err) != fault.Invalid {
		t.Errorf("CreateStage beside JoinStage = %v, want it refused", err)
	}
	must(t, first.Close())
	other, err := CreateStage(dest, plan.NewJobID())
	must(t, err)
	if !exists(second.dir) {
		t.Errorf("another job removed the stage of one that a process still runs")
	}
	must(t, other.Discard())
	must(t, other.Close())
	must(t, OpenStage(dest, a.job).Discard())
	must(t, second.Close())
	checkClean(t, dest)
}

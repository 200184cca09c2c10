package store

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

// TestNamesStayInside gives ids every value that could come from outside.
func TestNamesStayInside(t *testing.T) {
	safe := regexp.MustCompile(`^[0-9a-z-]+$`)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		id := plan.OutputID{Exchange: plan.ExchangeID(r.Uint64())}
		for i := range id.Attempt.Job {
			id.Attempt.Job[i] = byte(r.Uint32())
		}
		id.Attempt.Task = plan.TaskID{Stage: plan.StageID(r.Uint64()), Index: int(r.Uint64())}
		id.Attempt.Number, id.Attempt.Epoch = int(r.Uint64()), r.Uint32()
		if name := id.String(); !safe.MatchString(name) || len(name) > 200 {
			t.Fatalf("%+v makes the name %q", id, name)
		}
	}
}

func TestFolderRefusesToLeaveItsDirectory(t *testing.T) {
	parent := t.TempDir()
	s := mustOpen(t, Config{Dirs: []string{parent}})
	secret := filepath.Join(parent, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := s.dirs[0]
	if err := os.Symlink(secret, d.join("link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"../secret", "link", secret, "./../secret", "a/../../secret", "..", "/", "../" + filepath.Base(d.path) + "/../secret",
	} {
		if f, err := d.files.Open(name); err == nil {
			f.Close()
			t.Errorf("Open(%q) succeeded", name)
		}
		if err := d.files.Rename(name, "here"); err == nil && name != "link" {
			t.Errorf("Rename(%q) succeeded", name)
		}
	}
}

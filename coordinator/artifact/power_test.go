package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/powerloss"
)

// powerVariable gives a child the directory of its store.
const powerVariable = "ARTIFACT_TEST_POWER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(powerVariable); dir != "" {
		if err := errors.Join(powerloss.Join(), upload(dir, true)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const chunk = 1000

// upload opens a store and brings a program into it from where it is.
func upload(dir string, say bool) (err error) {
	name, data := program("p", 3*chunk)
	s, err := Open(dir, Limits{1 << 20, 1 << 20})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for {
		n, complete, err := s.Stat(name)
		if err != nil || complete {
			return err
		}
		if _, complete, err = s.Write(Chunk{name, int64(len(data)), n, data[n:min(n+chunk, int64(len(data)))]}, nil); err != nil {
			return err
		}
		if complete && say {
			fmt.Println("complete")
		}
	}
}

// whole returns an error unless a program that counts is what its name says.
func whole(dir string, there bool) (err error) {
	name, _ := program("p", 3*chunk)
	s, err := Open(dir, Limits{1 << 20, 1 << 20})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, complete, err := s.Stat(name); err != nil || !complete {
		if there && err == nil {
			err = errors.New("the program is gone")
		}
		return err
	}
	f, _, err := s.Read(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != name {
		return fmt.Errorf("the program has the sha256 %s", got)
	}
	return nil
}

// TestPowerLoss takes the power away before each thing that an upload does to the
// disk. A program that counts is whole, one that was acknowledged is there, and the
// upload goes on, at the latest after what was damaged has been thrown away.
func TestPowerLoss(t *testing.T) {
	root := t.TempDir()
	trace, err := powerloss.Begin(root)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), powerVariable+"="+filepath.Join(root, "data", "artifacts")), os.Stderr
	err = trace.Watch(cmd, -1)
	if errors.Is(err, powerloss.ErrUnsupported) {
		t.Skipf("SKIPPED: loss of power: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	check := func(before int, dir string) error {
		dir = filepath.Join(dir, "data", "artifacts")
		said := strings.Contains(trace.Said(before), "complete")
		if err := whole(dir, said); err != nil {
			return err
		}
		err := upload(dir, false)
		if fault.KindOf(err) == fault.Corrupt {
			err = upload(dir, false)
		}
		return errors.Join(err, whole(dir, true))
	}
	losses, tmp := append(powerloss.Corners(), powerloss.Drawn(1, 6)...), t.TempDir()
	trees, err := trace.Check(tmp, losses, check)
	if err != nil {
		t.Fatal(err)
	}
	syncs := trace.Syncs()
	t.Logf("%d operations, %d trees", trace.Len(), trees)
	if unneeded := trace.Unneeded(tmp, losses, check, syncs); len(syncs) != 4 || len(unneeded) > 0 {
		t.Errorf("of %d syncs nobody misses %q, want those of the file, its name and two directories, and all missed", len(syncs), unneeded)
	}
}

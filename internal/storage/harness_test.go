package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

// output is a job's output in tests: a version letter, from which every byte
// follows, so that a mixture of two outputs is noticed.
type output struct {
	job     plan.JobID
	version string
}

func newOutput(version string) output { return output{plan.NewJobID(), version} }

func (o output) content() map[string]string {
	return map[string]string{
		"part-0.txt":     strings.Repeat(o.version, 10),
		"part-1.txt":     strings.Repeat(o.version, 3*stagedBuffer/2),
		"sub/x/part.txt": "",
	}
}

// names gives the files a fixed order.
var names = []string{"part-0.txt", "part-1.txt", "sub/x/part.txt"}

func (o output) success() []byte { return fmt.Appendf(nil, "{%q:%q}", o.version, o.job) }

func (o output) files() []PublishFile {
	var files []PublishFile
	for _, name := range names {
		files = append(files, PublishFile{Staged: o.version + "/" + filepath.Base(filepath.Dir(name)) + filepath.Base(name), Final: name, Bytes: int64(len(o.content()[name]))})
	}
	return files
}

// stage writes the files of an attempt.
func (o output) stage(s *Stage) error {
	for _, f := range o.files() {
		w, err := s.Create(f.Staged)
		if err != nil {
			return err
		}
		defer w.Abort()
		if _, err := w.Write([]byte(o.content()[f.Final])); err != nil {
			return err
		}
		if n, _, err := w.Commit(); err != nil || n != f.Bytes {
			return fmt.Errorf("commit of %s: %d bytes: %w", f.Staged, n, err)
		}
	}
	return nil
}

// run is a whole job. After the simulated end of the process, Close is what the
// system does: the lock is free and nothing else happens.
func (o output) run(d *disk, dest string, overwrite bool) error {
	s, err := createStage(d, dest, o.job)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := o.stage(s); err != nil {
		return err
	}
	if err := s.Publish(o.files(), o.success(), overwrite); err != nil {
		return err
	}
	return s.Close()
}

// runOK is run with the ordinary disk.
func (o output) runOK(t *testing.T, dest string, overwrite bool) {
	t.Helper()
	if err := o.run(&disk{}, dest, overwrite); err != nil {
		t.Fatalf("job %s: %v", o.version, err)
	}
}

var errPartial = errors.New("partial output")

// versionAt returns which version dest holds, "" for none, or errPartial when it
// is anything but complete.
func versionAt(dest string) (string, error) {
	dir, err := os.OpenRoot(dest)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer dir.Close()
	success, err := dir.ReadFile(SuccessName)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errPartial, err)
	}
	var parsed map[string]string
	if err := json.Unmarshal(success, &parsed); err != nil || len(parsed) != 1 {
		return "", fmt.Errorf("%w: success is %q", errPartial, success)
	}
	for version := range parsed {
		want := output{version: version}.content()
		for _, name := range names {
			if got, err := dir.ReadFile(name); err != nil || !bytes.Equal(got, []byte(want[name])) {
				return "", fmt.Errorf("%w of version %s: %s has %d bytes, %v", errPartial, version, name, len(got), err)
			}
		}
		return version, nil
	}
	panic("unreachable")
}

func checkVersion(t *testing.T, dest, want string) {
	t.Helper()
	if got, err := versionAt(dest); err != nil || got != want {
		t.Errorf("destination holds %q, %v, want %q", got, err, want)
	}
}

// leftovers lists what is beside the destination.
func leftovers(dest string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(dest))
	var found []string
	for _, e := range entries {
		if e.Name() != filepath.Base(dest) {
			found = append(found, e.Name())
		}
	}
	return found, err
}

// clean returns an error when anything is beside the destination.
func clean(dest string) error {
	found, err := leftovers(dest)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("beside the destination: %q, want nothing", found)
	}
	return err
}

func checkClean(t *testing.T, dest string) {
	t.Helper()
	if err := clean(dest); err != nil {
		t.Error(err)
	}
}

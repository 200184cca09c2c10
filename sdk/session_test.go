package sdk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
	"github.com/sheafdata/sheaf/internal/progress"
)

var keepOne = Define("keepOne", func(p *Pipeline, to Kept[int64]) error {
	Persist(Values[int64](p, 1), to)
	return nil
})

// drove runs a driver of keepOne and returns its error and what it left in tmp.
func drove(t *testing.T, drive func(s *Session) error) (*Result, error) {
	t.Helper()
	tmp := t.TempDir()
	d := Drive("driver", func(s *Session, _ struct{}) error { return drive(s) }, keepOne)
	res, err := RunDriver(t.Context(), d, struct{}{}, Options{Tmp: []string{tmp}})
	left, globErr := filepath.Glob(filepath.Join(tmp, "*"))
	if globErr != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, globErr)
	}
	return res, err
}

func TestDriverMistakes(t *testing.T) {
	other := Define("other", func(p *Pipeline, _ struct{}) error { return nil })
	for _, tc := range []struct {
		name, want string
		drive      func(s *Session) error
	}{
		{"job not given", "a job that was not given to Drive", func(s *Session) error {
			_, err := RunIn(s, other, struct{}{})
			return err
		}},
		{"another job of the name", "a job that was not given to Drive", func(s *Session) error {
			_, err := RunIn(s, Define("keepOne", func(*Pipeline, Kept[int64]) error { return nil }), Kept[int64]("x"))
			return err
		}},
		{"nil job", "a job that was not given to Drive", func(s *Session) error {
			_, err := RunIn[struct{}](s, nil, struct{}{})
			return err
		}},
		{"bad name", `under the name "a/b"`, func(s *Session) error {
			_, err := RunIn(s, keepOne, Keep[int64](s, "a/b"))
			return err
		}},
		{"bad name and no job", `under the name ""`, func(s *Session) error {
			Keep[int64](s, "")
			return nil
		}},
		{"zero Kept", "needs a Kept that Keep gave", func(s *Session) error {
			_, err := RunIn(s, keepOne, Kept[int64](""))
			return err
		}},
		{"kept twice", `output "`, func(s *Session) error {
			k := Keep[int64](s, "k")
			if _, err := RunIn(s, keepOne, k); err != nil {
				return err
			}
			_, err := RunIn(s, keepOne, k)
			return err
		}},
		{"two at once", "while another one runs", func(s *Session) error {
			s.busy.Store(true)
			_, err := RunIn(s, keepOne, Keep[int64](s, "k"))
			return err
		}},
		{"forget what is not kept", "no dataset of this session", func(s *Session) error {
			return Forget(s, Kept[int64](t.TempDir()))
		}},
		{"forget above", "no dataset of this session", func(s *Session) error {
			return Forget(s, Kept[int64](filepath.Join(s.dir, "..")))
		}},
		{"forget above, as it may come back", "no dataset of this session", func(s *Session) error {
			return Forget(s, Kept[int64](s.dir+"/.."))
		}},
		{"forget the lock", "no dataset of this session", func(s *Session) error {
			return Forget(s, Kept[int64](filepath.Join(s.dir, sessionLock)))
		}},
		{"keep under the lock's name", `under the name "lock"`, func(s *Session) error {
			_, err := RunIn(s, keepOne, Keep[int64](s, sessionLock))
			return err
		}},
		{"keep again", `dataset "k" was forgotten`, func(s *Session) error {
			if err := Forget(s, Keep[int64](s, "k")); err != nil {
				return err
			}
			_, err := RunIn(s, keepOne, Keep[int64](s, "k"))
			return err
		}},
		{"nothing returned", `returned no "x"`, func(s *Session) error {
			res, err := RunIn(s, keepOne, Keep[int64](s, "k"))
			if err != nil {
				return err
			}
			_, err = Returned[int64](res, "x")
			return err
		}},
		{"own error", "the driver's own", func(*Session) error { return errors.New("the driver's own") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := drove(t, tc.drive)
			wantError(t, err, tc.want)
		})
	}
}

func TestDriveRefuses(t *testing.T) {
	drive := func(*Session, struct{}) error { return nil }
	for name, d := range map[string]*Driver[struct{}]{
		"has no function":                  Drive[struct{}]("d", nil),
		"two jobs of the name keepOne":     Drive("d", drive, keepOne, keepOne),
		"two jobs of the name keepOne, or": Drive("keepOne", drive, keepOne),
		"has a job that is nil":            Drive("d", drive, nil),
	} {
		_, err := RunDriver(t.Context(), d, struct{}{})
		wantError(t, err, name)
		_, err = d.compile(struct{}{})
		wantError(t, err, name)
	}
}

func TestReturnMistakes(t *testing.T) {
	twice := Define("twice", func(p *Pipeline, _ struct{}) error {
		Return(Values(p, 1), "x")
		Return(Values(p, 1), "x")
		return nil
	})
	_, err := Run(t.Context(), twice, struct{}{})
	wantError(t, err, `Return gives "x" twice`)
	once := Define("once", func(p *Pipeline, _ struct{}) error {
		Return(Filter(Values(p, 1), func(int) bool { return false }), "x")
		return nil
	})
	res, err := Run(t.Context(), once, struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := Returned[int](res, "x"); err != nil || len(rows) != 0 {
		t.Errorf("Returned gives %v, %v, want no rows", rows, err)
	}
	_, err = Returned[string](res, "x")
	wantError(t, err, `rows of type int, not string`)
}

// TestDriverFails: the error of a job names it, and its kind stays.
func TestDriverFails(t *testing.T) {
	res, err := drove(t, func(s *Session) error {
		if _, err := RunIn(s, keepOne, Keep[int64](s, "a")); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(s.dir, "a", "_SUCCESS.json")); err != nil {
			t.Error(err)
		}
		_, err := RunIn(s, keepOne, Keep[int64](s, "a"))
		return err
	})
	wantError(t, err, "job 2 (keepOne): ")
	if fault.KindOf(err) != fault.Invalid || res.Jobs != 2 || len(res.Destinations) != 0 {
		t.Errorf("kind %v, result %+v", fault.KindOf(err), res)
	}
}

func TestDriverCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := Drive("driver", func(s *Session, _ struct{}) error {
		cancel()
		<-s.Context().Done()
		_, err := RunIn(s, keepOne, Keep[int64](s, "a"))
		return err
	}, keepOne)
	if _, err := RunDriver(ctx, d, struct{}{}); fault.KindOf(err) != fault.Canceled {
		t.Errorf("error %v, want a canceled one", err)
	}
}

// TestSessionsOfTheDead: what a killed process kept is removed by the next
// session, and that of a living one is not.
func TestSessionsOfTheDead(t *testing.T) {
	tmp := t.TempDir()
	dead, alive := filepath.Join(tmp, sessionPrefix+"dead"), filepath.Join(tmp, sessionPrefix+"alive")
	for _, dir := range []string{dead, alive} {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "kept"), 0o700), os.WriteFile(filepath.Join(dir, sessionLock), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	held, err := os.Open(filepath.Join(alive, sessionLock))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := filelock.Try(held); err != nil {
		t.Fatal(err)
	}
	_, remove, err := sessionDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(tmp, "*"))
	if len(left) != 1 || left[0] != alive {
		t.Errorf("left are %q, want only %q", left, alive)
	}
}

// TestDriverProgress: a driver's jobs look like the stages of one.
func TestDriverProgress(t *testing.T) {
	var last progress.Snapshot
	d := Drive("driver", func(s *Session, _ struct{}) error {
		for _, name := range []string{"a", "b", "c"} {
			if _, err := RunIn(s, keepOne, Keep[int64](s, name)); err != nil {
				return err
			}
		}
		return nil
	}, keepOne)
	if _, err := RunDriver(t.Context(), d, struct{}{}, Options{watch: func(s progress.Snapshot) { last = s }}); err != nil {
		t.Fatal(err)
	}
	if last.State != progress.Done || len(last.Stages) != 1 || last.Stages[0].Tasks != 3 || last.Stages[0].Done != 3 || last.Stages[0].Rows != 3 {
		t.Errorf("the last snapshot is %+v, want 3 of 3 runs of a stage", last)
	}
}

// TestForget: what is forgotten stays until the next job has succeeded, since a
// driver that begins again may need it until then.
func TestForget(t *testing.T) {
	_, err := drove(t, func(s *Session) error {
		k := Keep[int64](s, "first")
		if _, err := RunIn(s, keepOne, k); err != nil {
			return err
		}
		if err := Forget(s, k); err != nil {
			return err
		}
		if _, err := os.Stat(string(k)); err != nil {
			t.Errorf("it is gone before another job has succeeded: %v", err)
		}
		if _, err := RunIn(s, keepOne, k); err == nil {
			t.Error("a job that keeps it twice succeeds")
		}
		if _, err := os.Stat(string(k)); err != nil {
			t.Errorf("it is gone after a job that failed: %v", err)
		}
		_, err := RunIn(s, keepOne, Keep[int64](s, "second"))
		if _, gone := os.Stat(string(k)); !os.IsNotExist(gone) {
			t.Errorf("it is still there: %v", gone)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestSessionEnds: a session is of no use after its driver, also when that
// panicked, and leaves nothing.
func TestSessionEnds(t *testing.T) {
	for _, panics := range []bool{false, true} {
		tmp := t.TempDir()
		var old *Session
		d := Drive("driver", func(s *Session, _ struct{}) error {
			old = s
			if _, err := RunIn(s, keepOne, Keep[int64](s, "k")); err != nil {
				return err
			}
			if panics {
				panic("in the driver")
			}
			return nil
		}, keepOne)
		func() {
			defer func() {
				if p := recover(); (p != nil) != panics {
					t.Errorf("the driver panics: %v, want %v", p, panics)
				}
			}()
			if _, err := RunDriver(t.Context(), d, struct{}{}, Options{Tmp: []string{tmp}}); err != nil {
				t.Error(err)
			}
		}()
		_, err := RunIn(old, keepOne, Keep[int64](old, "later"))
		wantError(t, err, "has ended")
		if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

package store

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

func TestOutputsAreReadableByRange(t *testing.T) {
	for _, memory := range []int64{0, 1 << 20} {
		s := mustOpen(t, Config{Dirs: []string{t.TempDir()}, MemoryBytes: memory})
		out := mustPublish(t, s, outputID(1, 1), 10, 20)
		o, err := s.Open(context.Background(), out)
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
		if err != nil || int64(len(all)) != out.Bytes {
			t.Errorf("ReadAll = %d bytes, %v, want %d", len(all), err, out.Bytes)
		}
		if n, err := o.ReadAt(make([]byte, 8), o.Size()-3); n != 3 || err != io.EOF {
			t.Errorf("ReadAt across the end = %d, %v, want 3, EOF", n, err)
		}
		if n, err := o.ReadAt(make([]byte, 8), o.Size()); n != 0 || err != io.EOF {
			t.Errorf("ReadAt at the end = %d, %v, want 0, EOF", n, err)
		}
		if _, err := o.ReadAt(make([]byte, 8), -1); err == nil || err == io.EOF {
			t.Errorf("ReadAt at -1 = %v, want an error", err)
		}
		shown, isFile := o.(interface{ File() *os.File })
		if isFile != (memory == 0) || isFile && shown.File() == nil {
			t.Errorf("output with memory %d shows a file: %v", memory, isFile)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenOfWhatIsNotThere(t *testing.T) {
	s := mustOpen(t, Config{Dirs: []string{t.TempDir()}})
	out := mustPublish(t, s, outputID(1, 1), 10)
	other := out
	other.Digest = "00000000000000000000000000000000"
	writing, err := s.Create(outputID(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		out  plan.MapOutput
	}{
		{"never made", plan.MapOutput{ID: outputID(1, 2)}},
		{"other digest", other},
		{"being written", plan.MapOutput{ID: writing.id}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Open(context.Background(), c.out)
			if fault.KindOf(err) != fault.Fetch || !regexp.MustCompile(c.out.ID.String()).MatchString(err.Error()) {
				t.Errorf("Open = %v of kind %v, want kind fetch and the name", err, fault.KindOf(err))
			}
		})
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Open(canceled, out); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a canceled context = %v", err)
	}
}

func TestDamagedFiles(t *testing.T) {
	cases := []struct {
		name   string
		damage func(path string) error
		want   fault.Kind
	}{
		{"deleted", os.Remove, fault.Fetch},
		{"cut off", func(path string) error { return os.Truncate(path, 20) }, fault.Corrupt},
		{"emptied", func(path string) error { return os.Truncate(path, 0) }, fault.Corrupt},
		{"longer", func(path string) error { return os.Truncate(path, 2000) }, fault.Corrupt},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := mustOpen(t, Config{Dirs: []string{t.TempDir()}})
			out := mustPublish(t, s, outputID(1, 1), 100)
			if err := c.damage(files(t, s)[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Open(context.Background(), out); fault.KindOf(err) != c.want {
				t.Errorf("Open = %v of kind %v, want %v", err, fault.KindOf(err), c.want)
			}
		})
	}
}

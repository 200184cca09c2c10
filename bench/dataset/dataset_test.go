package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"
)

func data(t *testing.T, s Spec) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDataNeverChanges pins the data: figures of other days and machines are
// compared with those of today.
func TestDataNeverChanges(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Text, 100_000}, "100002 3c39d340df6d2640"},
		{Spec{Sort, 1000}, "100000 467f2a6c1051716e"},
		{Spec{Sales, 1000}, "47154 39b6f380c09de662"},
		{Spec{Distinct, 1000}, "20000 d8fdfa0543ced1fe"},
		{Spec{Skew, 1000}, "11447 2ff171416d252704"},
	} {
		t.Run(c.spec.String(), func(t *testing.T) {
			text := data(t, c.spec)
			if got := fmt.Sprintf("%d %016x", len(text), xxh3.Hash(text)); got != c.want {
				t.Errorf("hash of Write(%v) = %q, want %q", c.spec, got, c.want)
			}
		})
	}
}

// TestBeginnings holds which kinds can be cut for a smaller size.
func TestBeginnings(t *testing.T) {
	for _, kind := range []Kind{Sort, Distinct, Skew} {
		large, small := data(t, Spec{kind, 1000}), data(t, Spec{kind, 400})
		if !bytes.HasPrefix(large, small) {
			t.Errorf("400 rows of %s are not the beginning of 1000", kind)
		}
	}
	large, small := data(t, Spec{Text, 2000}), data(t, Spec{Text, 800})
	if !bytes.HasPrefix(large, bytes.TrimRight(small, " \n")) {
		t.Errorf("800 bytes of text are not the beginning of 2000 but for the last line end:\n%s", small)
	}
}

func TestDistinctLinesDiffer(t *testing.T) {
	const rows = 100_000
	seen := make(map[string]bool, rows)
	for line := range strings.Lines(string(data(t, Spec{Distinct, rows}))) {
		if seen[line] || len(line) != 20 {
			t.Fatalf("line %q is there twice, or not of 20 bytes", line)
		}
		seen[line] = true
	}
	if len(seen) != rows {
		t.Errorf("%d lines, want %d", len(seen), rows)
	}
}

func TestParseSpec(t *testing.T) {
	for _, text := range []string{"text:1", "sales:10000000", "skew:9223372036854775807"} {
		s, err := ParseSpec(text)
		if err != nil || s.String() != text {
			t.Errorf("ParseSpec(%q) = %v, %v, want it back", text, s, err)
		}
	}
	for _, text := range []string{"", "text", "text:", "text:0", "text:-1", "verse:1", "text:1:1", "text:1e3"} {
		if s, err := ParseSpec(text); err == nil {
			t.Errorf("ParseSpec(%q) = %v, want an error", text, s)
		}
	}
}

type fullDisk struct{ error }

func (d fullDisk) Write([]byte) (int, error) { return 0, d }

func TestWriteReportsErrors(t *testing.T) {
	full := fullDisk{errors.New("disk is full")}
	for kind := range makers {
		if err := Write(full, Spec{kind, 10}); !errors.Is(err, full) {
			t.Errorf("Write(%s) to a full disk = %v, want %v", kind, err, full)
		}
	}
	if err := Write(&bytes.Buffer{}, Spec{"verse", 10}); err == nil {
		t.Error("Write of an unknown kind gives no error")
	}
}

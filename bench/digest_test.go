package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDigestsAgree(t *testing.T) {
	for _, c := range []struct {
		name                     string
		a, b                     string
		anyOrder, byKey, exactly bool
	}{
		{"equal", "b\na\n", "b\na\n", true, true, true},
		{"without the last line end", "b\na\n", "b\na", true, true, true},
		{"turned around", "aa\nbb\n", "bb\naa\n", true, false, false},
		{"equal keys turned around", "0123456789a\n0123456789b\n", "0123456789b\n0123456789a\n", true, true, false},
		{"a row less", "a\na\n", "a\n", false, false, false},
		{"another row", "a\nb\n", "a\nc\n", false, false, false},
		{"nothing and an empty row", "", "\n", false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := digestText(t, c.a), digestText(t, c.b)
			for o, want := range map[order]bool{anyOrder: c.anyOrder, byKey: c.byKey, exactly: c.exactly, never: true} {
				if got := a.as(o) == b.as(o); got != want {
					t.Errorf("%v.as(%d) == %v.as(%d) is %t, want %t", a, o, b, o, got, want)
				}
			}
		})
	}
}

func TestDigestOfDirectory(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"part-00001.txt": "c\n", "part-00000.txt": "a\nb\n", "_SUCCESS.json": "{}", ".hidden": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := digestOf(dir)
	if want := digestText(t, "a\nb\nc\n"); err != nil || got != want {
		t.Errorf("digestOf(parts) = %v, %v, want %v", got, err, want)
	}
}

// TestExpectations holds that what outputs are compared with is what an honest
// program would write.
func TestExpectations(t *testing.T) {
	for _, c := range []struct {
		name   string
		expect func(string, int64) (digest, error)
		order  order
		in     string
		want   string // for three copies
	}{
		{"sort", expectRows, byKey, "b\na\n", "a\na\na\nb\nb\nb\n"},
		{"counts of lines", expectCounts, anyOrder, "b\na\n", "a\t3\nb\t3\n"},
		{"totals of keys", expectTotals, anyOrder, "hot\t5\ncold\t1\nhot\t-2\n", "hot\t6\t9\ncold\t3\t3\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.expect(writeFile(t, c.in), 3)
			if want := digestText(t, c.want).as(c.order); err != nil || got.as(c.order) != want {
				t.Errorf("expected of %q = %v, %v, want %v", c.in, got, err, want)
			}
		})
	}
	if _, err := expectTotals(writeFile(t, "hot\tmany\n"), 1); err == nil {
		t.Error("expectTotals of a line without a number gives no error")
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func digestText(t *testing.T, text string) digest {
	t.Helper()
	d, err := digestOf(writeFile(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

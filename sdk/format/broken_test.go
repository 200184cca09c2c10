package format

import (
	"errors"
	"testing"
)

func TestOrBroken(t *testing.T) {
	f, err := NewFormat(Rows[int]{Format: "numbers", Suffix: ".n"})
	if err != nil {
		t.Fatal(err)
	}
	if got := OrBroken("numbers", f, nil); got != f {
		t.Errorf("OrBroken(%v, nil) = %v, want the same", f, got)
	}
	why := errors.New("why")
	f = OrBroken[int]("numbers", nil, why)
	if f.Name() != "numbers" {
		t.Errorf("Name() of a broken format = %q, want %q", f.Name(), "numbers")
	}
	if _, err := f.NewWriter(nil); err != why {
		t.Errorf("NewWriter of a broken format: error %v, want %v", err, why)
	}
	if err := f.(interface{ Err() error }).Err(); err != why {
		t.Errorf("Err() = %v, want %v", err, why)
	}
}

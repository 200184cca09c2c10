package failpoint

import (
	"regexp"
	"testing"
)

// TestNames holds that every constant has a name of its own.
func TestNames(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)
	seen := map[string]bool{}
	for _, p := range All() {
		if !form.MatchString(p.String()) || seen[p.String()] {
			t.Errorf("point %d is called %q, want words with a hyphen that no other has", p, p)
		}
		seen[p.String()] = true
	}
	if len(seen) == 0 {
		t.Error("there is no point")
	}
}

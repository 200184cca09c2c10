package plan

import (
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

// maxShared bounds what tasks of a job share, under names.
const maxShared = 64

// CheckShared returns an error unless a job may share things under these names.
func CheckShared(names []string) error { return checkNames("shared thing", names, maxShared) }

// checkNames returns an error unless a job may have things of a kind with these
// names, of which there may be so many.
func checkNames(kind string, names []string, most int) error {
	if len(names) > most {
		return fmt.Errorf("%d %ss, at most %d", len(names), kind, most)
	}
	for i, name := range names {
		switch {
		case name == "":
			return fmt.Errorf("%s %d has no name", kind, i)
		case len(name) > MaxCounterNameBytes:
			return fmt.Errorf("the name of %s %.20q… has %d bytes, at most %d", kind, name, len(name), MaxCounterNameBytes)
		case !utf8.ValidString(name) || !isPrintable(name):
			return fmt.Errorf("the name of %s %q is no printable text", kind, name)
		case slices.Contains(names[:i], name):
			return fmt.Errorf("two %ss %q", kind, name)
		}
	}
	return nil
}

func isPrintable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

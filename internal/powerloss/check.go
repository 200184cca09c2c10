package powerloss

import (
	"fmt"
	"os"
	"slices"
)

// Check writes into directories below dir what each of the losses leaves before
// each operation and after the last, and calls check with each. It returns the
// first error, with where it was, and how many trees there were. The syncs in
// ignored do not happen; what was before the first of them is left out then.
func (t *Trace) Check(dir string, losses []Loss, check func(before int, dir string) error, ignored ...int) (trees int, err error) {
	for i, d := range t.Crashes(ignored...) {
		if len(ignored) > 0 && i <= slices.Min(ignored) {
			continue
		}
		for _, l := range losses {
			trees++
			if err := d.check(i, l, dir, check); err != nil {
				return trees, fmt.Errorf("power lost before %s; %v: %w", t.What(i), l, err)
			}
			if d.safe() {
				break // every loss leaves the same
			}
		}
	}
	return trees, nil
}

func (d *Disk) check(before int, l Loss, dir string, check func(int, string) error) error {
	tree, err := os.MkdirTemp(dir, "tree-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree) // the caller removes dir
	if err := d.Crash(l, tree); err != nil {
		return err
	}
	return check(before, tree)
}

// Unneeded lists the syncs that can be left out, one at a time, without an error
// of check: nobody needs them, or check does not see what they are for.
func (t *Trace) Unneeded(dir string, losses []Loss, check func(before int, dir string) error) (needed int, unneeded []string) {
	for _, sync := range t.Syncs() {
		if _, err := t.Check(dir, losses, check, sync); err != nil {
			needed++
		} else {
			unneeded = append(unneeded, t.What(sync))
		}
	}
	return needed, unneeded
}

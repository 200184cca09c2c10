package args

import (
	"maps"
	"slices"
)

// suggest returns ": did you mean --input?" where a known name is near to name,
// else nothing.
func suggest(name string, byName map[string]*option) string {
	best, least := "", len(name)/3+2 // a third of the letters may differ
	for _, known := range slices.Sorted(maps.Keys(byName)) {
		if d := distance(name, known); d < least {
			best, least = known, d
		}
		// "--parallelism" wants "--sheaf.parallelism".
		if reserved+name == known {
			best, least = known, 0
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean --" + best + "?"
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to make b of a (optimal string alignment, after Damerau).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

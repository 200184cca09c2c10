package graph

import "fmt"

// Difference says, in a sentence for people, where a graph that was built again
// first differs from the one that was planned, by the arguments of both and the
// lines of their Describe. It is empty when they are the same.
func Difference(plannedArgs, builtArgs string, planned, built []string) string {
	if plannedArgs != builtArgs {
		return fmt.Sprintf("the arguments were %s and are %s here", excerpt(plannedArgs, builtArgs), excerpt(builtArgs, plannedArgs))
	}
	for i := range max(len(planned), len(built)) {
		switch {
		case i >= len(built):
			return fmt.Sprintf("operator %s is missing here", excerpt(planned[i], ""))
		case i >= len(planned):
			return fmt.Sprintf("operator %s is new here", excerpt(built[i], ""))
		case planned[i] != built[i]:
			return fmt.Sprintf("operator %s is %s here", excerpt(planned[i], built[i]), excerpt(built[i], planned[i]))
		}
	}
	return ""
}

const (
	// excerptBytes bounds what is shown of a text, excerptBefore of what stands
	// before the first difference.
	excerptBytes  = 300
	excerptBefore = 60
)

// excerpt quotes a text, or of a long one the part around the first byte that
// is another in the text to compare with.
func excerpt(s, other string) string {
	if len(s) <= excerptBytes {
		return fmt.Sprintf("%q", s)
	}
	at := 0
	for at < min(len(s), len(other)) && s[at] == other[at] {
		at++
	}
	begin := max(at-excerptBefore, 0)
	end := min(begin+excerptBytes, len(s))
	return fmt.Sprintf("%q (bytes %d to %d)", s[begin:end], begin, end)
}

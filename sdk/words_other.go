//go:build !amd64

package sdk

// spaceMarks marks, by a bit each, which of the 64 bytes of s from at on are
// spaces, and which others may begin a white space; at is within s.
func spaceMarks(s string, at int) (spaces, others uint64) { return spaceMarksGo(s, at) }

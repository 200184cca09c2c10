//go:build !linux

package storage

// Other systems publish by plain renames; Publish says what that means.
func renameNew(string, string) error { return errUnsupported }

func exchange(string, string) error { return errUnsupported }

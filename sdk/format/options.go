package format

import "github.com/sheafdata/sheaf/internal/fault"

// WriteOptions say how files are written, in formats that have no further
// options. The zero value writes them plain.
type WriteOptions struct {
	// Compression of the files: "" for none, "gzip" or "zstd".
	Compression string
}

// OneOf returns the options that a caller gave, of which there may be one set.
// Doing begins the error: "write csv".
func OneOf[O any](doing string, opts []O) (O, error) {
	var o O
	switch len(opts) {
	case 0:
		return o, nil
	case 1:
		return opts[0], nil
	}
	return o, fault.New(fault.Invalid, "%s: %d sets of options given: give at most one", doing, len(opts))
}

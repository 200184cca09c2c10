//go:build !amd64

package csv

import "unsafe"

// mask marks the bytes of len(dst) blocks at src.
func mask(dst []block, src unsafe.Pointer, comma byte) { masksGo(dst, src, comma) }

package format

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Compression says how a file is compressed. The zero value is None.
type Compression uint8

// The compressions of files.
const (
	None Compression = iota
	Gzip             // RFC 1952, any number of members
	Zstd             // RFC 8878, any number of frames
)

// The names, suffixes and first bytes of the compressions.
var (
	compressionNames    = [...]string{None: "none", Gzip: "gzip", Zstd: "zstd"}
	compressionSuffixes = [...]string{None: "", Gzip: ".gz", Zstd: ".zst"}
	compressionMagic    = [...]string{None: "", Gzip: "\x1f\x8b\x08", Zstd: "\x28\xb5\x2f\xfd"}
)

// magicBytes is how many first bytes tell a compression.
const magicBytes = 4

// parseCompression returns the compression of a name: "" and "none", "gzip", "zstd".
func parseCompression(name string) (Compression, error) {
	if name == "" {
		return None, nil
	}
	for c, n := range compressionNames {
		if n == name {
			return Compression(c), nil
		}
	}
	return None, fault.New(fault.Invalid, `compression %q is not known: use "" (none), "gzip" or "zstd"`, name)
}

// String returns the compression's name.
func (c Compression) String() string {
	if int(c) < len(compressionNames) {
		return compressionNames[c]
	}
	return fmt.Sprintf("compression(%d)", uint8(c))
}

// Suffix returns what ends the names of files so compressed: ".gz", ".zst" or "".
func (c Compression) Suffix() string { return compressionSuffixes[c] }

// bySuffix tells the compression that a file's name promises.
func bySuffix(path string) Compression {
	for c := Gzip; c <= Zstd; c++ {
		if strings.HasSuffix(path, c.Suffix()) {
			return c
		}
	}
	return None
}

// byMagic tells the compression of a file by its first bytes. No text begins
// with either magic: 0x1f is a control character, 0xb5 after 0x28 is not UTF-8.
func byMagic(head []byte) Compression {
	for c := Gzip; c <= Zstd; c++ {
		if bytes.HasPrefix(head, []byte(compressionMagic[c])) {
			return c
		}
	}
	return None
}

// skippableFrame reports whether a zstd file begins with a skippable frame,
// as those of parallel compressors do.
func skippableFrame(head []byte) bool {
	return len(head) == 4 && head[0]&0xf0 == 0x50 && string(head[1:]) == "\x2a\x4d\x18"
}

// Writer returns a writer that compresses into w. Its Close ends the
// compressed stream and leaves w open. It is used by one goroutine.
func (c Compression) Writer(w io.Writer) (io.WriteCloser, error) {
	switch c {
	case None:
		return plainWriter{w}, nil
	case Gzip:
		return gzip.NewWriter(w), nil
	case Zstd:
		// Tasks are the unit of parallelism, so the encoder starts no goroutines.
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, fault.New(fault.Internal, "set up zstd: %w", err)
		}
		return z, nil
	}
	return nil, fault.New(fault.Internal, "%v has no writer", c)
}

// plainWriter writes as it is.
type plainWriter struct{ io.Writer }

// Close implements io.Closer.
func (plainWriter) Close() error { return nil }

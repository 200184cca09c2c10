package format

import (
	"bytes"
	"io"
)

// countedBytes bounds how much of a file is read again to number a line: what
// a local disk gives in about a second.
const countedBytes = 1 << 30

// LinesBefore counts the "\n" before an offset of a plain file, for messages
// about a row of a piece that does not begin with the file. It reports false
// where that is not known: in a compressed file, far behind the beginning of a
// large one, or when reading fails, which is then not what the message is about.
func (p Piece) LinesBefore(offset int64) (lines int64, ok bool) {
	if p.Compression != None || offset > countedBytes {
		return 0, false
	}
	buf := windows.Get().(*[windowBytes]byte)
	defer windows.Put(buf)
	for at := int64(0); at < offset; {
		n, err := p.File.ReadAt(buf[:min(windowBytes, offset-at)], at)
		if n == 0 || err != nil && err != io.EOF {
			return 0, false
		}
		lines += int64(bytes.Count(buf[:n], []byte{'\n'}))
		at += int64(n)
	}
	return lines, true
}

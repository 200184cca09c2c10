package progress

import (
	"bytes"
	"io"
)

// redrawer passes on what mpb writes, one whole redraw a call, with another way
// of erasing. Mpb goes up, erases all below and draws again: for a moment the
// lines are gone, and a multiplexer that sees a whole screen erased keeps a copy
// of it in its history, at every redraw. So lines are drawn over the old ones,
// and only what is left to their right and below them is erased.
type redrawer struct{ out io.Writer }

var (
	eraseBelow = []byte("\x1b[J")
	lineEnd    = []byte("\n")
	eraseRight = []byte("\x1b[K\n")
)

func (r redrawer) Write(p []byte) (int, error) {
	drawn := bytes.ReplaceAll(bytes.ReplaceAll(p, eraseBelow, nil), lineEnd, eraseRight)
	if _, err := r.out.Write(append(drawn, eraseBelow...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

package minicluster

import (
	"io"
	"sync"
)

// output takes what daemons log until their test is over, which takes nothing
// any more then.
type output struct {
	mu sync.Mutex // guards to, and is held while it is written to
	to io.Writer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.to == nil {
		return len(b), nil
	}
	return o.to.Write(b)
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to = nil
}

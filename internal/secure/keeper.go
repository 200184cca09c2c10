package secure

import (
	"crypto/tls"
	"io/fs"
	"os"
	"sync"
	"time"
)

// checkEvery bounds how often the files of a certificate are looked at, however
// many connections are made.
const checkEvery = time.Second

// keeper holds a certificate and takes a new one when its files change, so that
// a daemon outlives its certificate. The authority stays the one of the start:
// with it another cluster could be let in, which nobody wants by accident.
type keeper struct {
	load func() (tls.Certificate, error)
	now  func() time.Time

	files []string

	mu      sync.Mutex // guards what follows
	current *tls.Certificate
	seen    []fs.FileInfo // the files that current was read from
	checked time.Time
	failed  error // why the files that are there now are of no use
}

func newKeeper(first tls.Certificate, seen []fs.FileInfo, files []string, load func() (tls.Certificate, error)) *keeper {
	return &keeper{load: load, now: time.Now, files: files, current: &first, seen: seen}
}

// look returns what is known of files. One that is not there is nil, which is
// also a change.
func look(files []string) []fs.FileInfo {
	infos := make([]fs.FileInfo, len(files))
	for i, name := range files {
		if info, err := os.Stat(name); err == nil {
			infos[i] = info
		}
	}
	return infos
}

func changed(before, after []fs.FileInfo) bool {
	for i, b := range before {
		a := after[i]
		if a == nil || b == nil || !os.SameFile(a, b) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime()) {
			return true
		}
	}
	return false
}

// certificate returns the newest certificate that is of use. Files that are of
// none, perhaps because just one of them has been renewed so far, change nothing
// while the certificate before them is valid; after that their error is what a
// handshake ends with.
func (k *keeper) certificate() (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if now.Sub(k.checked) >= checkEvery {
		k.checked = now
		k.refresh()
	}
	if k.failed != nil && now.After(k.current.Leaf.NotAfter) {
		return nil, k.failed
	}
	return k.current, nil
}

// refresh reads the files if they are others than those that were read. Their
// state is taken before they are read: what changes meanwhile is read next time.
func (k *keeper) refresh() {
	there := look(k.files)
	if !changed(k.seen, there) {
		k.failed = nil
		return
	}
	next, err := k.load()
	k.failed = err
	if err == nil {
		k.current, k.seen = &next, there
	}
}

func (k *keeper) server(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.certificate() }

func (k *keeper) client(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return k.certificate()
}

package powerloss

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// compare returns an error unless programs see on the disk what is in a
// directory: a system call that changes files was missed otherwise.
func (d *Disk) compare(root string) error {
	seen := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		seen++
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		n := d.at(rel)
		if n == nil || n.dir != e.IsDir() {
			return fmt.Errorf("%s came to be unseen", path)
		}
		if n.dir {
			return nil
		}
		return n.bytes.compare(path)
	})
	if known := d.root.count(); err == nil && seen != known {
		return fmt.Errorf("%d names are in %s, and %d should be", seen, root, known)
	}
	return err
}

func (n *node) count() int {
	sum := 1
	for _, to := range n.names {
		sum += to.count()
	}
	return sum
}

func (c content) compare(path string) error {
	found, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	n := int64(len(c.data))
	if int64(len(found)) != c.size || !bytes.Equal(found[:n], c.data) || len(bytes.Trim(found[n:], "\x00")) > 0 {
		return fmt.Errorf("%s was written unseen: %d bytes, %d were seen", path, len(found), c.size)
	}
	return nil
}

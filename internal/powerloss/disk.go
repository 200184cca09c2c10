package powerloss

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Disk is a tree of files as programs see it, and what of it is safe.
type Disk struct {
	root    *node
	pending []*change // of names, in their order
}

// node is a file or a directory. Invariant: what is safe of it is reached from
// the root by safe names alone; the same node may hang at several names.
type node struct {
	dir       bool
	names     map[string]*node // as programs see them
	safeNames map[string]*node
	bytes     content
	safeBytes content
	unsynced  []write
	resized   bool // and not synced since
}

// content is the bytes of a file; behind data there are zeros up to size.
type content struct {
	data []byte
	size int64
}

// write is a piece of a file that was written and not synced.
type write struct {
	offset int64
	data   []byte
}

// change gives names, all of them or none, other nodes: nil is no file.
type change struct{ names []entry }

type entry struct {
	dir  *node
	name string
	to   *node
}

func newDir() *node {
	return &node{dir: true, names: map[string]*node{}, safeNames: map[string]*node{}}
}

// load reads a tree, all of which is safe.
func load(root string) (*Disk, error) {
	d := &Disk{root: newDir()}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		n := newDir()
		if !e.IsDir() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			n = &node{bytes: content{data, int64(len(data))}}
			n.safeBytes = n.bytes.clone()
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		dir, name := d.parent(rel)
		dir.names[name], dir.safeNames[name] = n, n
		return nil
	})
	return d, err
}

func (c content) clone() content { return content{slices.Clone(c.data), c.size} }

// put writes data at an offset.
func (c *content) put(offset int64, data []byte) {
	end := offset + int64(len(data))
	if n := int64(len(c.data)); n < end {
		c.data = append(c.data, make([]byte, end-n)...)
	}
	copy(c.data[offset:], data)
	c.size = max(c.size, end)
}

func (c *content) resize(size int64) {
	c.data, c.size = c.data[:min(int64(len(c.data)), size)], size
}

// clone copies a disk of which nothing is pending.
func (d *Disk) clone() *Disk {
	copies := map[*node]*node{}
	var copyOf func(n *node) *node
	copyOf = func(n *node) *node {
		if copies[n] != nil {
			return copies[n]
		}
		c := &node{dir: n.dir, bytes: n.bytes.clone(), safeBytes: n.safeBytes.clone()}
		copies[n] = c
		if n.dir {
			c.names, c.safeNames = map[string]*node{}, map[string]*node{}
			for name, to := range n.names {
				c.names[name] = copyOf(to)
			}
			for name, to := range n.safeNames {
				c.safeNames[name] = copyOf(to)
			}
		}
		return c
	}
	return &Disk{root: copyOf(d.root)}
}

// at returns what programs see at a path, nil for nothing.
func (d *Disk) at(path string) *node {
	n := d.root
	if path == "." {
		return n
	}
	for part := range strings.SplitSeq(path, "/") {
		if n == nil || !n.dir {
			return nil
		}
		n = n.names[part]
	}
	return n
}

// parent returns the directory of a path, nil if there is none, and its last name.
func (d *Disk) parent(path string) (*node, string) {
	dir := d.at(filepath.Dir(path))
	if dir != nil && !dir.dir {
		dir = nil
	}
	return dir, filepath.Base(path)
}

// set changes names, as one change.
func (d *Disk) set(names ...entry) {
	for _, e := range names {
		e.change(e.dir.names)
	}
	d.pending = append(d.pending, &change{names})
}

func (c *change) touches(dir *node) bool {
	return slices.ContainsFunc(c.names, func(e entry) bool { return e.dir == dir })
}

// overrides reports whether a change decides about a name.
func (c *change) overrides(e entry) bool {
	return slices.ContainsFunc(c.names, func(own entry) bool { return own.dir == e.dir && own.name == e.name })
}

// syncNames makes the names of a directory safe, and with them what became of
// other names in the same changes.
func (d *Disk) syncNames(dir *node) {
	var left []*change
	for _, c := range d.pending {
		if !c.touches(dir) {
			left = append(left, c)
			continue
		}
		for _, e := range c.names {
			e.change(e.dir.safeNames)
		}
		// What was to become of the same names before is of no interest any more.
		for _, before := range left {
			before.names = slices.DeleteFunc(before.names, c.overrides)
		}
	}
	d.pending = left
}

// change gives the name its node among the names of its directory.
func (e entry) change(names map[string]*node) {
	if e.to == nil {
		delete(names, e.name)
	} else {
		names[e.name] = e.to
	}
}

// unsafe reports whether a sync of a path makes anything safe.
func (d *Disk) unsafe(path string) bool {
	n := d.at(path)
	if n == nil {
		return false
	}
	if n.dir {
		return slices.ContainsFunc(d.pending, func(c *change) bool { return c.touches(n) })
	}
	return len(n.unsynced) > 0 || n.resized
}

// safe reports whether everything that programs see is safe.
func (d *Disk) safe() bool {
	return len(d.pending) == 0 && d.root.safe()
}

func (n *node) safe() bool {
	for _, to := range n.names {
		if !to.safe() {
			return false
		}
	}
	return len(n.unsynced) == 0 && !n.resized
}

package store

import (
	"errors"
	"fmt"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// recover books the outputs that an earlier store of the same owner published
// in d and deletes everything else: what was being written, workspaces of its
// workers, files that are damaged. Only a lack of descriptors is an error,
// since it says nothing about the files.
func (s *Store) recover(d *dir) error {
	names, err := d.files.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == lockName {
			continue
		}
		if isWorkspaceName(name) { // what a kill leaves is no damage
			if err := d.files.RemoveAll(name); err != nil {
				s.damaged = append(s.damaged, fault.Wrap(fault.Corrupt, fmt.Errorf("delete the workspace %s: %w", d.join(name), err)))
			}
			continue
		}
		err := s.recoverFile(d, name)
		if err == nil {
			continue
		}
		if fault.KindOf(err) == fault.Resource {
			return err
		}
		err = fmt.Errorf("delete %s: %w", d.join(name), err)
		s.damaged = append(s.damaged, errors.Join(err, d.files.RemoveAll(name)))
	}
	return nil
}

func (s *Store) recoverFile(d *dir, name string) error {
	id, ok := parseOutputName(name)
	if !ok {
		return corrupt("it is no published map output")
	}
	if err := failpoint.Hit(failpoint.StoreRecover); err != nil {
		return err
	}
	o, err := s.inspect(d, name, "")
	if err != nil {
		return err
	}
	h := s.attempts[id.Attempt]
	if h == nil {
		h = newHoldings()
		s.attempts[id.Attempt] = h
	}
	if h.outputs[id] != nil {
		return corrupt("another directory holds the same map output")
	}
	h.outputs[id] = o
	s.disk.Add(o.size)
	return nil
}

// inspect looks at a file that another process wrote: it must be a plain file
// whose footer and index are intact, with the digest that its producer
// reported, unless that is empty. Blocks have checksums for their readers.
func (s *Store) inspect(d *dir, name, digest string) (o *output, err error) {
	info, err := d.files.Lstat(name)
	if err != nil {
		return nil, fault.Wrap(kindOfDisk(err, fault.Lost), err)
	}
	// A pipe would block who opens it, a link lead elsewhere.
	if !info.Mode().IsRegular() {
		return nil, corrupt("it is no regular file: %v", info.Mode())
	}
	o = &output{store: s, dir: d, name: name, size: info.Size()}
	opened, err := o.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if digest == "" {
		digest, err = footerDigest(opened)
	}
	if err == nil {
		_, err = ReadIndex(opened, digest)
	}
	o.digest = digest
	return o, err
}

// footerDigest returns the digest that an output's footer states.
func footerDigest(out Output) (string, error) {
	if out.Size() < footerBytes {
		return "", corrupt("map output of %d bytes is shorter than its footer", out.Size())
	}
	b, err := readRange(out, out.Size()-footerBytes, out.Size())
	if err != nil {
		return "", err
	}
	f, err := parseFooter(b, out.Size())
	return f.digest, err
}

func newHoldings() *holdings {
	return &holdings{outputs: make(map[plan.OutputID]*output), open: make(map[dropper]struct{})}
}

package format

import (
	"errors"
	"io"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// file is what an input reads: a *storage.Reader, or a test's.
type file interface {
	io.ReaderAt
	Size() int64
	Check() error
	Close() error
}

// detect tells how a file is stored, and refuses one whose name promises a
// compression that its first bytes deny. The magic wins for files without a
// suffix, unless suffixOnly.
func detect(f file, path string, suffixOnly bool) (Compression, error) {
	named := bySuffix(path)
	if suffixOnly && named == None {
		return None, nil
	}
	var buf [magicBytes]byte
	n, err := f.ReadAt(buf[:], 0)
	if err != nil && err != io.EOF {
		return None, err
	}
	head := buf[:n]
	found := byMagic(head)
	switch {
	case named == None || found == named:
		return found, nil
	case named == Zstd && skippableFrame(head):
		return Zstd, nil
	case n == 0:
		return None, fault.New(fault.Invalid, "%s, offset 0: the name says %v, but the file is empty, and even empty content has a header when it is compressed: write the file again or leave it out", path, named)
	case found != None:
		return None, fault.New(fault.Invalid, "%s, offset 0: the name says %v, but the content is %v: rename the file to end in %q", path, named, found, found.Suffix())
	}
	return None, fault.New(fault.Invalid, "%s, offset 0: the name says %v, but the content is not (it begins with % x): if it is plain, remove the suffix %q; if it is damaged, write it again", path, named, head, named.Suffix())
}

// input reads the plain bytes of one piece of a file in order, and beyond the
// piece as far as its last row goes.
type input struct {
	file    file
	path    string
	split   plan.Split
	kind    Compression
	next    int64         // the next stored byte, of a plain file
	unpack  *decompressor // of a compressed file
	whole   bool          // the piece is the whole of a compressed file
	skipped bool          // the piece is a later part of a compressed file: no rows
}

// openInput opens a split pinned to its version.
func openInput(split plan.Split, suffixOnly bool) (*input, error) {
	f, err := storage.OpenPinned(split)
	if err != nil {
		return nil, err
	}
	in, err := newInput(f, split, suffixOnly)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return in, nil
}

func newInput(f file, split plan.Split, suffixOnly bool) (*input, error) {
	kind, err := detect(f, split.Path, suffixOnly)
	if err != nil {
		return nil, err
	}
	in := &input{file: f, path: split.Path, split: split, kind: kind, next: split.Offset}
	switch {
	case kind == None:
	case split.Offset > 0:
		// Enumeration took the file for a plain one, for want of a suffix, and
		// it was cut. Only its magic, now seen, says that it is compressed: the
		// piece at offset 0 reads all of it and the others nothing.
		in.skipped = true
	default:
		in.whole = true
		in.unpack, err = newDecompressor(f, split.Path, kind)
	}
	return in, err
}

// Read reads plain bytes. It fills p as far as the file goes.
func (in *input) Read(p []byte) (int, error) {
	if in.unpack != nil {
		return in.unpack.Read(p)
	}
	n, err := in.file.ReadAt(p, in.next)
	in.next += int64(n)
	if n > 0 && err == io.EOF {
		return n, nil
	}
	return n, err
}

// atEnd reports whether it is already known that no bytes follow.
func (in *input) atEnd() bool { return in.unpack == nil && in.next >= in.file.Size() }

// Close closes the file.
func (in *input) Close() error {
	if in.unpack != nil {
		in.unpack.close()
	}
	return in.file.Close()
}

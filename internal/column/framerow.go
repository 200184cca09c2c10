package column

import (
	"encoding/binary"
	"unsafe"

	"github.com/zeebo/xxh3"

	"github.com/sheafdata/sheaf/internal/fault"
)

// RowFrame is the frame of a single row in pieces: the long strings of the row
// are pieces of their own, which view the row instead of copying it. A large
// row so goes to disk without a second copy in memory.
type RowFrame struct {
	pieces [][]byte
	own    []byte // what lies between the strings; a piece view ends where it began
	start  int    // of own that is in no piece yet
}

// viewBytes is the length from which a string is a piece of its own.
const viewBytes = 4 << 10

// Pieces returns the frame: its pieces, one after another, are the bytes that
// AppendFrame would append. They are valid until the row or f changes.
func (f *RowFrame) Pieces() [][]byte { return f.pieces }

// Len returns the bytes of the frame.
func (f *RowFrame) Len() int {
	n := 0
	for _, p := range f.pieces {
		n += len(p)
	}
	return n
}

// AppendKey appends the frame of a single key, which is viewed.
func (f *RowFrame) AppendKey(key []byte) {
	checkKeysBytes(len(key))
	f.own = binary.LittleEndian.AppendUint32(append(f.own, 0), uint32(len(key)))
	f.view(key)
}

// view appends bytes that belong to somebody else.
func (f *RowFrame) view(b []byte) {
	if len(b) < viewBytes {
		f.own = append(f.own, b...)
		return
	}
	f.flush()
	f.pieces = append(f.pieces, b)
}

// flush makes a piece of what was appended to own. Growing own later leaves the
// piece as it is.
func (f *RowFrame) flush() {
	if n := len(f.own); n > f.start {
		f.pieces = append(f.pieces, f.own[f.start:n:n])
		f.start = n
	}
}

// AppendRow appends the frame of one row to f and returns the row's hash, both
// as if it had been appended to b, which must be empty and is so afterwards.
// Errors are those of Append.
func (b *Builder) AppendRow(f *RowFrame, row unsafe.Pointer) (hash uint64, err error) {
	if b.rows != 0 {
		return 0, fault.New(fault.Internal, "a row alone in columns of %d rows", b.rows)
	}
	f.own = append(f.own, frameVersion)
	hash = hashRow
	for _, c := range b.cols {
		if hash, err = c.appendRow(f, unsafe.Add(row, c.offset), hash); err != nil {
			return 0, err
		}
	}
	f.flush()
	return finish(hash), nil
}

// appendRow appends the column's part of a row, whose value is at p, and joins
// it to hash. Of rows of one value, only strings are written other than by
// column, and structs for the strings inside.
func (c *column) appendRow(f *RowFrame, p unsafe.Pointer, hash uint64) (uint64, error) {
	if !c.pointer {
		switch c.typ.Kind {
		case String:
			s := *(*string)(p)
			return c.appendText(f, unsafe.Slice(unsafe.StringData(s), len(s)), hash)
		case Bytes:
			if b := *(*[]byte)(p); b != nil {
				return c.appendText(f, b, hash)
			}
		case Struct:
			f.own = append(f.own, 0)
			var err error
			for _, k := range c.kids {
				if hash, err = k.appendRow(f, unsafe.Add(p, k.offset), hash); err != nil {
					return 0, err
				}
			}
			return hash, nil
		}
	}
	defer c.reset()
	if err := c.append(p, 0, 1); err != nil {
		return 0, err
	}
	f.own = c.encode(f.own, selection{all: true, n: 1}, false)
	h := [1]uint64{hash}
	c.hash(h[:])
	return h[0], nil
}

func (c *column) appendText(f *RowFrame, text []byte, hash uint64) (uint64, error) {
	if len(text) > MaxColumnBytes {
		return 0, tooBig(c.path)
	}
	width := max(leastWidth(uint64(len(text))), 1)
	f.own = append(f.own, byte(width))
	for i := range width {
		f.own = append(f.own, byte(len(text)>>(8*i)))
	}
	f.view(text)
	return mix(hash, xxh3.Hash(text)), nil
}

// KeyFrameHead is how many bytes of a frame of a single key come before it.
const KeyFrameHead = keysFrameHeader

// KeyLength returns the length of the single key of a frame of which head is
// the beginning, KeyFrameHead bytes at least. The frame has frameBytes or fewer.
func KeyLength(head []byte, frameBytes int64) (int64, error) {
	if len(head) < keysFrameHeader || head[0] != 0 {
		return 0, fault.New(fault.Corrupt, "decode keys: the frame of a single key begins with % x", head[:min(len(head), keysFrameHeader)])
	}
	n := int64(binary.LittleEndian.Uint32(head[1:]))
	if n > frameBytes-keysFrameHeader {
		return 0, fault.New(fault.Corrupt, "decode keys: a key of %d bytes exceeds the frame's %d bytes", n, frameBytes)
	}
	return n, nil
}

// ViewKey returns keys that hold the one key given, without a copy: valid as
// long as it is not changed.
func ViewKey(key []byte) Keys {
	checkKeysBytes(len(key))
	return Keys{Data: key[:len(key):len(key)], Ends: []uint32{uint32(len(key))}, view: true}
}

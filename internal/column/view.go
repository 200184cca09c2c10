package column

import "unsafe"

// AppendView is Append of one row to a builder without rows, but that long
// strings of the row that lie within memory are not copied: the column is a
// view of them, and memory must not be written again. It reports whether there
// is such a string. A long row of an input so stands in memory once.
func (b *Builder) AppendView(row unsafe.Pointer, memory []byte) (viewed bool, err error) {
	if b.rows > 0 {
		return false, b.Append(row, 0, 1)
	}
	for _, c := range b.cols {
		v, err := c.appendView(unsafe.Add(row, c.offset), memory)
		if err != nil {
			for _, c := range b.cols {
				c.truncate(0)
			}
			return false, err
		}
		viewed = viewed || v
	}
	b.rows = 1
	return viewed, nil
}

func (c *column) appendView(p unsafe.Pointer, memory []byte) (viewed bool, err error) {
	if c.pointer {
		return false, c.append(p, 0, 1)
	}
	switch c.typ.Kind {
	case String, Bytes:
		// A string is laid out as the beginning of a slice.
		s := (*string)(p)
		if n := len(*s); n >= viewBytes && n <= MaxColumnBytes && within(unsafe.Pointer(unsafe.StringData(*s)), n, unsafe.Pointer(unsafe.SliceData(memory)), len(memory)) {
			_, offs := c.extendOffs(1)
			offs[0] = int32(n)
			c.data = unsafe.Slice(unsafe.StringData(*s), n)
			c.markValid(1)
			return true, nil
		}
	case Struct:
		for _, k := range c.kids {
			v, err := k.appendView(unsafe.Add(p, k.offset), memory)
			if err != nil {
				return false, err
			}
			viewed = viewed || v
		}
		c.markValid(1)
		return viewed, nil
	}
	return false, c.append(p, 0, 1)
}

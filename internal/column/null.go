package column

import "unsafe"

// Nullable reports whether values of the type, or fields of theirs, can be null in
// a column.
func (t *Type) Nullable() bool {
	switch t.Kind {
	case Bytes, List, Pointer:
		return true
	case Struct:
		for i := range t.Fields {
			if t.Fields[i].Type.Nullable() {
				return true
			}
		}
	}
	return false
}

// HasNull reports whether the value at p, which must be of t's type, is null or has
// a field that is. What lists and pointers hold is not looked at.
func (t *Type) HasNull(p unsafe.Pointer) bool {
	switch t.Kind {
	case Bytes:
		return *(*[]byte)(p) == nil
	case List:
		return (*sliceHeader)(p).ptr == nil
	case Pointer:
		return *(*unsafe.Pointer)(p) == nil
	case Struct:
		for i := range t.Fields {
			if f := &t.Fields[i]; f.Type.HasNull(unsafe.Add(p, f.Offset)) {
				return true
			}
		}
	}
	return false
}

package wire

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// maxDepth bounds messages inside messages; the schema has no recursion and
// stays well below.
const maxDepth = 16

// admit walks over the bytes of a message before they are parsed. It refuses
// bytes that are no message, more of them than MaxFrameBytes, what would take
// more than maxParseBytes to parse, and, where all must be known, fields that
// are not.
func admit(data []byte, m proto.Message, known bool) error {
	if len(data) > MaxFrameBytes {
		return fmt.Errorf("%d bytes, at most %d", len(data), MaxFrameBytes)
	}
	w := walk{left: maxParseBytes, known: known}
	return w.message(data, shapeOf(m.ProtoReflect().Type()))
}

// walk is one walk over the bytes of a message.
type walk struct {
	left  int64 // of maxParseBytes
	known bool  // all fields must be known
}

var errTooMuch = fmt.Errorf("parsing it takes more than %d bytes", maxParseBytes)

func (w *walk) take(bytes int64) error {
	w.left -= bytes
	if w.left < 0 {
		return errTooMuch
	}
	return nil
}

// message walks over the fields of one message.
func (w *walk) message(data []byte, s *shape) error {
	if err := w.take(s.bytes); err != nil {
		return err
	}
	var packed uint64 // fields of which a packed list was seen
	for len(data) > 0 {
		number, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return fmt.Errorf("%s: %w", s.name, protowire.ParseError(n))
		}
		if typ == protowire.StartGroupType || typ == protowire.EndGroupType {
			return fmt.Errorf("%s: field %d is a group, which the schema does not have", s.name, number)
		}
		data = data[n:]
		size := protowire.ConsumeFieldValue(number, typ, data)
		if size < 0 {
			return fmt.Errorf("%s: field %d: %w", s.name, number, protowire.ParseError(size))
		}
		if s.packed(number, typ) {
			// The parser copies the list for each further piece, which takes quadratic
			// time; no writer makes more than one.
			if packed&(1<<number) != 0 {
				return fmt.Errorf("%s: field %d is a packed list in several pieces", s.name, number)
			}
			packed |= 1 << number
		}
		if err := w.field(s, number, typ, data[:size]); err != nil {
			return err
		}
		data = data[size:]
	}
	return nil
}

// field walks over the value of one field.
func (w *walk) field(s *shape, number protowire.Number, typ protowire.Type, value []byte) error {
	f := s.field(number)
	switch {
	case f == nil || !f.takes(typ):
		if w.known {
			return fmt.Errorf("%s: field %d (type %d) is not known: a newer version wrote it", s.name, number, typ)
		}
		return nil // dropped
	case typ != protowire.BytesType:
		return w.take(f.element)
	}
	inner, _ := protowire.ConsumeBytes(value)
	switch {
	case f.message != nil:
		if err := w.take(f.element); err != nil {
			return err
		}
		return w.message(inner, f.message)
	case f.plain == protowire.VarintType:
		return w.take(f.element * varints(inner))
	case f.plain != protowire.BytesType:
		return w.take(f.element * int64(len(inner)/4))
	}
	return w.take(f.element + content(len(inner)))
}

// content returns what bytes of their own take: the allocator has no pieces
// below 8 bytes and rounds larger ones up by at most an eighth.
func content(n int) int64 { return int64(n + n/8 + 8) }

// varints counts the numbers in a packed list: each ends with a byte below 128.
func varints(data []byte) (n int64) {
	for _, b := range data {
		if b < 0x80 {
			n++
		}
	}
	return n
}

// shape is what a walk knows of a message type.
type shape struct {
	name   string
	bytes  int64       // of one in memory
	fields []fieldInfo // by number
}

// fieldInfo is what a walk knows of a field; one without a type is not there.
type fieldInfo struct {
	there   bool
	list    bool           // repeated
	plain   protowire.Type // of one value
	element int64          // bytes in memory that each value takes beside its content
	message *shape
}

func (s *shape) field(number protowire.Number) *fieldInfo {
	if int(number) >= len(s.fields) || !s.fields[number].there {
		return nil
	}
	return &s.fields[number]
}

// packed reports whether a value is a packed list of numbers.
func (s *shape) packed(number protowire.Number, typ protowire.Type) bool {
	f := s.field(number)
	return f != nil && f.list && f.plain != protowire.BytesType && typ == protowire.BytesType
}

// takes reports whether a value of this wire type belongs to the field; lists of
// numbers come packed or one by one.
func (f *fieldInfo) takes(typ protowire.Type) bool {
	return typ == f.plain || f.list && typ == protowire.BytesType
}

var shapes sync.Map // of *shape, by full name

// shapeOf returns the shape of a message type. The schema has no recursion, so
// this ends.
func shapeOf(t protoreflect.MessageType) *shape {
	d := t.Descriptor()
	if s, ok := shapes.Load(d.FullName()); ok {
		return s.(*shape)
	}
	s := &shape{name: string(d.Name()), bytes: sizeOf(t)}
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		for len(s.fields) <= int(fd.Number()) {
			s.fields = append(s.fields, fieldInfo{})
		}
		s.fields[fd.Number()] = infoOf(fd)
	}
	got, _ := shapes.LoadOrStore(d.FullName(), s)
	return got.(*shape)
}

func infoOf(fd protoreflect.FieldDescriptor) fieldInfo {
	f := fieldInfo{there: true, list: fd.IsList()}
	switch fd.Kind() {
	case protoreflect.MessageKind:
		t, err := protoregistry.GlobalTypes.FindMessageByName(fd.Message().FullName())
		if err != nil {
			panic(errors.Join(errors.New("wire: the schema is not linked"), err))
		}
		f.plain, f.message = protowire.BytesType, shapeOf(t)
	case protoreflect.BytesKind, protoreflect.StringKind:
		f.plain = protowire.BytesType
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		f.plain = protowire.Fixed64Type
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		f.plain = protowire.Fixed32Type
	default:
		f.plain = protowire.VarintType
	}
	switch {
	case f.list && f.plain == protowire.BytesType && f.message == nil:
		f.element = bytesSlot
	case f.list:
		f.element = wordSlot
	case fd.ContainingOneof() != nil:
		f.element = oneofSlot
	}
	return f
}

const (
	// wordSlot is the place of a number or of a pointer in a list. A long list
	// grows by quarters, so that all its places together are six times the last ones.
	wordSlot = 6 * 8
	// bytesSlot is the place of bytes in a list.
	bytesSlot = 6 * 24
	// oneofSlot is what wraps the value of a oneof.
	oneofSlot = 24
)

// sizeOf returns what a message takes in memory before its fields have content,
// with a quarter for what the allocator rounds up.
func sizeOf(t protoreflect.MessageType) int64 {
	size := reflect.TypeOf(t.Zero().Interface()).Elem().Size()
	return int64(size + size/4)
}

package wire

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// TestSchemaFitsTheWalk holds what admit takes for granted of the schema.
func TestSchemaFitsTheWalk(t *testing.T) {
	seen := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("sheaf.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Messages().Len() {
			seen++
			depth(t, file.Messages().Get(i), nil)
		}
		return true
	})
	if seen < 50 {
		t.Errorf("found %d messages in the schema, want all of them", seen)
	}
}

// depth walks over a message with all that is inside it.
func depth(t *testing.T, m protoreflect.MessageDescriptor, above []protoreflect.FullName) {
	t.Helper()
	if len(above) >= maxDepth {
		t.Fatalf("messages %v are deeper than %d", above, maxDepth)
	}
	above = append(above, m.FullName())
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		switch {
		case f.IsMap(), f.Kind() == protoreflect.GroupKind:
			t.Errorf("%s is a map or a group, which a walk does not know", f.FullName())
		case f.IsList() && f.Number() > 63:
			t.Errorf("list %s has number %d, a walk remembers those up to 63", f.FullName(), f.Number())
		case f.Message() != nil:
			depth(t, f.Message(), above)
		}
	}
}

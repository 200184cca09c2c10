package column

import (
	"reflect"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/fault"
)

// KeyType encodes values of one Go type as normalised binary keys:
// bytes.Compare of two keys orders as the values do, equal values have equal
// keys, and a key can be decoded without anything but its type. So sorting,
// merging, grouping and partitioning handle bytes alone and never call user
// code. A KeyType is immutable and may be used by several goroutines.
//
// The encoding, part by part (part form, free of prefixes):
//
//	bool          0, 1
//	int, uint     big endian, the sign bit of signed ones flipped
//	float         IEEE bits, big endian: all flipped if negative, else the sign
//	              alone; -0 is +0, and every NaN is one value after +Inf
//	time          seconds since the year 1 as an int64, then nanoseconds as a
//	              uint32: any time.Time fits, the zero one is the least of the
//	              common era; location and monotonic reading are left out
//	string        the bytes, 00 written as 00 FF, then 00 01 (the scheme of
//	              CockroachDB's util/encoding, EncodeBytesAscending)
//	[]byte        as string; nil is 00 00 and comes before empty
//	list          nil is 00; else 02 and the element, again and again, then 01
//	pointer       nil is 00; else 01 and the value
//	struct        its fields one after another
//
// A descending part has every byte inverted. The last part of a whole key
// needs no end mark, since the key's own length ends it: a string is its bare
// bytes, a list loses the final 01 unless it is empty and nil is nothing. A
// bare []byte is its bytes too, but with one 00 before those that are empty or
// begin with 00, so that nil can be nothing. A plain string key is thus its
// bytes.
type KeyType struct {
	steps []keyStep
}

// keyStep encodes one part that is not a struct: structs are flattened.
type keyStep struct {
	kind   Kind
	offset uintptr
	goType reflect.Type
	elem   []keyStep // of a List or a Pointer
	size   uintptr   // of an element of a List
}

// KeyOf returns the key encoding of a planned type. Every row type can be a
// key; a Type that Of did not return gives an error of kind Invalid.
func KeyOf(t *Type) (*KeyType, error) {
	steps, err := keySteps(nil, t, 0)
	if err != nil {
		return nil, err
	}
	return &KeyType{steps: steps}, nil
}

func keySteps(steps []keyStep, t *Type, offset uintptr) ([]keyStep, error) {
	if t == nil || t.Go == nil || t.Kind > Pointer {
		return nil, fault.New(fault.Invalid, "key type: not a planned row type")
	}
	var err error
	if t.Kind == Struct {
		for _, f := range t.Fields {
			if steps, err = keySteps(steps, f.Type, offset+f.Offset); err != nil {
				return nil, err
			}
		}
		return steps, nil
	}
	step := keyStep{kind: t.Kind, offset: offset, goType: t.Go}
	if t.Kind == List || t.Kind == Pointer {
		if step.elem, err = keySteps(nil, t.Elem, 0); err != nil {
			return nil, err
		}
		step.size = t.Elem.Go.Size()
	}
	return append(steps, step), nil
}

// Append appends the whole key of the value at p, which must be of k's type.
// Nothing may follow it in the same key.
func (k *KeyType) Append(dst []byte, p unsafe.Pointer) []byte {
	return appendKey(dst, k.steps, p, true)
}

// AppendPart appends the part form of the value at p: no part is a prefix of
// another, so that other parts may follow. A composed key is made of parts,
// the last of which may be whole if it is ascending. Descending parts order
// the other way round.
func (k *KeyType) AppendPart(dst []byte, p unsafe.Pointer, descending bool) []byte {
	start := len(dst)
	dst = appendKey(dst, k.steps, p, false)
	if descending {
		part := dst[start:]
		for i := range part {
			part[i] = ^part[i]
		}
	}
	return dst
}

// Decode stores at p, which must point to a value of k's type, the value whose
// whole key is given; strings and slices are copies, times are in UTC. Fields
// that are not stored in columns keep what they hold. Bytes that Append does
// not write give an error of kind Corrupt, and the value is then unspecified.
func (k *KeyType) Decode(key []byte, p unsafe.Pointer) error {
	d := keyDecoder{rest: key}
	if err := d.steps(k.steps, p, true); err != nil {
		return err
	}
	if len(d.rest) > 0 {
		return fault.New(fault.Corrupt, "decode key of %d bytes: %d bytes are left over", len(key), len(d.rest))
	}
	return nil
}

// DecodePart is the reverse of AppendPart: it decodes the part with which key
// begins and returns what follows it. Errors are those of Decode.
func (k *KeyType) DecodePart(key []byte, p unsafe.Pointer, descending bool) (rest []byte, err error) {
	d := keyDecoder{rest: key}
	if descending {
		d.mask = ^uint64(0)
	}
	if err := d.steps(k.steps, p, false); err != nil {
		return nil, err
	}
	return d.rest, nil
}

package column

import "unsafe"

// Size is the number of bytes that the keys themselves take: what counts for
// blocks and spills, while Bytes counts memory held.
func (k *Keys) Size() int64 { return int64(len(k.Data)) + 4*int64(len(k.Ends)) }

// Append adds copies of all keys of other; the bound is that of Add.
func (k *Keys) Append(other *Keys) {
	base := uint32(len(k.Data))
	k.Data = append(k.Data, other.Data[:other.total()]...)
	for _, end := range other.Ends {
		k.Ends = append(k.Ends, base+end)
	}
	checkKeysBytes(len(k.Data))
}

// View makes k a view of data, in which keys end at ends. Data stays the
// caller's, who must not change it while k is used; ends become k's own.
// Invariant: ends are ascending, and the last is len(data). The bound is that of
// Add.
func (k *Keys) View(data []byte, ends []uint32) {
	checkKeysBytes(len(data))
	k.Data, k.Ends, k.view = data, ends, true
}

// Views appends a view of each key to dst, valid until k changes: strings are
// what hash tables take, whether keys were encoded or are strings themselves.
func (k *Keys) Views(dst []string) []string {
	start := uint32(0)
	for _, end := range k.Ends {
		dst = append(dst, unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(k.Data)), start)), end-start))
		start = end
	}
	return dst
}

// IsString reports whether a whole key is just the bytes of a string, with
// which its value begins in memory: such keys need no encoding.
func (k *KeyType) IsString() bool {
	return len(k.steps) == 1 && k.steps[0].kind == String && k.steps[0].offset == 0
}

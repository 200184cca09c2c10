package column

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

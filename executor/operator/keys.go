package operator

import (
	"unsafe"

	"github.com/sheafdata/sheaf/internal/column"
)

// KV is a row with a key. The key comes first in memory, which the operators
// that move rows by key rely on.
type KV[K, V any] struct {
	Key   K
	Value V
}

// keysOf fills keys with the keys of rows; the key is the first thing in a row.
func keysOf[T any](kt *column.KeyType, keys *column.Keys, rows []T) {
	keys.Reset()
	if len(rows) > 0 {
		kt.AppendKeys(keys, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows))
	}
}

// keyViews makes the keys of chunks of rows as strings, which is what tables
// take. One goroutine uses it.
type keyViews[T any] struct {
	typ     *column.KeyType
	encoded column.Keys
	views   []string
}

// of returns the keys of rows, valid until the next call. Keys that are strings
// are not copied.
func (k *keyViews[T]) of(rows []T) []string {
	if !k.typ.IsString() {
		keysOf(k.typ, &k.encoded, rows)
		k.views = k.encoded.Views(k.views[:0])
		return k.views
	}
	if views, ok := any(rows).([]string); ok {
		return views
	}
	k.views = k.views[:0]
	for i := range rows {
		k.views = append(k.views, *(*string)(unsafe.Pointer(&rows[i])))
	}
	return k.views
}

// forget lets go of the rows and of the memory for their keys: they were large.
func (k *keyViews[T]) forget() {
	clear(k.views)
	k.encoded = column.Keys{}
}

// decodeKeys turns normalised keys back into values. Keys that are strings are
// copied all at once: an allocation for each would cost more than what else a
// row of an aggregation takes.
func decodeKeys[K any](kt *column.KeyType, keys *column.Keys, dst []K) error {
	if kt.IsString() {
		text, start := string(keys.Data), uint32(0)
		for i, end := range keys.Ends {
			*(*string)(unsafe.Pointer(&dst[i])) = text[start:end]
			start = end
		}
		return nil
	}
	for i := range dst {
		if err := kt.Decode(keys.At(i), unsafe.Pointer(&dst[i])); err != nil {
			return err
		}
	}
	return nil
}

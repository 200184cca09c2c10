package column

import (
	"fmt"
	"reflect"
	"testing"
	"unsafe"
)

type keyBenchRow struct {
	Word  string
	ID    int64
	Small int16
	Pair  struct {
		Word string
		ID   int64
	}
}

func keyBenchRows(n int) []keyBenchRow {
	rows := make([]keyBenchRow, n)
	for i := range rows {
		rows[i].ID = int64(i * 7919)
		rows[i].Word = fmt.Sprintf("%x", rows[i].ID)
		rows[i].Pair.Word, rows[i].Pair.ID = rows[i].Word, rows[i].ID
	}
	return rows
}

func keyPerRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}

func BenchmarkAppendKeys(b *testing.B) {
	rows := keyBenchRows(4096)
	row := reflect.TypeFor[keyBenchRow]()
	for i := range row.NumField() {
		f := row.Field(i)
		b.Run(f.Name, func(b *testing.B) {
			k, keys := keyTypeOf(b, f.Type), &Keys{}
			for b.Loop() {
				keys.Reset()
				k.AppendKeys(keys, unsafe.Add(unsafe.Pointer(&rows[0]), f.Offset), row.Size(), len(rows))
			}
			keyPerRow(b, len(rows))
		})
	}
}

func BenchmarkKeysFrame(b *testing.B) {
	rows := keyBenchRows(4096)
	keys := &Keys{}
	keyTypeOf(b, reflect.TypeFor[string]()).AppendKeys(keys, unsafe.Pointer(&rows[0].Word), unsafe.Sizeof(rows[0]), len(rows))
	sel := make([]uint32, len(rows))
	for i := range sel {
		sel[i] = uint32(i * 7 % len(rows))
	}
	frame := keys.AppendFrame(nil, nil)
	b.Run("encode all", func(b *testing.B) {
		for b.Loop() {
			frame = keys.AppendFrame(frame[:0], nil)
		}
		keyPerRow(b, len(rows))
	})
	b.Run("encode selected", func(b *testing.B) {
		for b.Loop() {
			frame = keys.AppendFrame(frame[:0], sel)
		}
		keyPerRow(b, len(rows))
	})
	b.Run("decode", func(b *testing.B) {
		var got Keys
		for b.Loop() {
			if _, err := got.DecodeFrame(frame, len(rows)); err != nil {
				b.Fatal(err)
			}
		}
		keyPerRow(b, len(rows))
	})
	b.Run("hash", func(b *testing.B) {
		var hashes []uint64
		for b.Loop() {
			hashes = hashes[:0]
			for i := range keys.Len() {
				hashes = append(hashes, HashKey(keys.At(i)))
			}
		}
		keyPerRow(b, len(rows))
	})
	b.Run("decode values", func(b *testing.B) {
		k, word := keyTypeOf(b, reflect.TypeFor[int64]()), int64(0)
		key := k.Append(nil, unsafe.Pointer(&word))
		for b.Loop() {
			for range rows {
				if err := k.Decode(key, unsafe.Pointer(&word)); err != nil {
					b.Fatal(err)
				}
			}
		}
		keyPerRow(b, len(rows))
	})
}

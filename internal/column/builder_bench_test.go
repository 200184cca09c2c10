package column

import (
	"fmt"
	"testing"
)

// order is the row that the prototypes measured with.
type order struct {
	ID       int64
	Customer string
	Country  string
	Qty      int32
	Price    float64
	Express  bool
}

const benchRows = 8192

func orders(n int) []order {
	countries := []string{"DE", "FR", "US", "GB", "CN"}
	rows := make([]order, n)
	for i := range rows {
		rows[i] = order{
			ID: int64(i), Customer: fmt.Sprintf("customer-%07d", i*7919%100000), Country: countries[i*31%5],
			Qty: int32(i % 17), Price: float64(i%1000) / 10, Express: i%3 == 0,
		}
	}
	return rows
}

func orderBuilder(tb testing.TB, rows []order) (*Type, *Builder) {
	typ, err := For[order]()
	if err != nil {
		tb.Fatal(err)
	}
	b := NewBuilder(typ)
	if err := AppendRows(b, rows); err != nil {
		tb.Fatal(err)
	}
	return typ, b
}

// every kth row, in an order like that of a hash partition
func benchSelection(n, k int) []uint32 {
	var sel []uint32
	for i := 0; i < n; i += k {
		sel = append(sel, uint32(i))
	}
	return sel
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
	b.ReportAllocs()
}

func BenchmarkAppend(b *testing.B) {
	rows := orders(benchRows)
	_, bld := orderBuilder(b, rows)
	for b.Loop() {
		bld.Reset()
		if err := AppendRows(bld, rows); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, benchRows)
}

func BenchmarkAppendRecord(b *testing.B) {
	rows := orders(benchRows)
	_, bld := orderBuilder(b, rows)
	for b.Loop() {
		for i := 0; i < benchRows; i += 512 {
			if err := AppendRows(bld, rows[i:i+512]); err != nil {
				b.Fatal(err)
			}
		}
		bld.Record()
	}
	perRow(b, benchRows)
}

func BenchmarkScanRows(b *testing.B) {
	rows := orders(benchRows)
	typ, bld := orderBuilder(b, rows)
	rec := bld.Record()
	for b.Loop() {
		if err := ScanRows(typ, rec, 0, rows); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, benchRows)
}

func BenchmarkHashRows(b *testing.B) {
	_, bld := orderBuilder(b, orders(benchRows))
	var dst []uint64
	for b.Loop() {
		dst = bld.HashRows(dst[:0])
	}
	perRow(b, benchRows)
}

func BenchmarkAppendFrame(b *testing.B) {
	_, bld := orderBuilder(b, orders(benchRows))
	for _, c := range []struct {
		name string
		sel  []uint32
		n    int
	}{{"all", nil, benchRows}, {"every-16th", benchSelection(benchRows, 16), benchRows / 16}} {
		b.Run(c.name, func(b *testing.B) {
			var dst []byte
			for b.Loop() {
				dst = bld.AppendFrame(dst[:0], c.sel)
			}
			perRow(b, c.n)
			b.ReportMetric(float64(len(dst))/float64(c.n), "B/row")
		})
	}
}

func BenchmarkDecodeFrame(b *testing.B) {
	typ, bld := orderBuilder(b, orders(benchRows))
	frame := bld.AppendFrame(nil, nil)
	for b.Loop() {
		if _, err := DecodeFrame(typ, frame, benchRows); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, benchRows)
}

type line struct {
	SKU string
	N   int32
}

type basket struct {
	ID    int64
	Lines []line
	Note  *string
}

func baskets(n int) []basket {
	note := "leave at the door"
	rows := make([]basket, n)
	for i := range rows {
		rows[i].ID = int64(i)
		for j := range i % 5 {
			rows[i].Lines = append(rows[i].Lines, line{fmt.Sprint("sku", i*j), int32(j)})
		}
		if i%3 == 0 {
			rows[i].Note = &note
		}
	}
	return rows
}

func BenchmarkNested(b *testing.B) {
	rows := baskets(benchRows)
	typ, err := For[basket]()
	if err != nil {
		b.Fatal(err)
	}
	bld := NewBuilder(typ)
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			bld.Reset()
			if err := AppendRows(bld, rows); err != nil {
				b.Fatal(err)
			}
		}
		perRow(b, benchRows)
	})
	b.Run("hash", func(b *testing.B) {
		var dst []uint64
		for b.Loop() {
			dst = bld.HashRows(dst[:0])
		}
		perRow(b, benchRows)
	})
	rec := bld.Record()
	b.Run("scan", func(b *testing.B) {
		dst := make([]basket, benchRows)
		for b.Loop() {
			if err := ScanRows(typ, rec, 0, dst); err != nil {
				b.Fatal(err)
			}
		}
		perRow(b, benchRows)
	})
}

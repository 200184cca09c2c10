package jsonl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/graph"
)

// event is a row as logs and exports have them.
type event struct {
	ID      int64   `json:"id"`
	User    string  `json:"user"`
	Action  string  `json:"action"`
	Country string  `json:"country"`
	Price   float64 `json:"price"`
	Count   int32   `json:"count"`
	Paid    bool    `json:"paid"`
	Session string  `json:"session_id"`
}

type item struct {
	SKU      string  `json:"sku"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"price"`
}

// order has what event has not: times, lists, nested structs, pointers.
type order struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Note    *string   `json:"note"`
	Address struct {
		Street string `json:"street"`
		City   string `json:"city"`
	} `json:"address"`
	Items []item `json:"items"`
}

func events(n int) []event {
	rows := make([]event, n)
	for i := range rows {
		rows[i] = event{
			ID: int64(i) * 1_000_003, User: fmt.Sprintf("user-%05d", i*7919%100_000), Action: []string{"view", "click", "purchase"}[i%3],
			Country: []string{"DE", "FR", "Côte d'Ivoire", "US"}[i%4], Price: float64(i*7919%100_000) / 100, Count: int32(i % 50), Paid: i%3 == 0,
			Session: fmt.Sprintf("%016x", uint64(i)*0x9e3779b97f4a7c15),
		}
	}
	return rows
}

func orders(n int) []order {
	rows := make([]order, n)
	for i := range rows {
		o := &rows[i]
		o.ID, o.At = int64(i), time.Unix(1_700_000_000+int64(i), int64(i)*1000).UTC()
		o.Address.Street, o.Address.City = fmt.Sprintf("Main \"Street\" %d", i), "Springfield"
		if i%2 == 0 {
			o.Note = &o.Address.Street
		}
		for j := range i % 4 {
			o.Items = append(o.Items, item{SKU: fmt.Sprintf("sku-%d", j), Quantity: j, Price: float64(i) / 3})
		}
	}
	return rows
}

// linesOf returns rows as encoding/json writes them.
func linesOf[T any](t testing.TB, rows []T) []byte {
	t.Helper()
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	for _, row := range rows {
		if err := e.Encode(row); err != nil {
			t.Fatal(err)
		}
	}
	return buf.Bytes()
}

// BenchmarkRead reads files as a task does, into columns, and for comparison
// the same lines from memory into structs by encoding/json.
func BenchmarkRead(b *testing.B) {
	b.Run("flat", func(b *testing.B) { benchmarkRead(b, events(100_000)) })
	b.Run("nested", func(b *testing.B) { benchmarkRead(b, orders(50_000)) })
	b.Run("two of eight members", func(b *testing.B) {
		benchmarkReadLines[struct {
			User  string  `json:"user"`
			Price float64 `json:"price"`
		}](b, linesOf(b, events(100_000)))
	})
}

func benchmarkRead[T any](b *testing.B, rows []T) { benchmarkReadLines[T](b, linesOf(b, rows)) }

func benchmarkReadLines[T any](b *testing.B, lines []byte) {
	src := Source[T](file(b, string(lines)))
	splits, err := src.Enumerate(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("jsonl", func(b *testing.B) {
		b.SetBytes(int64(len(lines)))
		b.ReportAllocs()
		for b.Loop() {
			r, err := src.Open(b.Context(), splits[0], graph.ReadOptions{})
			if err != nil {
				b.Fatal(err)
			}
			for err == nil {
				_, err = r.Next()
			}
			if err != io.EOF {
				b.Fatal(err)
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(lines)))
		b.ReportAllocs()
		for b.Loop() {
			for rest := lines; len(rest) > 0; {
				n := bytes.IndexByte(rest, '\n')
				var row T
				if err := json.Unmarshal(rest[:n], &row); err != nil {
					b.Fatal(err)
				}
				rest = rest[n+1:]
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	b.Run("flat", func(b *testing.B) { benchmarkWrite(b, events(10_000)) })
	b.Run("nested", func(b *testing.B) { benchmarkWrite(b, orders(10_000)) })
}

func benchmarkWrite[T any](b *testing.B, rows []T) {
	size := int64(len(linesOf(b, rows)))
	b.Run("jsonl", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := writeRows(io.Discard, rows, ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			e := json.NewEncoder(io.Discard)
			e.SetEscapeHTML(false)
			for i := range rows {
				if err := e.Encode(&rows[i]); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

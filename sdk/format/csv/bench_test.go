package csv

import (
	"bufio"
	stdcsv "encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/sheafdata/sheaf/internal/graph"
)

// nine is a row of the group-by benchmark of h2o.ai and DuckDB Labs.
type nine struct {
	ID1, ID2, ID3 string
	ID4, ID5, ID6 int64
	V1, V2        int64
	V3            float64
}

// three of the nine columns.
type projected struct {
	ID1 string
	V1  int64
	V3  float64
}

// nineCSV makes rows like those of the benchmark; quoted puts texts in quotes.
func nineCSV(rows int, quoted bool) string {
	rng := rand.New(rand.NewPCG(1, 2))
	text := "%s"
	if quoted {
		text = "\"%s\""
	}
	line := strings.ReplaceAll("S,S,S,%d,%d,%d,%d,%d,%s\n", "S", text)
	var b strings.Builder
	b.WriteString("id1,id2,id3,id4,id5,id6,v1,v2,v3\n")
	for range rows {
		fmt.Fprintf(&b, line, fmt.Sprintf("id%03d", 1+rng.IntN(100)), fmt.Sprintf("id%03d", 1+rng.IntN(100)), fmt.Sprintf("id%010d", rng.IntN(100_000)),
			1+rng.IntN(100), 1+rng.IntN(100), 1+rng.IntN(100_000), 1+rng.IntN(5), 1+rng.IntN(15), strconv.FormatFloat(float64(rng.IntN(100_000_000))/1e6, 'g', -1, 64))
	}
	return b.String()
}

// benchFile is SHEAF_BENCH_CSV, a file of the nine columns, or a made one.
func benchFile(b *testing.B) (path string, size int64) {
	if path = os.Getenv("SHEAF_BENCH_CSV"); path == "" {
		path = writeFile(b, "nine.csv", nineCSV(400_000, false))
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return path, info.Size()
}

func benchRead[T any](b *testing.B, path string, size int64, piece int64) {
	b.SetBytes(size)
	b.ReportAllocs()
	before := cpuTime()
	defer func() { reportCPU(b, size, before) }()
	for b.Loop() {
		src := Source[T](path)
		splits, err := src.Enumerate(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, s := range pieces(splits[0], piece) {
			r, err := src.Open(b.Context(), s, graph.ReadOptions{})
			if err != nil {
				b.Fatal(err)
			}
			for err == nil {
				_, err = r.Next()
			}
			if closeErr := r.Close(); err != io.EOF || closeErr != nil {
				b.Fatal(err, closeErr)
			}
		}
	}
}

func BenchmarkRead(b *testing.B) {
	path, size := benchFile(b)
	b.Run("nine columns", func(b *testing.B) { benchRead[nine](b, path, size, 0) })
	b.Run("three of nine", func(b *testing.B) { benchRead[projected](b, path, size, 0) })
	b.Run("nine columns, pieces of 16 MiB", func(b *testing.B) { benchRead[nine](b, path, size, 16<<20) })
	quoted := nineCSV(400_000, true)
	path = writeFile(b, "quoted.csv", quoted)
	b.Run("nine columns, quoted texts", func(b *testing.B) { benchRead[nine](b, path, int64(len(quoted)), 0) })
	crlf := strings.ReplaceAll(quoted, "\n", "\r\n")
	path = writeFile(b, "crlf.csv", crlf)
	b.Run("nine columns, quoted texts, CRLF", func(b *testing.B) { benchRead[nine](b, path, int64(len(crlf)), 0) })
}

// reportCPU reports MB for each second of processor time, which other work on
// the machine changes less than the time that passes.
func reportCPU(b *testing.B, size int64, before time.Duration) {
	if used := cpuTime() - before; used > 0 {
		b.ReportMetric(float64(size)*float64(b.N)/1e6/used.Seconds(), "MB/cpu-s")
	}
}

// BenchmarkEncodingCSV reads the same file as a careful program does with
// encoding/csv and strconv.
func BenchmarkEncodingCSV(b *testing.B) {
	path, size := benchFile(b)
	b.SetBytes(size)
	b.ReportAllocs()
	before := cpuTime()
	defer func() { reportCPU(b, size, before) }()
	for b.Loop() {
		if err := readNine(path); err != nil {
			b.Fatal(err)
		}
	}
}

func readNine(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := stdcsv.NewReader(bufio.NewReaderSize(f, 256<<10))
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		return err
	}
	rows := make([]nine, 0, 4096)
	for {
		t, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		row := nine{ID1: t[0], ID2: t[1], ID3: t[2]}
		for i, to := range []*int64{&row.ID4, &row.ID5, &row.ID6, &row.V1, &row.V2} {
			if *to, err = strconv.ParseInt(t[3+i], 10, 64); err != nil {
				return err
			}
		}
		if row.V3, err = strconv.ParseFloat(t[8], 64); err != nil {
			return err
		}
		if len(rows) == cap(rows) {
			rows = rows[:0]
		}
		rows = append(rows, row)
	}
}

func BenchmarkMask(b *testing.B) {
	data := []byte(nineCSV(2000, false))
	data = data[:4096]
	blocks := make([]block, len(data)/blockBytes)
	for name, mask := range map[string]func([]block, unsafe.Pointer, byte){"go": masksGo, "best": mask} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				mask(blocks, unsafe.Pointer(&data[0]), ',')
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	rows, err := read[nine](b, nineCSV(10_000, false))
	if err != nil {
		b.Fatal(err)
	}
	f, err := NewFormat[nine]()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w, err := f.NewWriter(io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Write(rows); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
}

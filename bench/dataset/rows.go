package dataset

import (
	"bufio"
	"fmt"
	"math/rand/v2"
)

// writeSort writes rows like those of gensort -a: a key of printable
// characters, the number of the row in hexadecimal, letters, a line end.
func writeSort(w *bufio.Writer, rows int64) {
	const (
		keyBytes, rowBytes = 10, 100
		alphabet           = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	)
	r := rand.New(rand.NewPCG(42, 2))
	row := make([]byte, rowBytes)
	for n := range rows {
		for i := range keyBytes {
			row[i] = byte(' ' + r.Uint32N('~'-' '+1))
		}
		fill := row[:len(fmt.Appendf(row[:keyBytes], "  %032X  ", n))]
		for i := len(fill); i < rowBytes-1; i++ {
			row[i] = alphabet[(int(n)+(i-len(fill))/4)%len(alphabet)]
		}
		row[rowBytes-1] = '\n'
		w.Write(row)
	}
}

// writeDistinct writes multiples of a number that has no factor in common with
// their range, so that none repeats.
func writeDistinct(w *bufio.Writer, rows int64) {
	const span, step = 1_000_000_000_000_000, 618_033_988_749_893
	key := int64(0)
	line := make([]byte, 0, 32)
	for range rows {
		line = append(line[:0], "key-"...)
		line = appendPadded(line, int(key), 15)
		w.Write(append(line, '\n'))
		key = (key + step) % span
	}
}

// writeSkew writes nine of ten rows with the key "hot", the others with one of
// ten thousand.
func writeSkew(w *bufio.Writer, rows int64) {
	r := rand.New(rand.NewPCG(90, 4))
	line := make([]byte, 0, 32)
	for range rows {
		line = line[:0]
		if r.IntN(10) > 0 {
			line = append(line, "hot"...)
		} else {
			line = appendPadded(append(line, "cold-"...), r.IntN(10_000), 4)
		}
		line = appendPadded(append(line, '\t'), r.IntN(1_000_000), 1)
		w.Write(append(line, '\n'))
	}
}

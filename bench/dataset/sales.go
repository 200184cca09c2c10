package dataset

import (
	"bufio"
	"math"
	"math/rand/v2"
	"strconv"
)

// salesGroups is how many values the columns with few keys have; the others
// have one value for as many rows.
const salesGroups = 100

func writeSales(w *bufio.Writer, rows int64) {
	few, many := salesGroups, max(int(rows/salesGroups), 1)
	r := rand.New(rand.NewPCG(108, 3))
	w.WriteString("id1,id2,id3,id4,id5,id6,v1,v2,v3\n")
	line := make([]byte, 0, 128)
	for range rows {
		line = appendPadded(append(line[:0], "id"...), 1+r.IntN(few), 3)
		line = appendPadded(append(line, ",id"...), 1+r.IntN(few), 3)
		line = appendPadded(append(line, ",id"...), 1+r.IntN(many), 10)
		for _, limit := range []int{few, few, many, 5, 15} {
			line = strconv.AppendInt(append(line, ','), int64(1+r.IntN(limit)), 10)
		}
		price := math.Round(r.Float64()*100*1e6) / 1e6
		line = strconv.AppendFloat(append(line, ','), price, 'f', -1, 64)
		w.Write(append(line, '\n'))
	}
}

// appendPadded appends a number with zeros before it, to a width at least.
func appendPadded(dst []byte, n, width int) []byte {
	digits := 1
	for rest := n / 10; rest > 0; rest /= 10 {
		digits++
	}
	for ; digits < width; digits++ {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

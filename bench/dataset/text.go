package dataset

import (
	"bufio"
	"math"
	"math/rand/v2"
)

const (
	vocabulary   = 500_000
	zipfExponent = 1.1
	lineBytes    = 76
	minWordBytes = 2
	maxWordBytes = 18
)

// letters holds each letter about as often as English text does.
const letters = "eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnsssssshhhhhhrrrrrrddddllllcccuuummmwwffggyyppbvk"

// words makes n distinct words, the most frequent first: the rarer a word, the
// longer it is.
func words(n int) []string {
	r := rand.New(rand.NewPCG(7, 7))
	taken := make(map[string]bool, n)
	list := make([]string, 0, n)
	word := make([]byte, 0, 2*maxWordBytes)
	for rank := range n {
		length := 1 + int(math.Log2(float64(rank+2))*0.45+math.Abs(r.NormFloat64())*1.8)
		word = word[:0]
		for range min(max(length, minWordBytes), maxWordBytes) {
			word = append(word, letters[r.IntN(len(letters))])
		}
		for taken[string(word)] {
			word = append(word, letters[r.IntN(len(letters))])
		}
		taken[string(word)] = true
		list = append(list, string(word))
	}
	return list
}

func writeText(w *bufio.Writer, size int64) {
	list, ranks := words(vocabulary), newZipf(vocabulary, zipfExponent)
	r := rand.New(rand.NewPCG(1, 1))
	column := 0
	for written := int64(0); written < size; {
		word := list[ranks.draw(r)]
		w.WriteString(word)
		written += int64(len(word)) + 1
		column += len(word) + 1
		if column < lineBytes {
			w.WriteByte(' ')
			continue
		}
		w.WriteByte('\n')
		column = 0
	}
	if column != 0 {
		w.WriteByte('\n')
	}
}

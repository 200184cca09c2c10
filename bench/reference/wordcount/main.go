// Command wordcount counts the words of a file as fast as one goroutine with
// hand-written code can without assembly: one pass over pieces of the file,
// one open-addressing table. Words end at bytes up to the space.
//
//	wordcount INPUT OUTPUT
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// pieceBytes is how much is read at once.
const pieceBytes = 1 << 20

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "wordcount:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("expected an input and an output")
	}
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	counts := newTable()
	if err := count(counts, f); err != nil {
		return err
	}
	return write(counts, args[1])
}

// count adds the words of r to a table.
func count(counts *table, r io.Reader) error {
	piece := make([]byte, pieceBytes+slack)
	held := 0 // bytes of a word that began in the piece before
	for {
		if held == pieceBytes {
			return fmt.Errorf("a word is longer than %d bytes", pieceBytes)
		}
		n, err := r.Read(piece[held:pieceBytes])
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		last := errors.Is(err, io.EOF)
		held = counts.addWords(piece, held+n, last)
		if last {
			return nil
		}
	}
}

func write(counts *table, output string) error {
	f, err := os.Create(output)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	for i := range counts.slots {
		s := &counts.slots[i]
		if s.count == 0 {
			continue
		}
		w.Write(counts.word(s))
		w.WriteByte('\t')
		w.Write(strconv.AppendUint(w.AvailableBuffer(), s.count, 10))
		w.WriteByte('\n')
	}
	return errors.Join(w.Flush(), f.Close())
}

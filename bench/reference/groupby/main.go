// Command groupby sums columns of CSV by a key as a Go programmer would
// without a framework: it reads lines, cuts them at commas and keeps a map.
//
//	groupby id1|id3 INPUT OUTPUT
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

type sums struct{ v1, v2 int64 }

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "groupby:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("expected id1 or id3, an input and an output")
	}
	column, ok := map[string]int{"id1": 0, "id3": 2}[args[0]]
	if !ok {
		return fmt.Errorf("column %q: expected id1 or id3", args[0])
	}
	totals, err := sum(args[1], column)
	if err != nil {
		return err
	}
	return write(args[2], totals, args[0] == "id3")
}

func sum(input string, column int) (map[string]*sums, error) {
	f, err := os.Open(input)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	totals := make(map[string]*sums)
	lines := bufio.NewScanner(f)
	lines.Scan() // the header
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if len(fields) < 9 {
			return nil, fmt.Errorf("line %q has %d fields, want 9", lines.Text(), len(fields))
		}
		t := totals[fields[column]]
		if t == nil {
			t = new(sums)
			totals[fields[column]] = t
		}
		v1, err1 := strconv.ParseInt(fields[6], 10, 64)
		v2, err2 := strconv.ParseInt(fields[7], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		t.v1 += v1
		t.v2 += v2
	}
	return totals, lines.Err()
}

func write(output string, totals map[string]*sums, both bool) error {
	f, err := os.Create(output)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for key, t := range totals {
		if both {
			fmt.Fprintf(w, "%s\t%d\t%d\n", key, t.v1, t.v2)
		} else {
			fmt.Fprintf(w, "%s\t%d\n", key, t.v1)
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

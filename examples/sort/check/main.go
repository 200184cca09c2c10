// Command check proves that the output of the sort example is right: that the
// keys never decrease from the first row of its first file to the last row of
// its last, in the order of their names, and that it has the rows of the input,
// none lost, doubled or changed.
//
//	go run ./examples/sort/check --input rows.dat --output sorted
//
// It shares no code with what it checks. Rows are compared by their number and
// the sum of their 128-bit hashes, which does not depend on their order.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	input := flag.String("input", "", "files or globs that were sorted, by comma")
	output := flag.String("output", "", "directory that the sort wrote")
	rowBytes := flag.Int("row-bytes", 100, "length of a row")
	keyBytes := flag.Int("key-bytes", 10, "length of the key at the beginning of a row")
	flag.Parse()
	l := layout{*rowBytes, *keyBytes}
	if *input == "" || *output == "" || flag.NArg() > 0 || l.keyBytes < 1 || l.keyBytes > l.rowBytes {
		flag.Usage()
		os.Exit(2)
	}
	rows, err := check(l, *input, *output)
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
	fmt.Printf("%d rows, in order, none lost, doubled or changed\n", rows)
}

// check returns the number of rows, or what is wrong.
func check(l layout, input, output string) (rows int64, err error) {
	var in []string
	for pattern := range strings.SplitSeq(input, ",") {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return 0, fmt.Errorf("input %q: %w", pattern, err)
		}
		if len(files) == 0 {
			return 0, fmt.Errorf("no input %q", pattern)
		}
		in = append(in, files...)
	}
	out, err := published(output)
	if err != nil {
		return 0, err
	}
	given, _, err := l.sumOf(in)
	if err != nil {
		return 0, err
	}
	got, disorder, err := l.sumOf(out)
	switch {
	case err != nil:
		return 0, err
	case disorder != "":
		return 0, fmt.Errorf("not in order: %s", disorder)
	case got.rows != given.rows:
		return 0, fmt.Errorf("the input has %d rows, the output %d", given.rows, got.rows)
	case got != given:
		return 0, fmt.Errorf("the output has as many rows as the input, %d, but not the same ones", got.rows)
	}
	return got.rows, nil
}

// published returns the files of an output in the order of their names.
func published(dir string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(dir, "_SUCCESS.json")); err != nil {
		return nil, fmt.Errorf("%s is no complete output: %w", dir, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "part-*"))
	slices.Sort(files)
	return files, err
}

// Command generate writes benchmark data to a file.
//
//	go run ./bench/generate text:1048576 text.txt
//
// The benchmarks run it as a process of its own, because the peak memory that
// the system reports for a child process is never below that of its parent.
package main

import (
	"fmt"
	"os"

	"github.com/sheafdata/sheaf/bench/dataset"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%d arguments: expected KIND:SIZE and a file", len(args))
	}
	spec, err := dataset.ParseSpec(args[0])
	if err != nil {
		return err
	}
	f, err := os.Create(args[1])
	if err != nil {
		return err
	}
	if err := dataset.Write(f, spec); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

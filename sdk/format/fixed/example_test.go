package fixed_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/fixed"
)

// sorted puts the four-byte rows of a file in order and returns the output.
func sorted(content string) (string, error) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "in.bin"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte(content), 0o600); err != nil {
		return "", err
	}
	job := sdk.Define("sort", func(p *sdk.Pipeline, _ struct{}) error {
		fixed.Write(sdk.Sort(fixed.Read(p, in, 4)), out, 4)
		return nil
	})
	if _, err := sdk.Run(context.Background(), job, struct{}{}); err != nil {
		return "", err
	}
	rows, err := os.ReadFile(filepath.Join(out, "part-00000.bin"))
	return string(rows), err
}

func ExampleRead() {
	fmt.Println(sorted("fox,cat,dog,"))
	// Output: cat,dog,fox, <nil>
}

// A row of another length fails the job, and nothing is published.
func ExampleWrite() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	job := sdk.Define("write", func(p *sdk.Pipeline, _ struct{}) error {
		fixed.Write(sdk.Values(p, []byte("cat,"), []byte("horse,")), filepath.Join(dir, "out"), 4)
		return nil
	})
	_, err = sdk.Run(context.Background(), job, struct{}{})
	fmt.Println(err)
	// Output: task 0/0: a row of 6 bytes among rows of 4 bytes
}

package sdk_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// A job that may leave out two rows leaves out those on which its function fails,
// and says which they were.
func ExampleMaxBadRows() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "in.txt"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("12\na dozen\n7\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	job := sdk.Define("numbers", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.MaxBadRows(p, 2)
		numbers := sdk.MapErr(text.Read(p, in), func(_ *sdk.Context, s string) (int, error) { return strconv.Atoi(s) })
		text.Write(numbers, out)
		return nil
	})
	res, err := sdk.Run(context.Background(), job, struct{}{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.RowsOut, "numbers,", res.BadRows, "bad row")
	left, err := os.ReadFile(filepath.Join(out, "_quarantine", "part-00000.jsonl"))
	fmt.Println(strings.Contains(string(left), `"offset":3,"line":2`), err)
	// Output:
	// 2 numbers, 1 bad row
	// true <nil>
}

// A limit may be a part of all rows.
func ExampleMaxBadFraction() {
	job := sdk.Define("numbers", func(p *sdk.Pipeline, _ struct{}) error {
		sdk.MaxBadFraction(p, 0.001)
		sdk.Return(sdk.MapErr(sdk.Values(p, "12", "a dozen", "7"), func(_ *sdk.Context, s string) (int, error) { return strconv.Atoi(s) }), "numbers")
		return nil
	})
	_, err := sdk.Run(context.Background(), job, struct{}{})
	fmt.Println(err)
	// Output:
	// task 0/0: 1 row is bad of 3, more than the part of 0.001 that MaxBadFraction allows; the first: value 1: strconv.Atoi: parsing "a dozen": invalid syntax
}

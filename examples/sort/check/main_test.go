package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name   string
		output []string // rows of four bytes with keys of two, file by file
		want   string   // in the error; empty for none
	}{
		{"right", []string{"aa01aa02", "bb03cc04"}, ""},
		{"equal keys in any order", []string{"aa02aa01bb03cc04"}, ""},
		{"an empty file between", []string{"aa01aa02", "", "bb03cc04"}, ""},
		{"out of order in a file", []string{"aa01bb03aa02cc04"}, `not in order: part-00000.bin, offset 8: key "aa" comes after key "bb"`},
		{"out of order between files", []string{"bb03cc04", "aa01aa02"}, `not in order: part-00001.bin, offset 0: key "aa" comes after key "cc"`},
		{"a row lost", []string{"aa01bb03cc04"}, "the input has 4 rows, the output 3"},
		{"a row doubled", []string{"aa01aa02bb03cc04cc04"}, "the input has 4 rows, the output 5"},
		{"a row doubled for another", []string{"aa01aa01bb03cc04"}, "not the same ones"},
		{"a pair doubled for another pair", []string{"aa01aa01aa01aa01"}, "not the same ones"},
		{"a byte changed", []string{"aa01aa02bb03cc05"}, "not the same ones"},
		{"a file cut off", []string{"aa01aa02", "bb03cc"}, "part-00001.bin, offset 4: the last row has 2 bytes of 4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, content string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			write("in.dat", "cc04aa01bb03aa02")
			write("_SUCCESS.json", "{}")
			for i, content := range test.output {
				write("part-0000"+string(rune('0'+i))+".bin", content)
			}
			rows, err := check(layout{4, 2}, filepath.Join(dir, "in.dat"), dir)
			if test.want == "" {
				if rows != 4 || err != nil {
					t.Errorf("check = %d, %v, want 4, nil", rows, err)
				}
				return
			}
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), dir+"/", ""), test.want) {
				t.Errorf("check = %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestCheckIncomplete(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.dat")
	if err := os.WriteFile(in, []byte("aa01"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := check(layout{4, 2}, in, dir); err == nil || !strings.Contains(err.Error(), "no complete output") {
		t.Errorf("check without _SUCCESS.json = %v, want no complete output", err)
	}
	if _, err := check(layout{4, 2}, filepath.Join(dir, "absent"), dir); err == nil || !strings.Contains(err.Error(), "no input") {
		t.Errorf("check of a missing input = %v, want no input", err)
	}
}

package storage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

func BenchmarkExpand(b *testing.B) {
	root := b.TempDir()
	const dirs, perDir = 100, 200
	for d := range dirs {
		dir := filepath.Join(root, fmt.Sprintf("dir-%03d", d))
		if err := os.Mkdir(dir, 0o777); err != nil {
			b.Fatal(err)
		}
		for f := range perDir {
			name := fmt.Sprintf("part-%05d.txt", f)
			if f%2 == 1 {
				name = fmt.Sprintf("part-%05d.csv", f)
			}
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, pattern := range []string{"", "/**/*.txt", "/*/*.txt", "/dir-*/part-00*[02468].{txt,tsv}"} {
		b.Run("20000 files "+pattern, func(b *testing.B) {
			for b.Loop() {
				if files, err := Expand(context.Background(), root+pattern); err != nil || len(files) < dirs*perDir/2 {
					b.Fatal(len(files), err)
				}
			}
		})
	}
}

func BenchmarkStagedWrite(b *testing.B) {
	s, err := CreateStage(filepath.Join(b.TempDir(), "out"), plan.NewJobID())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	w, err := s.Create("f")
	if err != nil {
		b.Fatal(err)
	}
	defer w.Abort()
	row := make([]byte, 100)
	b.SetBytes(int64(len(row)))
	for b.Loop() {
		if _, err := w.Write(row); err != nil {
			b.Fatal(err)
		}
	}
}

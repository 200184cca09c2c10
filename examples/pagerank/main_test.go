package main

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

const links = "testdata/links.tsv"

func args(t *testing.T) Args {
	return Args{Links: links, Output: filepath.Join(t.TempDir(), "ranks"), Damping: 0.85, Tolerance: 1e-9, Rounds: 200}
}

func TestGolden(t *testing.T) {
	golden.CheckLines(t, "testdata/ranks.txt", sheaftest.Drive(t, pagerank, args(t)))
}

// TestDense compares the ranks with those that a matrix gives.
func TestDense(t *testing.T) {
	want := dense(t, 0.85)
	lines := sheaftest.Drive(t, pagerank, args(t))
	if len(lines) != len(want) {
		t.Fatalf("%d pages have ranks, want %d", len(lines), len(want))
	}
	last := math.Inf(1)
	for _, line := range lines {
		name, text, _ := strings.Cut(line, "\t")
		rank, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(rank-want[name]) > 1e-6 {
			t.Errorf("%s has rank %v, want %v", name, rank, want[name])
		}
		if rank > last {
			t.Errorf("%s with rank %v comes after %v", name, rank, last)
		}
		last = rank
	}
}

// dense multiplies the whole matrix of the web until nothing changes any more.
func dense(t *testing.T, damping float64) map[string]float64 {
	content, err := os.ReadFile(links)
	if err != nil {
		t.Fatal(err)
	}
	index := map[string]int{}
	var names []string
	number := func(name string) int {
		if _, ok := index[name]; !ok {
			index[name] = len(names)
			names = append(names, name)
		}
		return index[name]
	}
	var pairs [][2]int
	for _, line := range strings.Fields(strings.ReplaceAll(string(content), "\t", ">")) {
		from, to, _ := strings.Cut(line, ">")
		pairs = append(pairs, [2]int{number(from), number(to)})
	}
	n := len(names)
	matrix, out := make([][]float64, n), make([]float64, n)
	for i := range matrix {
		matrix[i] = make([]float64, n)
	}
	for _, p := range pairs {
		out[p[0]]++
	}
	for from := range n {
		for to := range n {
			if out[from] == 0 {
				matrix[to][from] = 1 / float64(n)
			}
		}
	}
	for _, p := range pairs {
		matrix[p[1]][p[0]] = 1 / out[p[0]]
	}
	rank := make([]float64, n)
	for i := range rank {
		rank[i] = 1
	}
	for range 1000 {
		next := make([]float64, n)
		for to := range n {
			for from := range n {
				next[to] += damping * matrix[to][from] * rank[from]
			}
			next[to] += 1 - damping
		}
		rank = next
	}
	ranks := map[string]float64{}
	for i, name := range names {
		ranks[name] = rank[i]
	}
	return ranks
}

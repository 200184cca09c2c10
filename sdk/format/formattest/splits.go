package formattest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/graph"
)

// shortBytes is how long a sample may be to be cut at every place.
const shortBytes = 400

// everySplit reads a file in pieces of every size.
func (s *Suite) everySplit(t *testing.T, path string, sample Sample, opts graph.ReadOptions) {
	t.Helper()
	src, splits := s.enumerate(t, path)
	if len(splits) != 1 {
		t.Fatalf("Enumerate gives %d splits of one file, want it whole", len(splits))
	}
	for _, size := range pieceSizes(len(sample.Data)) {
		doing := fmt.Sprintf("pieces of %d bytes, %+v", size, opts)
		got, err := s.read(t, src, cut(splits[0], size), opts)
		if err != nil {
			t.Fatalf("%s: %v", doing, err)
		}
		want(t, doing, got, sample)
		if got.bytes != splits[0].Length {
			t.Fatalf("%s: BytesRead adds up to %d, want %d", doing, got.bytes, splits[0].Length)
		}
	}
}

// pieceSizes returns the sizes in which to cut a file: every one if it is short,
// every third if tests are to be short.
func pieceSizes(length int) []int64 {
	if length > 100_000 {
		return []int64{1 << 40, 65_537, 262_144}
	}
	sizes := []int64{1 << 40, 1000, 4096}
	if length <= shortBytes {
		step := int64(1)
		if testing.Short() {
			step = 3
		}
		for n := int64(1); n <= int64(length)+1; n += step {
			sizes = append(sizes, n)
		}
	}
	return sizes
}

func (s *Suite) testSplits(t *testing.T) {
	for _, sample := range s.Samples {
		t.Run(sample.Name, func(t *testing.T) {
			s.everySplit(t, write(t, "sample"+s.Suffix, sample.Data), sample, graph.ReadOptions{})
		})
	}
}

func (s *Suite) testRandom(t *testing.T) {
	if s.Random == nil {
		return
	}
	rng := seeded(t)
	samples := 40
	if testing.Short() {
		samples = 10
	}
	for range samples {
		sample := s.Random(rng)
		opts := graph.ReadOptions{BatchRows: 1 + rng.IntN(20), BatchBytes: 1 + rng.IntN(200)}
		s.everySplit(t, write(t, "random"+s.Suffix, sample.Data), sample, opts)
	}
}

func (s *Suite) testBatches(t *testing.T) {
	for _, sample := range s.Samples {
		path := write(t, "sample"+s.Suffix, sample.Data)
		batchRows, batchBytes := []int{1, 2, 7}, []int{1, 10, 100}
		if len(sample.Data) > shortBytes {
			batchRows, batchBytes = []int{100}, []int{1000}
		}
		for _, rows := range batchRows {
			for _, bytes := range batchBytes {
				s.everySplit(t, path, sample, graph.ReadOptions{BatchRows: rows, BatchBytes: bytes})
			}
		}
	}
}

// testLongRows reads rows longer than a batch may be, than a window is, and
// than several are.
func (s *Suite) testLongRows(t *testing.T) {
	if s.Long == nil {
		return
	}
	for _, n := range []int{5000, 262_143, 262_144, 262_145, 1_000_000} {
		sample := s.Long(n)
		path := write(t, "long"+s.Suffix, sample.Data)
		s.everySplit(t, path, sample, graph.ReadOptions{})
		s.everySplit(t, path, sample, graph.ReadOptions{BatchBytes: 50})
	}
}

func (s *Suite) testRowLimit(t *testing.T) {
	if s.Long == nil {
		return
	}
	for _, n := range []int{500, 262_142, 262_143, 262_144, 262_145, 600_000} {
		sample := s.Long(n)
		path := write(t, "long"+s.Suffix, sample.Data)
		s.everySplit(t, path, sample, graph.ReadOptions{MaxRowBytes: int64(n)})
		src, splits := s.enumerate(t, path)
		for _, size := range []int64{1 << 40, 1000, 300} {
			_, err := s.read(t, src, cut(splits[0], size), graph.ReadOptions{MaxRowBytes: int64(n) - 1})
			wantInvalid(t, fmt.Sprintf("a row of %d bytes with a limit of %d, pieces of %d", n, n-1, size), err, path)
			if place, ok := placeIn(err.Error()); !ok || !slices.Contains(sample.Offsets, place) {
				t.Fatalf("error %q names no place of a row", err)
			}
		}
	}
}

// testSeveralFiles reads all samples as one input, in the order of their names.
func (s *Suite) testSeveralFiles(t *testing.T) {
	dir := t.TempDir()
	all := Sample{Name: "all files"}
	for i, sample := range s.Samples {
		path := filepath.Join(dir, fmt.Sprintf("part-%03d%s", i, s.Suffix))
		if err := os.WriteFile(path, sample.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		all.Rows = append(all.Rows, sample.Rows...)
		all.Offsets = append(all.Offsets, sample.Offsets...)
	}
	for _, input := range []string{dir, filepath.Join(dir, "*"+s.Suffix)} {
		src, splits := s.enumerate(t, input)
		got, err := s.read(t, src, splits, graph.ReadOptions{})
		if err != nil {
			t.Fatalf("read %s: %v", input, err)
		}
		want(t, input, got, all)
	}
	_, err := s.Source(filepath.Join(dir, "none"+s.Suffix)).Enumerate(t.Context())
	wantInvalid(t, "Enumerate of no file", err, "none"+s.Suffix)
}

func (s *Suite) testChangedFile(t *testing.T) {
	sample := s.Samples[0]
	path := write(t, "changed"+s.Suffix, sample.Data)
	src, splits := s.enumerate(t, path)
	if err := os.WriteFile(path, append(sample.Data, sample.Data...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(2*len(sample.Data)+1)); err != nil {
		t.Fatal(err)
	}
	_, err := s.read(t, src, splits, graph.ReadOptions{})
	wantInvalid(t, "a file that changed after it was listed", err, path)
}

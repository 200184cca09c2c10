package formattest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
)

// RunBad is the part of Run about rows that cannot be decoded, for row types that
// need no more: it wants Source, Suffix and Bad.
func RunBad(t *testing.T, s Suite) {
	if s.Bad == nil {
		return
	}
	if s.Render == nil {
		s.Render = renderFirst
	}
	t.Run("bad rows", s.testBad)
}

// testBad reads files in pieces of every size: the good rows come with their
// places, and the others are told once, with the bytes that begin there.
func (s *Suite) testBad(t *testing.T) {
	rng := seeded(t)
	for range 40 {
		sample, bad := s.Bad(rng)
		opts := graph.ReadOptions{BatchRows: 1 + rng.IntN(20), BatchBytes: 1 + rng.IntN(200)}
		path := write(t, "bad"+s.Suffix, sample.Data)
		src, splits := s.enumerate(t, path)
		// Every size is tried over many runs; with the race detector all take minutes.
		sizes := pieceSizes(len(sample.Data))
		rng.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
		for _, size := range sizes[:min(len(sizes), 15)] {
			doing := fmt.Sprintf("pieces of %d bytes, %+v of %q", size, opts, sample.Data)
			s.wantBad(t, doing, src, cut(splits[0], size), opts, sample, bad)
		}
		for _, suffix := range []string{".gz", ".zst"} {
			src, splits := s.enumerate(t, write(t, "bad"+s.Suffix+suffix, Compress(t, suffix, sample.Data)))
			s.wantBad(t, suffix, src, splits, opts, sample, bad)
		}
		s.wantRefused(t, src, splits, opts, len(bad) > 0)
	}
}

func (s *Suite) wantBad(t *testing.T, doing string, src graph.Source, splits []plan.Split, opts graph.ReadOptions, sample Sample, bad []int64) {
	t.Helper()
	var told []int64
	opts.Bad = func(u graph.Undecoded) error {
		told = append(told, u.Offset)
		rest := sample.Data[u.Offset:]
		if u.Err == nil || len(u.Raw) == 0 || len(u.Raw) > len(rest) || string(u.Raw) != string(rest[:len(u.Raw)]) {
			t.Errorf("%s: Bad is told %q and %v at offset %d", doing, u.Raw, u.Err, u.Offset)
		}
		return nil
	}
	got, err := s.read(t, src, splits, opts)
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
	want(t, doing, got, sample)
	if !slices.Equal(told, bad) {
		t.Fatalf("%s: told of bad rows at %v, want %v", doing, told, bad)
	}
}

// wantRefused checks that a bad row is an error where nobody takes it, and that the
// error of who does ends the reading.
func (s *Suite) wantRefused(t *testing.T, src graph.Source, splits []plan.Split, opts graph.ReadOptions, any bool) {
	t.Helper()
	if _, err := s.read(t, src, splits, opts); (err != nil) != any {
		t.Errorf("reading = %v, want an error %v", err, any)
	}
	enough := errors.New("enough")
	opts.Bad = func(graph.Undecoded) error { return enough }
	if _, err := s.read(t, src, splits, opts); errors.Is(err, enough) != any {
		t.Errorf("reading = %v, want that of Bad %v", err, any)
	}
}

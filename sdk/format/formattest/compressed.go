package formattest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/sheafdata/sheaf/internal/graph"
)

// Compress returns data as one gzip member (".gz") or zstd frame (".zst").
func Compress(t testing.TB, suffix string, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	var err error
	if suffix == ".gz" {
		w := gzip.NewWriter(&buf)
		w.Name = "name in the header" // so that headers have a part of their own length
		_, err = w.Write(data)
		if err == nil {
			err = w.Close()
		}
	} else {
		var w *zstd.Encoder
		if w, err = zstd.NewWriter(&buf, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true)); err == nil {
			_, err = w.Write(data)
		}
		if err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		t.Fatalf("compress a sample: %v", err)
	}
	return buf.Bytes()
}

var suffixes = []string{".gz", ".zst"}

// testCompressed reads samples compressed, in one part and in several, told by
// name and by content.
func (s *Suite) testCompressed(t *testing.T) {
	samples := slices.Clone(s.Samples)
	if s.Long != nil {
		samples = append(samples, s.Long(600_000))
	}
	for _, suffix := range suffixes {
		for _, sample := range samples {
			half := len(sample.Data) / 2
			whole := Compress(t, suffix, sample.Data)
			parts := append(Compress(t, suffix, sample.Data[:half]), Compress(t, suffix, sample.Data[half:])...)
			for name, data := range map[string][]byte{"one part": whole, "two parts": parts} {
				doing := suffix + ", " + name
				s.readCompressed(t, doing, write(t, "sample"+s.Suffix+suffix, data), sample)
				if !s.SuffixOnly {
					s.readCompressed(t, doing+", no suffix", write(t, "sample"+s.Suffix, data), sample)
				}
			}
		}
	}
}

func (s *Suite) readCompressed(t *testing.T, doing, path string, sample Sample) {
	t.Helper()
	src, splits := s.enumerate(t, path)
	size := splits[0].Length
	opts := graph.ReadOptions{BatchRows: 3}
	if len(sample.Data) > shortBytes {
		opts = graph.ReadOptions{}
	}
	for _, piece := range []int64{1 << 40, (size + 1) / 2, (size + 6) / 7} {
		got, err := s.read(t, src, cut(splits[0], piece), opts)
		if err != nil {
			t.Fatalf("%s, pieces of %d bytes: %v", doing, piece, err)
		}
		want(t, fmt.Sprintf("%s, pieces of %d bytes", doing, piece), got, sample)
		if got.bytes != size {
			t.Fatalf("%s: BytesRead adds up to %d, want %d", doing, got.bytes, size)
		}
	}
}

// testDamaged reads a compressed sample at every truncation and with every bit
// flipped: an error must name the file. A flip may also change nothing, where
// the format has bits without meaning, such as the time in a gzip header.
func (s *Suite) testDamaged(t *testing.T) {
	sample := s.Samples[0]
	for _, suffix := range suffixes {
		path := write(t, "damaged"+s.Suffix+suffix, nil)
		data := Compress(t, suffix, sample.Data)
		for n := range len(data) {
			got, err := s.rewrite(t, path, data[:n])
			if err == nil {
				t.Fatalf("%s: the first %d of %d bytes give rows %q and no error", suffix, n, len(data), clip(got.rows))
			}
			wantInvalid(t, fmt.Sprintf("%s: the first %d of %d bytes", suffix, n, len(data)), err, path)
		}
		// Two parts, so that the second is seen to be checked as well.
		two := append(slices.Clone(data), data...)
		for n := len(data) + 1; n < len(two); n++ {
			_, err := s.rewrite(t, path, two[:n])
			wantInvalid(t, fmt.Sprintf("%s: two parts, the first %d of %d bytes", suffix, n, len(two)), err, path)
		}
		for bit := range 8 * len(data) {
			flipped := slices.Clone(data)
			flipped[bit/8] ^= 1 << (bit % 8)
			got, err := s.rewrite(t, path, flipped)
			doing := fmt.Sprintf("%s: bit %d of byte %d flipped", suffix, bit%8, bit/8)
			if err == nil {
				want(t, doing, got, sample)
				continue
			}
			wantInvalid(t, doing, err, path)
		}
	}
}

// rewrite replaces the content of a file and reads it.
func (s *Suite) rewrite(t *testing.T, path string, data []byte) (found, error) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	src, splits := s.enumerate(t, path)
	return s.read(t, src, splits, graph.ReadOptions{})
}

// testMisnamed reads files whose names promise what is not in them.
func (s *Suite) testMisnamed(t *testing.T) {
	plain := s.Samples[0].Data
	for name, data := range map[string][]byte{
		"plain.gz": plain, "plain.zst": plain,
		"empty.gz": nil, "empty.zst": nil,
		"gzip.zst": Compress(t, ".gz", plain), "zstd.gz": Compress(t, ".zst", plain),
	} {
		path := write(t, name, data)
		src, splits := s.enumerate(t, path)
		_, err := s.read(t, src, splits, graph.ReadOptions{})
		wantInvalid(t, name, err, path)
	}
}

// WriteRows writes rows by a format and returns the suffix of its files.
func WriteRows[T any](w io.Writer, f graph.Format[T], rows []T) (suffix string, err error) {
	rw, err := f.NewWriter(w)
	if err != nil {
		return "", err
	}
	if err := rw.Write(rows); err != nil {
		return "", err
	}
	return f.Suffix(), rw.Close()
}

// testWrite writes the rows of each sample and reads them back.
func (s *Suite) testWrite(t *testing.T) {
	if s.Write == nil {
		return
	}
	for _, compression := range []string{"", "gzip", "zstd"} {
		for _, sample := range s.Samples {
			if sample.OneWay {
				continue
			}
			var buf bytes.Buffer
			suffix, err := s.Write(&buf, sample.Rows, compression)
			if err != nil {
				t.Fatalf("write %s as %q: %v", sample.Name, compression, err)
			}
			src, splits := s.enumerate(t, write(t, "written"+suffix, buf.Bytes()))
			got, err := s.read(t, src, splits, graph.ReadOptions{})
			if err != nil {
				t.Fatalf("read back %s as %q: %v", sample.Name, compression, err)
			}
			if !slices.Equal(got.rows, sample.Rows) {
				t.Fatalf("%s as %q comes back as %q, want %q", sample.Name, compression, clip(got.rows), clip(sample.Rows))
			}
		}
	}
	if _, err := s.Write(&bytes.Buffer{}, nil, "lzma"); err == nil {
		t.Fatal(`writing with compression "lzma": no error`)
	}
}

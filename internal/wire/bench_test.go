package wire

import (
	"testing"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

// mapResult is what a map task of a hash exchange with so many buckets reports.
func mapResult(buckets int) plan.Result {
	sizes := make([]int64, buckets)
	for i := range sizes {
		sizes[i] = int64(i*i%40_000) + 200
	}
	return plan.Result{
		Outputs: []plan.MapOutput{{ID: sampleOutput, Digest: sampleDigest, Bytes: 20_000_000, Rows: 1_000_000, BucketBytes: sizes}},
		Figures: plan.Figures{RowsIn: 1_000_000, BytesIn: 64 << 20, RowsOut: 1_000_000, ShuffleBytes: 20_000_000, SourceRows: 1_000_000, SourceBytes: 64 << 20},
	}
}

func BenchmarkFinished(b *testing.B) {
	for name, buckets := range map[string]int{"no buckets": 0, "256 buckets": 256, "4096 buckets": 4096} {
		m := Finished{sampleAttempt, mapResult(buckets)}
		frame, err := appendFrame(nil, m)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("write/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				if buf, err = appendFrame(buf[:0], m); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("read/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parseFrame(frame[headerBytes:]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("admit/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if err := admit(frame[headerBytes:], new(pb.WorkerFrame), false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

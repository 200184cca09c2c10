package transfer

import (
	"context"
	"fmt"
	"syscall"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

// cpuSeconds is what this process, server and client, has used.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// perCPU reports how many gigabytes a CPU second of both ends together moves.
func perCPU(b *testing.B, bytesPerOp int64, do func()) {
	b.SetBytes(bytesPerOp)
	before := cpuSeconds(b)
	n := 0
	for b.Loop() {
		do()
		n++
	}
	b.ReportMetric(float64(bytesPerOp)*float64(n)/1e9/(cpuSeconds(b)-before), "GB/cpu-s")
}

// BenchmarkSort reads outputs of 64 MiB from the beginning to the end in steps of
// 64 KiB, as a merge does.
func BenchmarkSort(b *testing.B) {
	st := openStore(b, store.Config{})
	out := publish(b, st, outputID(1), 64<<20)
	base := serve(b, NewHandler(st, allow, HandlerOptions{}))
	for _, step := range []int64{64 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("steps of %d KiB", step>>10), func(b *testing.B) {
			c := newClient(b, base, Options{})
			p := make([]byte, step)
			perCPU(b, out.Bytes, func() {
				o, err := c.Open(context.Background(), out)
				if err != nil {
					b.Fatal(err)
				}
				o.(interface{ Expect(from, end int64) }).Expect(0, out.Bytes)
				for at := int64(0); at < out.Bytes; at += step {
					if n, err := o.ReadAt(p, at); n == 0 {
						b.Fatal(err)
					}
				}
				o.Close()
			})
		})
	}
}

// BenchmarkRanges fetches ranges of one size, a request each.
func BenchmarkRanges(b *testing.B) {
	st := openStore(b, store.Config{})
	out := publish(b, st, outputID(1), 64<<20)
	base := serve(b, NewHandler(st, allow, HandlerOptions{}))
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20, 2 << 20, 4 << 20} {
		b.Run(fmt.Sprintf("%d KiB", size>>10), func(b *testing.B) {
			c := newClient(b, base, Options{})
			p := make([]byte, size)
			perCPU(b, 64<<20, func() {
				for at := 0; at < 64<<20; at += size {
					if err := c.fetch(context.Background(), out, int64(at), p); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkHash reads one bucket out of each of many outputs, with its index, as a
// reader of a hash exchange does: each alone, or ahead in groups.
func BenchmarkHash(b *testing.B) {
	st := openStore(b, store.Config{})
	for _, size := range []int{8 << 10, 64 << 10} {
		var outs []plan.MapOutput
		for i := range 256 {
			sizes := make([]int, 64)
			sizes[3] = size
			outs = append(outs, publish(b, st, outputID(size+i), sizes...))
		}
		base := serve(b, NewHandler(st, allow, HandlerOptions{}))
		alone := func(c *Client) (func(context.Context, plan.MapOutput) (store.Output, error), func()) {
			return c.Open, func() {}
		}
		ahead := func(c *Client) (func(context.Context, plan.MapOutput) (store.Output, error), func()) {
			return c.Ahead(context.Background(), outs, segment(3))
		}
		for name, how := range map[string]func(*Client) (func(context.Context, plan.MapOutput) (store.Output, error), func()){"alone": alone, "ahead": ahead} {
			b.Run(fmt.Sprintf("%d KiB %s", size>>10, name), func(b *testing.B) {
				c := newClient(b, base, Options{})
				buffer := make([]byte, size)
				perCPU(b, int64(len(outs)*size), func() {
					open, stop := how(c)
					for _, out := range outs {
						if err := readBucket(open, out, buffer); err != nil {
							b.Fatal(err)
						}
					}
					stop()
				})
			})
		}
	}
}

// readBucket reads the bucket of an output that fills the buffer.
func readBucket(open func(context.Context, plan.MapOutput) (store.Output, error), out plan.MapOutput, buffer []byte) error {
	o, err := open(context.Background(), out)
	if err != nil {
		return err
	}
	defer o.Close()
	ix, err := store.ReadIndex(o, out.Digest)
	if err != nil {
		return err
	}
	from, end := segment(3)(ix)
	o.(interface{ Expect(from, end int64) }).Expect(from, end)
	_, err = o.ReadAt(buffer[:end-from], from)
	return err
}

// BenchmarkPieces fetches pieces of 64 KiB alone, by one request for many.
func BenchmarkPieces(b *testing.B) {
	st := openStore(b, store.Config{})
	out := publish(b, st, outputID(1), 64<<20)
	base := serve(b, NewHandler(st, allow, HandlerOptions{}))
	for _, many := range []int{1, 4, 16, 32, 64} {
		b.Run(fmt.Sprint(many), func(b *testing.B) {
			c := newClient(b, base, Options{})
			var list []*wanted
			for i := range many {
				at := int64(i) * (64 << 10)
				list = append(list, &wanted{piece: piece{out.ID, out.Digest, at, at + 64<<10}, into: make([]byte, 64<<10)})
			}
			perCPU(b, int64(many)*64<<10, func() {
				if err := c.fetchPieces(context.Background(), executor, job, list); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

package coordinator

import (
	"fmt"
	"testing"

	"github.com/sheafdata/sheaf/coordinator/schedule"
)

// BenchmarkTasks measures tasks per second from end to end: two executors that
// run nothing, over the real protocol, with the journal on disk. Each task is a
// launch and a report that is durable before it is acknowledged.
func BenchmarkTasks(b *testing.B) {
	const tasks = 5000
	for _, executors := range []int{2, 8} {
		b.Run(fmt.Sprint(executors, " executors"), func(b *testing.B) {
			cfg := testConfig(b.TempDir())
			cfg.Schedule = schedule.Config{SplitBytes: 64 << 20}
			c := start(b, cfg)
			cluster := calls(b, c.Address())
			upload(b, cluster)
			var fakes []*fake
			for i := range executors {
				fakes = append(fakes, newFake(b, c, fmt.Sprint("e", i), 32/executors, tasks).run())
			}
			for _, f := range fakes {
				f.until("a connection", func() bool { return f.connects > 0 })
			}
			total := 0
			for b.Loop() {
				id := submit(b, cluster, shape("tiny"))
				wantDone(b, cluster, id)
				total += tasks + 3
			}
			b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}

package schedule

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30
)

var seedFlag = flag.Uint64("seed", 0, "run random tests with this seed only")

func file(path string, length int64) plan.Split {
	return plan.Split{Path: path, Length: length, Size: length, ModNanos: 7, Inode: 9, Cuttable: true}
}

func whole(path string, length int64) plan.Split {
	f := file(path, length)
	f.Cuttable = false
	return f
}

func aligned(path string, offset, length, align int64) plan.Split {
	f := file(path, length)
	f.Offset, f.Align, f.Size = offset, align, offset+length
	return f
}

// describeTasks writes tasks as "a[0+5] b[0+3] | c[0+9]".
func describeTasks(tasks [][]plan.Split) string {
	var parts []string
	for _, t := range tasks {
		var splits []string
		for _, s := range t {
			splits = append(splits, describeSplit(s))
		}
		parts = append(parts, strings.Join(splits, " "))
	}
	return strings.Join(parts, " | ")
}

func describeSplit(s plan.Split) string {
	return fmt.Sprintf("%s[%s+%s]", s.Path, describeBytes(s.Offset), describeBytes(s.Length))
}

func describeBytes(n int64) string {
	switch {
	case n >= mib && n%mib == 0:
		return fmt.Sprintf("%dM", n/mib)
	case n >= kib && n%kib == 0:
		return fmt.Sprintf("%dK", n/kib)
	}
	return fmt.Sprint(n)
}

func TestPack(t *testing.T) {
	cfg := Config{SplitBytes: 8 * mib, TasksPerSlot: 2}
	tests := []struct {
		name  string
		files []plan.Split
		slots int
		cfg   Config
		want  string
	}{
		{"nothing", nil, 4, cfg, ""},
		{"empty files", []plan.Split{file("a", 0), whole("b", 0)}, 4, cfg, ""},
		{"one small file", []plan.Split{file("a", 10)}, 4, cfg, "a[0+10]"},
		{"small files together in order", []plan.Split{file("b", 10), file("a", 20), file("c", 0), file("d", 5)}, 4, cfg, "b[0+10] a[0+20] d[0+5]"},
		{"opening costs", []plan.Split{file("a", 400*kib), file("b", 400*kib), file("c", 400*kib)}, 9, cfg, "a[0+400K] b[0+400K] | c[0+400K]"},
		{"slots unknown", []plan.Split{file("a", 4*mib)}, 0, cfg, "a[0+2M] | a[2M+2M]"},
		{"cut by slots", []plan.Split{file("a", 8*mib)}, 2, cfg, "a[0+2M] | a[2M+2M] | a[4M+2M] | a[6M+2M]"},
		{"cut by the bound", []plan.Split{file("a", 24*mib)}, 1, cfg, "a[0+8M] | a[8M+8M] | a[16M+8M]"},
		{"equal pieces", []plan.Split{file("a", 9*mib)}, 1, Config{SplitBytes: 4 * mib, TasksPerSlot: 1}, "a[0+3M] | a[3M+3M] | a[6M+3M]"},
		{"little above the target stays", []plan.Split{file("a", 5*mib), file("b", 3*mib)}, 1, cfg, "a[0+5M] | b[0+3M]"},
		{"above the bound is cut", []plan.Split{file("a", 9*mib)}, 1, Config{SplitBytes: 8 * mib, TasksPerSlot: 1}, "a[0+4608K] | a[4608K+4608K]"},
		{"uncuttable stays whole", []plan.Split{whole("a", 100*mib), file("b", 1)}, 4, cfg, "a[0+100M] | b[0+1]"},
		{"alignment from the offset", []plan.Split{aligned("a", 100, 3*mib, mib/2+1)}, 100, cfg, "a[100+524289] | a[524389+524289] | a[1048678+524289] | a[1572967+524289] | a[2097256+524289] | a[2621545+524283]"},
		{"alignment above the target", []plan.Split{aligned("a", 0, 4*mib, 3*mib)}, 100, cfg, "a[0+3M] | a[3M+1M]"},
		{"rows stay", []plan.Split{whole("", 1<<20)}, 4, cfg, "[0+1M]"},
		{"rows are cut", []plan.Split{file("", 4*kib)}, 2, cfg, "[0+1K] | [1K+1K] | [2K+1K] | [3K+1K]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := describeTasks(Pack(tt.files, tt.slots, tt.cfg)); got != tt.want {
				t.Errorf("Pack(%v, %d) = %v, want %v", tt.files, tt.slots, got, tt.want)
			}
		})
	}
}

func TestPackPinsPieces(t *testing.T) {
	in := aligned("a", 10, 32*mib, 4)
	for _, task := range Pack([]plan.Split{in}, 8, Config{}) {
		for _, s := range task {
			s.Offset, s.Length = in.Offset, in.Length
			if s != in {
				t.Errorf("Pack(%v) gave a piece %v: everything but its range must stay", in, s)
			}
		}
	}
}

// TestPackBoundsTasks: what an attempt reports must not take the memory of the
// coordinator.
func TestPackBoundsTasks(t *testing.T) {
	tests := []struct {
		name  string
		files []plan.Split
		cfg   Config
	}{
		{"huge file", []plan.Split{file("a", math.MaxInt64)}, Config{}},
		{"two huge files", []plan.Split{file("a", math.MaxInt64), file("b", math.MaxInt64)}, Config{}},
		{"huge rows", []plan.Split{file("", math.MaxInt64)}, Config{}},
		{"tiny bound", []plan.Split{file("a", 64*gib)}, Config{SplitBytes: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if n := len(Pack(tt.files, 4, tt.cfg)); n < 2 || n > 2*maxTasks {
				t.Errorf("Pack(%v) made %d tasks, want at most %d", tt.files, n, 2*maxTasks)
			}
		})
	}
}

func TestPackRandom(t *testing.T) {
	for _, seed := range seeds(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		cfg := Config{SplitBytes: 1 + r.Int64N(100*mib), TasksPerSlot: 1 + r.IntN(10)}
		var files []plan.Split
		for i := range r.IntN(40) {
			f := file(fmt.Sprint(i), r.Int64N(1<<(10+r.IntN(20))))
			f.Cuttable = r.IntN(4) > 0
			f.Offset = r.Int64N(100)
			if r.IntN(3) == 0 {
				f.Align = r.Int64N(1000)
			}
			files = append(files, f)
		}
		slots := r.IntN(50)
		tasks := Pack(files, slots, cfg)
		if err := checkPacked(files, tasks, cfg); err != nil {
			t.Fatalf("Pack(%v, %d, %+v) = %s: %v\nreplay: go test -run TestPackRandom -seed=%d", files, slots, cfg, describeTasks(tasks), err, seed)
		}
	}
}

// checkPacked says what is wrong with tasks made of files.
func checkPacked(files []plan.Split, tasks [][]plan.Split, cfg Config) error {
	var joined []plan.Split
	for i, task := range tasks {
		var bytes int64
		for _, s := range task {
			bytes += s.Length
			if n := len(joined); n > 0 && joined[n-1].Path == s.Path && joined[n-1].Offset+joined[n-1].Length == s.Offset {
				if !s.Cuttable || s.Align > 1 && joined[n-1].Length%s.Align != 0 {
					return fmt.Errorf("task %d: %v must not be cut at %d", i, s.Path, s.Offset)
				}
				joined[n-1].Length += s.Length
				continue
			}
			joined = append(joined, s)
		}
		if len(task) == 0 {
			return fmt.Errorf("task %d is empty", i)
		}
		if len(task) > 1 && bytes > cfg.SplitBytes {
			return fmt.Errorf("task %d packs %d bytes", i, bytes)
		}
		if task[0].Cuttable && bytes > max(cfg.SplitBytes, task[0].Align) {
			return fmt.Errorf("task %d has %d bytes", i, bytes)
		}
	}
	var want []plan.Split
	for _, f := range files {
		if f.Length > 0 {
			want = append(want, f)
		}
	}
	if !reflect.DeepEqual(joined, want) {
		return fmt.Errorf("joined is %v", joined)
	}
	return nil
}

// seeds returns the seeds 1 to n, or the one that the flag asks for.
func seeds(n int) []uint64 {
	if *seedFlag != 0 {
		return []uint64{*seedFlag}
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i + 1)
	}
	return out
}

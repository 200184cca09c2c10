package memory

import (
	"testing"
	"testing/fstest"
)

const (
	meminfo  = "MemTotal:       16384000 kB\nMemFree:         1000 kB\n"
	noLimit  = "9223372036854771712\n"
	v2mount  = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
	v1mount  = "33 32 0:29 / /sys/fs/cgroup/memory rw shared:14 - cgroup cgroup rw,memory\n"
	cpumount = "34 32 0:30 / /sys/fs/cgroup/cpu rw shared:15 - cgroup cgroup rw,cpu,cpuacct\n"
)

func TestMachine(t *testing.T) {
	cases := []struct {
		name   string
		files  map[string]string
		want   int64
		source string
	}{
		{"nothing known", nil, 0, "unknown"},
		{"physical", map[string]string{"proc/meminfo": meminfo}, 16384000 << 10, "physical memory"},
		{"v2 own group", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/a/b/memory.max": "1048576\n",
		}, 1 << 20, "container limit /sys/fs/cgroup/a/b/memory.max"},
		{"v2 group above binds", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/a/b/memory.max": "4194304\n", "sys/fs/cgroup/a/memory.max": "2097152\n",
		}, 2 << 20, "container limit /sys/fs/cgroup/a/memory.max"},
		{"v2 without limit", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/a/memory.max": "max\n",
		}, 16384000 << 10, "physical memory"},
		{"v2 container with its own name space", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/memory.max": "1048576\n",
		}, 1 << 20, "container limit /sys/fs/cgroup/memory.max"},
		{"v1 container that sees the host's names", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "9:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n",
			"proc/self/mountinfo":                          cpumount + "33 32 0:29 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "3145728\n",
			"sys/fs/cgroup/cpu/x/memory.limit_in_bytes":    "1\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "1\n",
		}, 3 << 20, "container limit /sys/fs/cgroup/memory/memory.limit_in_bytes"},
		{"v1 below the mounted group", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/docker/abc/inner\n",
			"proc/self/mountinfo":                              "33 32 0:29 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":       noLimit,
			"sys/fs/cgroup/memory/inner/memory.limit_in_bytes": "1048576\n",
		}, 1 << 20, "container limit /sys/fs/cgroup/memory/inner/memory.limit_in_bytes"},
		{"v1 group that only begins like the mounted one", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/docker/abcd\n",
			"proc/self/mountinfo":                        "33 32 0:29 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "1048576\n",
		}, 1 << 20, "container limit /sys/fs/cgroup/memory/memory.limit_in_bytes"},
		{"both versions, the least wins", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/a\n0::/b\n", "proc/self/mountinfo": v1mount +
				"31 23 0:27 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4194304\n", "sys/fs/cgroup/uni fied/b/memory.max": "2097152\n",
		}, 2 << 20, "container limit /sys/fs/cgroup/uni fied/b/memory.max"},
		{"limit without physical memory", map[string]string{
			"proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": v2mount, "sys/fs/cgroup/a/memory.max": "4096\n",
		}, 4096, "container limit /sys/fs/cgroup/a/memory.max"},
		{"limit above physical memory", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/\n", "proc/self/mountinfo": v1mount,
			"sys/fs/cgroup/memory/memory.limit_in_bytes": noLimit,
		}, 16384000 << 10, "physical memory"},
		{"damaged files", map[string]string{
			"proc/meminfo": "MemTotal:\nMemTotal: x kB\n", "proc/self/cgroup": "x\n0:\n4:memory\n:::\n", "proc/self/mountinfo": " - \n1 2 - cgroup2\n" + v2mount,
			"sys/fs/cgroup/memory.max": "-5\n",
		}, 0, "unknown"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, text := range c.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got, source := machine(root); got != c.want || source != c.source {
				t.Errorf("machine = %d, %q, want %d, %q", got, source, c.want, c.source)
			}
		})
	}
}

func FuzzMachine(f *testing.F) {
	f.Add(meminfo, "4:memory:/a/../..\n0::/b\n", v1mount+v2mount, "1048576\n")
	f.Add("MemTotal: 9223372036854775807 kB", "0::", "1 2 3 relative ../.. - cgroup2 c r", "max")
	f.Fuzz(func(t *testing.T, meminfo, cgroup, mountinfo, limit string) {
		total, source := machine(fstest.MapFS{
			"proc/meminfo": {Data: []byte(meminfo)}, "proc/self/cgroup": {Data: []byte(cgroup)}, "proc/self/mountinfo": {Data: []byte(mountinfo)},
			"sys/fs/cgroup/memory.max": {Data: []byte(limit)}, "sys/fs/cgroup/memory/memory.limit_in_bytes": {Data: []byte(limit)},
		})
		if total < 0 || (total == 0) != (source == "unknown") {
			t.Errorf("machine = %d, %q, want a size with its source", total, source)
		}
	})
}

func TestThisMachine(t *testing.T) {
	total, source := Machine()
	t.Logf("%s by %s, default %s, peak %s", FormatSize(total), source, FormatSize(Default()), FormatSize(PeakRSS()))
	if total < 1<<20 || Default() != total/2 {
		t.Errorf("Machine, Default = %d, %d, want this machine's memory and half of it", total, Default())
	}
	if PeakRSS() < 1<<20 || PeakRSS() > total {
		t.Errorf("PeakRSS() = %d, want this process's share of %d", PeakRSS(), total)
	}
}

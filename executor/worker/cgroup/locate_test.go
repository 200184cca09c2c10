package cgroup

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLocate(t *testing.T) {
	const (
		unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		memory  = "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		pids    = "32 23 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
		both    = "33 23 0:29 / /sys/fs/cgroup/all rw - cgroup cgroup rw,memory,pids\n"
		beside  = "34 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		inside  = "35 23 0:31 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
		spaced  = `36 23 0:26 / /my\040groups rw - cgroup2 cgroup2 rw` + "\n"
	)
	tests := []struct {
		name, mounts, groups string
		want                 Parent
	}{
		{"version 2", unified, "0::/user.slice/a.service\n", Parent{v2: "/sys/fs/cgroup/user.slice/a.service"}},
		{"version 1", memory + pids, "5:pids:/p\n4:memory:/m\n", Parent{memory: "/sys/fs/cgroup/memory/m", pids: "/sys/fs/cgroup/pids/p"}},
		{"version 1 in one", both, "4:memory,pids:/m\n", Parent{memory: "/sys/fs/cgroup/all/m"}},
		{"both versions", memory + beside, "4:memory:/m\n0::/u\n", Parent{memory: "/sys/fs/cgroup/memory/m"}},
		{"container", inside, "4:memory:/docker/abc\n", Parent{memory: "/sys/fs/cgroup/memory"}},
		{"container of another name", inside, "4:memory:/docker/abcdef\n", Parent{memory: "/sys/fs/cgroup/memory"}},
		{"escaped", spaced, "0::/\n", Parent{v2: "/my groups"}},
		{"climbing", unified, "0::/../../etc\n", Parent{v2: "/sys/fs/cgroup/etc"}},
		{"nothing", "", "", Parent{}},
		{"nonsense", "a b - c\n - cgroup2\n", "::\n:\n", Parent{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := locate(test.mounts, test.groups)
			if diff := cmp.Diff(test.want, *got, cmp.AllowUnexported(Parent{})); diff != "" {
				t.Errorf("locate (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzLocate(f *testing.F) {
	f.Add("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/a\n")
	f.Add("33 23 0:29 /x /y rw - cgroup cgroup rw,memory,pids\n", "4:memory,pids:/x/m\n")
	f.Fuzz(func(t *testing.T, mounts, groups string) { locate(mounts, groups) })
}

package args

import (
	"os"
	"runtime"

	"github.com/sheafdata/sheaf/internal/memory"
)

// host is what defaults and bounds of engine flags depend on.
type host struct {
	cores         int
	memoryBytes   int64  // of the machine or its container
	memorySource  string // which of the two, for messages
	defaultMemory int64  // bytes
	tmp           string
	getenv        func(string) string
}

func thisHost() host {
	total, source := memory.Machine()
	return host{
		cores:         min(runtime.GOMAXPROCS(0), maxParallelism),
		memoryBytes:   total,
		memorySource:  source,
		defaultMemory: memory.Default(),
		tmp:           os.TempDir(),
		getenv:        os.Getenv,
	}
}

package worker

import (
	"os"
	"path/filepath"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/plan"
)

// passed are the variables that a worker gets as the executor has them. All
// others may hold what user code must not see.
var passed = []string{"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ"}

// socketDescriptor is the first that exec.Cmd.ExtraFiles gives.
const socketDescriptor = "3"

// environment makes the environment of a worker.
func (c *Config) environment() []string {
	env := []string{
		plan.ModeVariable + "=" + plan.ModeWorker,
		plan.SocketVariable + "=" + socketDescriptor,
		"HOME=" + c.workDir(),
		"TMPDIR=" + c.tmpDir(),
		// So that a traceback names the attempt of each goroutine.
		"GODEBUG=tracebacklabels=1",
	}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if failpoint.Enabled {
		for _, name := range []string{failpoint.Variable, failpoint.OnceVariable, failpoint.TraceVariable} {
			env = append(env, name+"="+os.Getenv(name))
		}
	}
	return append(env, c.Environment...)
}

func (c *Config) workDir() string { return filepath.Join(c.Dir, "work") }
func (c *Config) tmpDir() string  { return filepath.Join(c.Dir, "tmp") }

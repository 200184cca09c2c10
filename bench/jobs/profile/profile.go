// Package profile lets the benchmark jobs write a profile of the processor. A
// job's build function calls During. It owns no goroutine but the profiler's.
package profile

import (
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/sheafdata/sheaf/sdk"
)

// Env names the environment variable with the file to write the profile to.
const Env = "SHEAF_BENCH_CPUPROFILE"

// During profiles the program from here until the job has succeeded, if the
// environment asks for it. The end is seen by a collected row, because
// sdk.Main ends the process; the profile so holds one tiny stage more.
func During(p *sdk.Pipeline) error {
	path := os.Getenv(Env)
	if path == "" {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return fmt.Errorf("profile: %w", err)
	}
	sdk.Collect(sdk.Values(p, true), func([]bool) error {
		pprof.StopCPUProfile()
		return f.Close()
	})
	return nil
}

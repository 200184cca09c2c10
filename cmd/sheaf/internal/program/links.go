package program

import (
	"debug/buildinfo"
	"os"
	"runtime/debug"
	"slices"

	"github.com/sheafdata/sheaf/internal/fault"
)

// modulePath is the module that a job's program is built with.
const modulePath = "github.com/sheafdata/sheaf"

// links refuses a program that is not built with Sheaf, by the name of what the
// user gave. Asking for a plan starts
// the program with the user's arguments: any other would do here what it does,
// instead of printing a plan. Programs that say nothing of their modules, since
// another tool than the go command built them, are believed.
func links(f *os.File, what string) error {
	const advice = "only a program whose main function calls sdk.Main has a plan"
	info, err := buildinfo.Read(f)
	if err != nil {
		return fault.New(fault.Invalid, "%s is no Go program: %s", what, advice)
	}
	if info.Main.Path == "" && len(info.Deps) == 0 || info.Main.Path == modulePath {
		return nil
	}
	if slices.ContainsFunc(info.Deps, func(m *debug.Module) bool { return m.Path == modulePath }) {
		return nil
	}
	return fault.New(fault.Invalid, "%s is not built with %s: %s", what, modulePath, advice)
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/sheafdata/sheaf/cmd/sheaf/internal/starter"
	"github.com/sheafdata/sheaf/internal/fault"
)

// initObject is what sheaf init --json prints. Programs read the field names:
// they may be added to, never changed.
type initObject struct {
	Directory string   `json:"directory"`
	Module    string   `json:"module"`
	Version   string   `json:"version"`  // of Sheaf that the module requires
	Checkout  string   `json:"checkout"` // it is built with instead; empty for none
	Files     []string `json:"files"`
}

func initCommand(c *console) *cobra.Command {
	var m starter.Module
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Write the module of a first job",
		Long: "Write a small Go module with a job into a directory: typed rows, flags, a test that passes, and a README with the commands.\n" +
			"It requires the version of Sheaf that this program is of; if that is a development build, the checkout that it was built\n" +
			"from.",
		Example: "  sheaf init sales && cd sales && go mod tidy && go test\n" +
			"  sheaf init sales --module example.com/jobs/sales",
		Args: arguments("DIR"),
	}
	f := cmd.Flags()
	f.StringVar(&m.Path, "module", "", "`path` of the module (else example.com/ and the directory's name)")
	f.StringVar(&m.Checkout, "checkout", "", "`directory` of a checkout of Sheaf to build with (else, for a development build, its own)")
	f.BoolVar(&m.Force, "force", false, "write into a directory that is not empty, and replace files of the same names")
	f.BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.RunE = c.run(func(_ *cobra.Command, args []string) error {
		m.Dir = args[0]
		if err := requireSheaf(&m); err != nil {
			return err
		}
		written, err := m.Write()
		if err != nil {
			return err
		}
		if asJSON {
			dir, err := filepath.Abs(m.Dir)
			if err != nil {
				return err
			}
			return c.object(initObject{dir, m.Path, m.Version, m.Checkout, written})
		}
		c.say("%s holds the module %s: %s\n  cd %s\n  go mod tidy\n  go test ./...\n  go run . --input 'testdata/*.csv' --output out",
			m.Dir, m.Path, strings.Join(written, ", "), m.Dir)
		return nil
	})
	return cmd
}

// requireSheaf chooses the version of Sheaf that a module requires.
func requireSheaf(m *starter.Module) error {
	if m.Checkout != "" {
		dir, err := filepath.Abs(m.Checkout)
		if err != nil {
			return fmt.Errorf("make %s absolute: %w", m.Checkout, err)
		}
		if found, ok := starter.Checkout(dir); !ok || found != dir {
			return fault.New(fault.Invalid, "--checkout %s: no checkout of Sheaf is there", m.Checkout)
		}
		m.Checkout, m.Version = dir, noVersion
		return nil
	}
	if info, ok := debug.ReadBuildInfo(); ok && released(&info.Main) {
		m.Version = info.Main.Version
		return nil
	}
	// Where the compiler saw this file, and where this program and its user are.
	_, source, _, _ := runtime.Caller(0)
	self, _ := os.Executable() // else empty, as is the next: found nowhere
	here, _ := os.Getwd()
	for _, from := range []string{source, self, here} {
		if dir, ok := starter.Checkout(from); ok {
			m.Checkout, m.Version = dir, noVersion
			return nil
		}
	}
	return fault.New(fault.Invalid, "this is a development build (%s), which nobody can download: name the checkout of Sheaf to build with by --checkout", buildVersion())
}

// noVersion stands where a checkout is taken instead of a version.
const noVersion = "v0.0.0"

// released reports whether others can download a build's version: the go command
// got it as a module itself, which has a sum then, or it was built of a tag.
func released(m *debug.Module) bool {
	return m.Sum != "" || semver.IsValid(m.Version) && semver.Build(m.Version) == "" && !module.IsPseudoVersion(m.Version)
}

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/sheafdata/sheaf/internal/golden"
)

// manDir keeps the man pages. A test makes them, so that the program that is
// shipped does not carry what they are made with.
var manDir = flag.String("man", "", "directory for the man pages, else a temporary one")

// documented returns every command that somebody may type.
func documented() []*cobra.Command {
	root := newRoot(&console{stdout: &strings.Builder{}, stderr: &strings.Builder{}})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return append([]*cobra.Command{root}, root.Commands()...)
}

// TestManPages makes a page for every command.
func TestManPages(t *testing.T) {
	dir := *manDir
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	all := documented()
	// Without a date of its own a page would differ from build to build.
	header := doc.GenManHeader{Section: "1", Source: "Sheaf", Manual: "Sheaf", Date: &time.Time{}}
	if err := doc.GenManTree(all[0], &header, dir); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range all {
		if cmd.Name() == "help" {
			continue
		}
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, section := range []string{".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION"} {
			if !strings.Contains(string(page), section) {
				t.Errorf("the page of %s has no %s", cmd.CommandPath(), section)
			}
		}
		if cmd.Long == "" {
			t.Errorf("%s has no long description", cmd.CommandPath())
		}
	}
}

// TestCommandsPage holds that docs/commands.md says what the commands say.
func TestCommandsPage(t *testing.T) {
	var page strings.Builder
	page.WriteString("# Commands\n\nWhat each command of `sheaf` says of itself by `--help`. `make docs` makes man pages of the same.\n" +
		"[cluster.md](cluster.md) tells how they are used together.\n")
	for _, cmd := range documented() {
		if cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		got := sheaf(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		fmt.Fprintf(&page, "\n## %s\n\n```\n%s```\n", cmd.CommandPath(), got.stdout)
	}
	golden.Check(t, "../../docs/commands.md", page.String())
}

// TestCompletion holds that shells take the scripts, and that ids are offered.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		got := sheaf(t, "completion", shell)
		got.want(t, exitOK)
		if !strings.Contains(got.stdout, "sheaf") || len(got.stdout) < 1000 {
			t.Errorf("the script for %s has %d bytes", shell, len(got.stdout))
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("SKIPPED: %s is not here to read its script", shell)
			continue
		}
		check := exec.Command(path, "-n")
		check.Stdin = strings.NewReader(got.stdout)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s does not take its script: %v: %s", shell, err, out)
		}
	}
	s := listed()
	got := sheafEnv(t, map[string]string{"SHEAF_CLUSTER": s.serve(t, nil, nil)}, cobra.ShellCompRequestCmd, "job", "")
	if !strings.Contains(got.stdout, "\t") || s.called()["ListJobs"] != 1 {
		t.Errorf("offered is %q, want the jobs of the cluster", got.stdout)
	}
}

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/internal/golden"
)

// TestHelp holds what every command says of itself, and that each shows an
// example.
func TestHelp(t *testing.T) {
	root := newRoot(&console{stdout: &strings.Builder{}, stderr: &strings.Builder{}})
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		t.Run(name, func(t *testing.T) {
			got := sheaf(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
			got.want(t, exitOK)
			if cmd.Example == "" || cmd.Short == "" {
				t.Errorf("%s has no example or no description", name)
			}
			golden.Check(t, filepath.Join("testdata", "help", name+".txt"), got.stdout)
		})
	}
}

// threePeers is a good value of --peers.
const threePeers = "a=127.0.0.1:1,b=127.0.0.1:2,c=127.0.0.1:3"

func TestUsage(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"unknown command", []string{"jbos"}, "Did you mean this?\n\tjobs"},
		{"unknown flag", []string{"jobs", "--stat", "x"}, "unknown flag: --stat"},
		{"flag of no number", []string{"jobs", "--limit", "x"}, `invalid argument "x" for "--limit"`},
		{"negative limit", []string{"jobs", "--limit", "-1"}, "--limit -1: give 0 for all"},
		{"unknown state", []string{"jobs", "--state", "odd"}, "choose from queued, planning, running, committing, done, failed, canceled"},
		{"unknown shell", []string{"completion", "tcsh"}, `unexpected argument "tcsh"`},
		{"no shell", []string{"completion"}, "a shell is missing: choose from bash, fish, powershell, zsh"},
		{"two forms of output", []string{"nodes", "--json", "-q"}, "[json quiet]"},
		{"no id", []string{"job"}, "ID is missing"},
		{"two ids", []string{"cancel", "a", "b"}, `unexpected argument "b"`},
		{"no node", []string{"drain"}, "NODE is missing"},
		{"no program", []string{"submit"}, "PACKAGE or BINARY is missing"},
		{"unknown progress", []string{"submit", "--progress", "loud", "x"}, `progress "loud" does not exist`},
		{"long key", []string{"submit", "--idempotency-key", strings.Repeat("k", 129), "x"}, "129 bytes, at most 128"},
		{"no task", []string{"logs", "abcd", "--task", "7"}, "write the stage and the number of the task"},
		{"negative task", []string{"logs", "abcd", "--task", "1/-2"}, "write the stage and the number of the task"},
		{"attempt of no task", []string{"logs", "abcd", "--attempt", "1"}, "with its --task"},
		{"unknown stream", []string{"logs", "abcd", "--stream", "engine"}, "choose from stdout, stderr"},
		{"no stream", []string{"logs", "abcd", "--stream", "unspecified"}, "choose from stdout, stderr"},
		{"short deadline", []string{"drain", "e1", "--deadline", "-1s"}, "--deadline -1s"},
		{"URL for an address", []string{"jobs", "--cluster", "http://127.0.0.1:7440"}, "write host:port"},
		{"port of no number", []string{"jobs", "--cluster", "localhost:abc"}, `"localhost:abc" is not the address of a coordinator: its port is no number from 1 to 65535`},
		{"port too large", []string{"jobs", "--cluster", "127.0.0.1:74400"}, "its port is no number from 1 to 65535"},
		{"negative slots", []string{"executor", "--dir", "absent/executor", "--slots", "-3", "--memory", "lots"}, "--slots -3: give 1 or more"},
		{"no slots", []string{"executor", "--dir", "absent/executor", "--slots", "0", "--memory", "lots"}, "--slots 0: give 1 or more"},
		{"two coordinators", []string{"coordinator", "--data", "absent", "--name", "a", "--peers", "a=127.0.0.1:1,b=127.0.0.1:2"}, "--peers: 2 coordinators: with two, the end of either is the end of both: name 3, so that any one of them may end, or run one alone"},
		{"four coordinators", []string{"coordinator", "--data", "absent", "--name", "a", "--peers", "a=127.0.0.1:1,b=127.0.0.1:2,c=127.0.0.1:3,d=127.0.0.1:4"}, "--peers: 4 coordinators: name 3"},
		{"a coordinator without a name", []string{"coordinator", "--data", "absent", "--name", "a", "--peers", "127.0.0.1:1,127.0.0.1:2"}, `--peers: "127.0.0.1:1" has no name: write name=host:port of each`},
		{"which of three", []string{"coordinator", "--data", "absent", "--peers", threePeers}, "say by --name which of them this one is: a, b, c"},
		{"none of three", []string{"coordinator", "--data", "absent", "--name", "d", "--peers", threePeers}, "--name d: --peers does not name it: choose from a, b, c"},
		{"a name alone", []string{"coordinator", "--data", "absent", "--name", "a"}, "--name and --peer-listen are for one of three coordinators: give --peers too"},
		{"another machine without TLS", []string{"jobs", "--cluster", "10.0.0.1"}, "10.0.0.1:7440 is on another machine"},
		{"one file of three", []string{"jobs", "--tls-ca", "ca.pem"}, "--tls-cert and --tls-key is missing"},
		{"absent token", []string{"jobs", "--token-file", "absent"}, "open the token absent: no such file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := sheaf(t, test.args...)
			got.want(t, exitUsage, test.want)
			if got.stdout != "" {
				t.Errorf("stdout = %q, want nothing", got.stdout)
			}
		})
	}
}

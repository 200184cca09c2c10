// A program that answers as a job's program does when it is asked for its plan;
// its arguments say how.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/sheafdata/sheaf/internal/plan"
)

func main() {
	switch os.Getenv(plan.ModeVariable) {
	case plan.ModePlan, plan.ModeOutline: // the latter only to be refused
	default:
		fmt.Fprintln(os.Stderr, "this program was started without being asked for its plan")
		os.Exit(9)
	}
	os.Exit(answer(os.Args[1:]))
}

func answer(args []string) int {
	p := plan.Proposal{
		Version: plan.ProposalVersion, BuildVersion: "v1.2.3", Protocols: [2]int{1, 1}, Directory: "/jobs", Graph: []string{"text.Read", "text.Write"},
		Plan: plan.Plan{
			Name: "wordcount", Args: `{"input":"in"}`, Fingerprint: "f00d",
			Stages: []plan.Stage{{Name: "text.Read → text.Write", Source: &plan.Source{Name: "in"}, Sinks: []plan.SinkID{0}}},
			Sinks:  []plan.Sink{{Name: "text.Write", Destination: "/out/counts"}},
		},
		Options: plan.Options{Codec: "zstd"}, MaxRunning: 3, Overwrite: true,
	}
	switch {
	case slices.Contains(args, "--help"):
		fmt.Println("wordcount counts words")
		return 0
	case slices.Contains(args, "--bad"):
		fmt.Fprintln(os.Stderr, "wordcount: unknown flag --bad (wordcount --help lists all flags)")
		return 2
	case slices.Contains(args, "--silent"):
		return 0
	case slices.Contains(args, "--chatty"):
		fmt.Println("hello")
	case slices.Contains(args, "--newer"):
		p.Version++
	case slices.Contains(args, "--collect"):
		p.Collects = true
	case slices.Contains(args, "--ignored"):
		p.Ignored = []string{"--sheaf.tmp"}
	}
	if err := json.NewEncoder(os.Stdout).Encode(p); err != nil {
		return 1
	}
	return 0
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// peer is another system that does the same work, by a script below
// bench/peers in a Python environment that is made on demand.
type peer struct {
	name        string
	requirement string // for pip; pinned, because a figure is one of a version
	launcher    string // in the environment's bin
	script      string
	needs       string // a program that must be there
}

var peers = []peer{
	{name: "DuckDB", requirement: "duckdb==2.0.0", launcher: "python", script: "run_duckdb.py"},
	{name: "Polars", requirement: "polars==2.1.0", launcher: "python", script: "run_polars.py"},
	// Started from Python, the Java process would be one that nobody waits for,
	// and its time would be missing.
	{name: "Spark local", requirement: "pyspark==4.3.0", launcher: "spark-submit", script: "run_spark.py", needs: "java"},
}

// peerWorks are the workloads that peers take part in, by the name that their
// scripts know.
var peerWorks = map[string]string{"words": "words", "groupby-low": "id1", "groupby-high": "id3"}

// peerGoals are what is wanted against peers: by the aims of the group-bys.
var peerGoals = map[string]goal{"DuckDB": {aim: 2}, "Polars": {aim: 1}}

// invitePeers adds those peers to the workloads that can be had here; the
// notes say why others cannot.
func (b *bench) invitePeers(ctx context.Context, all []workload) ([]workload, []string, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return all, []string{"peers: python3 is not installed: all skipped"}, nil
	}
	var notes []string
	for _, p := range peers {
		bin, err := b.installPeer(ctx, python, p)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err != nil {
			notes = append(notes, fmt.Sprintf("%s: %v: skipped", p.name, err))
			continue
		}
		for i, w := range all {
			if work := peerWorks[w.name]; work != "" {
				all[i] = w.withPeer(p, bin, filepath.Join(b.root, "bench", "peers", p.script), work)
			}
		}
	}
	return all, notes, nil
}

// installPeer makes the environment of a peer, or finds the one that was made,
// and returns the directory of its programs.
func (b *bench) installPeer(ctx context.Context, python string, p peer) (string, error) {
	if p.needs != "" {
		if _, err := exec.LookPath(p.needs); err != nil {
			return "", fmt.Errorf("%s is not installed", p.needs)
		}
	}
	dir := filepath.Join(b.root, "build", "bench-peers", strings.ReplaceAll(p.requirement, "==", "-"))
	bin := filepath.Join(dir, "bin")
	interpreter := filepath.Join(bin, "python")
	complete := filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return bin, nil
	}
	fmt.Fprintf(b.log, "installing %s\n", p.requirement)
	for _, argv := range [][]string{
		{python, "-m", "venv", "--clear", dir},
		{interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", p.requirement},
	} {
		if _, err := execute(ctx, command{argv: argv}); err != nil {
			return "", fmt.Errorf("install %s: %w", p.requirement, err)
		}
	}
	return bin, os.WriteFile(complete, nil, 0o644)
}

// withPeer lets a peer do the workload too.
func (w workload) withPeer(p peer, bin, script, work string) workload {
	w.contenders = append(w.contenders, contender{
		name: p.name, tool: filepath.Join(bin, p.launcher), args: []string{script, work, inputMark, outputMark},
		env: []string{"PYSPARK_PYTHON=" + filepath.Join(bin, "python"), "PYSPARK_DRIVER_PYTHON=" + filepath.Join(bin, "python")},
	})
	c := faster(w.comparisons[0].work, p.name, 0, 0)
	if strings.HasPrefix(w.name, "groupby") {
		c.goal = peerGoals[p.name]
	}
	w.comparisons = append(w.comparisons, c)
	return w
}

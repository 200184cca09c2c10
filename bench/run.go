package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// bench is one run of the benchmarks.
type bench struct {
	options
	*place
	log    io.Writer
	report report
}

func run(ctx context.Context, o options) (err error) {
	p, err := newPlace(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.clear()) }()
	b := &bench{options: o, place: p, log: os.Stderr}
	b.report.machine = describeMachine(ctx, p.root)
	b.report.size, b.report.runs = o.size, o.runs
	all := scale(o.size).workloads()
	if o.peers {
		var notes []string
		all, notes, err = b.invitePeers(ctx, all)
		if err != nil {
			return err
		}
		b.report.notes = append(b.report.notes, notes...)
	}
	for _, w := range all {
		if !o.only.MatchString(w.name) {
			continue
		}
		if err := b.measure(ctx, w); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			b.report.failures = append(b.report.failures, fmt.Sprintf("%s: %v", w.name, err))
			fmt.Fprintf(b.log, "%s: %v\n", w.name, err)
		}
	}
	b.report.loadAfter = load()
	return b.publish()
}

// publish writes the report.
func (b *bench) publish() error {
	text := b.report.markdown()
	fmt.Print(text)
	if b.out != "" {
		if err := os.WriteFile(b.out, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if n := len(b.report.failures); n > 0 {
		return fmt.Errorf("%d workloads failed; the report names them", n)
	}
	return nil
}

// measure runs the contenders of a workload in turn, again and again, so that
// what disturbs the machine for a while disturbs all of them.
func (b *bench) measure(ctx context.Context, w workload) error {
	if w.cores > runtime.NumCPU() {
		b.report.notes = append(b.report.notes, fmt.Sprintf("%s needs %d cores: skipped", w.name, w.cores))
		return nil
	}
	w, programs, err := b.prepare(ctx, w)
	if err != nil {
		return err
	}
	path, file, size, err := b.provideInput(ctx, w.input)
	if err != nil {
		return err
	}
	var want *digest
	if w.expect != nil {
		d, err := w.expect(file, w.input.copies)
		if err != nil {
			return fmt.Errorf("compute the expected output: %w", err)
		}
		want = &d
	}
	runs := b.runs
	if w.once {
		runs = 1
	}
	used := make(map[string][]usage)
	for n := range runs {
		for _, c := range w.contenders {
			u, got, err := b.runOne(ctx, c, programs[c.name], path)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			got = got.as(w.order)
			if want == nil {
				want = &got
			}
			if got != *want {
				return fmt.Errorf("%s, run %d: output is %v, want %v", c.name, n+1, got, *want)
			}
			used[c.name] = append(used[c.name], u)
			fmt.Fprintf(b.log, "%-16s %-24s run %d: %6.2f s CPU, %6.2f s wall, %5d MiB\n", w.name, c.name, n+1, u.cpu.Seconds(), u.wall.Seconds(), u.peakRSS>>20)
		}
	}
	b.report.add(w, used, size)
	return b.profile(ctx, w, programs, path)
}

// prepare builds or finds the programs of a workload. Those that are not
// installed are left out, with a note.
func (b *bench) prepare(ctx context.Context, w workload) (workload, map[string][]string, error) {
	programs := make(map[string][]string)
	for _, c := range w.contenders {
		if c.program != "" {
			program, err := b.build(ctx, c.program)
			if err == nil && c.cluster {
				programs[c.name], err = b.cluster(ctx)
			}
			if err != nil {
				return w, nil, err
			}
			programs[c.name] = append(programs[c.name], program)
			continue
		}
		path, err := exec.LookPath(c.tool)
		programs[c.name] = []string{path}
		if err != nil {
			b.report.notes = append(b.report.notes, fmt.Sprintf("%s: %s is not installed: skipped", w.name, c.tool))
			w = w.without(c.name)
		}
	}
	return w, programs, nil
}

// runOne runs a contender once and returns what it took and what came out.
func (b *bench) runOne(ctx context.Context, c contender, program []string, inputPath string, env ...string) (usage, digest, error) {
	dir, err := os.MkdirTemp(b.scratch, "run-")
	if err != nil {
		return usage{}, digest{}, err
	}
	defer os.RemoveAll(dir)
	output, tmp := filepath.Join(dir, "output"), filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return usage{}, digest{}, err
	}
	marks := strings.NewReplacer(inputMark, inputPath, outputMark, output, tmpMark, tmp)
	cmd := command{env: append(append([]string{"TMPDIR=" + tmp}, c.env...), env...)}
	for _, a := range append(slices.Clone(program), c.args...) {
		cmd.argv = append(cmd.argv, marks.Replace(a))
	}
	if c.prints {
		cmd.stdout = output
	}
	u, err := execute(ctx, cmd)
	if err != nil {
		return u, digest{}, err
	}
	d, err := digestOf(output)
	return u, d, err
}

// profileEnv is profile.Env: this program does not import that package, which
// links the engine and with it would make peakRSS less exact.
const profileEnv = "SHEAF_BENCH_CPUPROFILE"

// profile runs the jobs of a workload once more, if profiles are wanted.
func (b *bench) profile(ctx context.Context, w workload, programs map[string][]string, inputPath string) error {
	if b.profiles == "" {
		return nil
	}
	dir, err := filepath.Abs(b.profiles)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, c := range w.contenders {
		if !strings.HasPrefix(c.program, "jobs/") || c.cluster {
			continue
		}
		file := filepath.Join(dir, fmt.Sprintf("%s-%s.pprof", w.name, strings.ReplaceAll(c.name, " ", "-")))
		if _, _, err := b.runOne(ctx, c, programs[c.name], inputPath, profileEnv+"="+file); err != nil {
			return fmt.Errorf("profile %s: %w", c.name, err)
		}
	}
	return nil
}

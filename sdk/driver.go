package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/sdk/internal/args"
)

// Driver is a function that runs several jobs: in a loop, one on the result of
// another, until something holds. It is safe for concurrent use.
type Driver[A any] struct {
	name  string
	doc   string
	drive func(s *Session, args A) error
	jobs  map[string]Runnable
	at    graph.Position // where it was made
	err   error          // of the jobs
}

// Runnable is a job with arguments of any type: a *Job.
type Runnable interface {
	// Name returns the name given to Define.
	Name() string

	compileJSON(text string) (*compiled, error)
}

// Drive names a driver. drive runs the given jobs, and no others, with RunIn.
// Its error, or a panic, is the driver's; what its jobs have published by then
// stays. On a cluster drive runs in a worker on an executor, so the program that
// submitted it may end.
func Drive[A any](name string, drive func(s *Session, args A) error, jobs ...Runnable) *Driver[A] {
	d := &Driver[A]{name: name, drive: drive, jobs: map[string]Runnable{}, at: caller()}
	for _, j := range jobs {
		if j == nil {
			d.err = fault.New(fault.Invalid, "driver %s has a job that is nil", name)
			continue
		}
		if d.jobs[j.Name()] != nil || j.Name() == name {
			d.err = fault.New(fault.Invalid, "driver %s has two jobs of the name %s, or its own", name, j.Name())
		}
		d.jobs[j.Name()] = j
	}
	return d
}

// Doc sets the line that --help shows, and returns the driver.
func (d *Driver[A]) Doc(line string) *Driver[A] {
	d.doc = line
	return d
}

// Name returns the name given to Drive.
func (d *Driver[A]) Name() string { return d.name }

// RunDriver runs a driver in this process, each of its jobs as Run does. The
// result counts them together, also after an error.
func RunDriver[A any](ctx context.Context, d *Driver[A], args A, opts ...Options) (*Result, error) {
	var o Options
	if len(opts) > 0 {
		o = opts[0]
	}
	if err := errors.Join(d.check(), afterMain(d.name)); err != nil {
		return nil, err
	}
	lo, err := o.local()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if o.Session == "" {
		o.Session = lo.Tmp[0]
	}
	dir, remove, err := sessionDir(o.Session)
	if err != nil {
		return nil, err
	}
	watch := &driverWatch{name: d.name, began: began, show: o.watch}
	s := &Session{ctx: ctx, name: d.name, dir: dir, jobs: d.jobs, run: func(ctx context.Context, _ int, c *compiled) (*Result, error) {
		o := lo
		if watch.show != nil {
			o.Watch = watch.job(c.Plan.Name)
		}
		return runWith(ctx, c, o)
	}}
	ended := false
	defer func() {
		if s.over.Store(true); !ended { // by a panic, which goes on
			_ = remove()
		}
	}()
	err = d.drive(s, args)
	ended = true
	if err == nil {
		err = s.err
	}
	err = errors.Join(err, remove())
	watch.end(err)
	return s.result(began), err
}

// check refuses a driver that cannot run.
func (d *Driver[A]) check() error {
	switch {
	case d.drive == nil:
		return fault.New(fault.Invalid, "driver %s has no function", d.name)
	case d.err != nil:
		return d.err
	}
	return nil
}

// read implements Program.
func (d *Driver[A]) read(argv []string, stdout io.Writer) (*command, error) {
	var a A
	engine, err := args.Parse(d.name, d.doc, &a, argv, stdout)
	if err != nil {
		return nil, err
	}
	return &command{
		engine:  engine,
		compile: func() (*compiled, error) { return d.compile(a) },
		run:     func(ctx context.Context, _ *compiled, o Options) (*Result, error) { return RunDriver(ctx, d, a, o) },
	}, nil
}

// compile makes the job that a driver is on a cluster: one task, in which it drives.
func (d *Driver[A]) compile(a A) (*compiled, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	text, err := args.JSON(&a)
	if err != nil {
		return nil, err
	}
	return compileDrive(d.name, text, d.at, d.jobs, func(s *Session) error { return d.drive(s, a) })
}

// find implements Program.
func (d *Driver[A]) find(job, text string) (*compiled, error) {
	if j := d.jobs[job]; j != nil {
		return j.compileJSON(text)
	}
	if job != d.name {
		return nil, fault.New(fault.Invalid, "this program runs driver %s and its jobs, not %s", d.name, job)
	}
	var a A
	if err := args.Set(&a, text); err != nil {
		return nil, fmt.Errorf("arguments of driver %s: %w", d.name, err)
	}
	return d.compile(a)
}

package minicluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/internal/args"
	"github.com/sheafdata/sheaf/sdk/internal/erased"
)

// Run runs a job on the cluster with its arguments and returns what it did, as
// sdk.Run does in one process. An error of the job ends the test.
//
// Of sdk.Options, Parallelism bounds the tasks of the job on the whole cluster,
// MemoryBytes is what so many tasks get together, and Tmp means nothing.
func Run[A any](t testing.TB, c *Cluster, job *sdk.Job[A], args A, options ...sdk.Options) *sdk.Result {
	t.Helper()
	result, err := Submit(t, c, job, args, options...).Wait()
	if err != nil {
		t.Fatalf("job %s: %v", job.Name(), err)
	}
	return result
}

// Submit starts a job on the cluster, as Run does, and does not wait for it. A
// job that cannot be submitted ends the test. One that nobody has waited for is
// canceled when the test is over.
func Submit[A any](t testing.TB, c *Cluster, job *sdk.Job[A], args A, options ...sdk.Options) *Running {
	t.Helper()
	return begin(t, c, job, args, options)
}

// RunDriver runs a driver on the cluster, as Run runs a job. What it keeps between
// its jobs goes to a directory of the test, or to sdk.Options.Session. Of what
// it returns, Jobs counts its jobs; their tasks and destinations are not known.
func RunDriver[A any](t testing.TB, c *Cluster, driver *sdk.Driver[A], args A, options ...sdk.Options) *sdk.Result {
	t.Helper()
	result, err := SubmitDriver(t, c, driver, args, options...).Wait()
	if err != nil {
		t.Fatalf("driver %s: %v", driver.Name(), err)
	}
	return result
}

// SubmitDriver starts a driver on the cluster, as Submit does a job.
func SubmitDriver[A any](t testing.TB, c *Cluster, driver *sdk.Driver[A], args A, options ...sdk.Options) *Running {
	t.Helper()
	return begin(t, c, driver, args, options)
}

// begin submits a job or driver; args are those of its type.
func begin(t testing.TB, c *Cluster, program sdk.Program, args any, options []sdk.Options) *Running {
	t.Helper()
	var o sdk.Options
	if len(options) > 0 {
		o = options[0]
	}
	if o.Session == "" {
		o.Session = t.TempDir() // of a driver; others take no notice
	}
	r, err := submit(t, c, program, args, o)
	if err != nil {
		t.Fatalf("submit job %s: %v", program.Name(), err)
	}
	return r
}

func submit(t testing.TB, c *Cluster, job sdk.Program, a any, o sdk.Options) (*Running, error) {
	if served[job.Name()] != job {
		return nil, fmt.Errorf("workers do not know it: let TestMain give it to minicluster.Main, as a package-level variable")
	}
	e, _ := erased.Of(job)
	text, err := args.JSON(a)
	if err != nil {
		return nil, err
	}
	compiled, err := e.Compile(text)
	if err != nil {
		return nil, err
	}
	proposal, err := erased.Propose(compiled.Compiled)
	if err != nil {
		return nil, err
	}
	if err := settle(proposal, o); err != nil {
		return nil, err
	}
	var id string
	err = c.within(t.Context(), func(ctx context.Context) (err error) {
		id, err = c.submit(ctx, proposal)
		return err
	})
	if err != nil {
		return nil, err
	}
	return follow(t, c, id, compiled), nil
}

// settle takes over the options that mean something on a cluster.
func settle(p *plan.Proposal, o sdk.Options) error {
	p.Overwrite, p.Options.Codec, p.MaxRunning = o.Overwrite, o.Codec, o.Parallelism
	p.Options.SessionDirectory = o.Session
	if o.MemoryBytes > 0 {
		if o.Parallelism <= 0 {
			return errors.New("sdk.Options.MemoryBytes is what all tasks together may use: give Parallelism as well")
		}
		p.Options.TaskMemoryBytes = o.MemoryBytes / int64(o.Parallelism)
	}
	return nil
}

// submit uploads the program, unless the cluster has it, and submits a job.
func (c *Cluster) submit(ctx context.Context, p *plan.Proposal) (id string, err error) {
	program, err := self()
	if err != nil {
		return "", err
	}
	if err := c.api.Upload(ctx, program.sha256, int64(len(program.text)), strings.NewReader(program.text), nil); err != nil {
		return "", fmt.Errorf("upload the program: %w", err)
	}
	response, err := c.api.Submit(ctx, &pb.SubmitRequest{
		Name: p.Plan.Name, IdempotencyKey: rand.Text(), Plan: wire.EncodePlan(&p.Plan), ArtifactSha256: program.sha256, Args: p.Plan.Args,
		MaxRunning: int32(p.MaxRunning), Overwrite: p.Overwrite, Options: wire.EncodeOptions(&p.Options),
		WorkingDirectory: p.Directory, Graph: p.Graph,
	})
	return response.GetJobId(), err
}

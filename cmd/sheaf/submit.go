package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/cmd/sheaf/internal/program"
	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/progress"
	"github.com/sheafdata/sheaf/internal/wire"
)

// submission are the flags of submit.
type submission struct {
	view     watching
	name     string
	priority int32
	detach   bool
	key      string
}

func submitCommand(c *console) *cobra.Command {
	var s submission
	cmd := &cobra.Command{
		Use:   "submit PACKAGE|BINARY [--] [ARGS]",
		Short: "Run a job's program on a cluster",
		Long: "Run a job's program on a cluster and follow it to its end. A Go package is built for the cluster's platform; a binary must be\n" +
			"for it. What follows are the program's own arguments, which it checks here and now; its input and output must be reached by\n" +
			"the executors. Interrupted (Ctrl-C), the command leaves the job alone and says how to follow and to cancel it.\n\n" +
			"The exit code is that of the job: 0 for success, 1 for failure, 4 if it was canceled; 2 for wrong usage or arguments,\n" +
			"3 if no coordinator is reached, 130 if interrupted.",
		Example: "  sheaf submit ./wordcount -- -input '/data/*.txt' -output /data/counts\n" +
			"  sheaf submit --detach --name nightly ./bin/wordcount -input '/data/*.txt' -output /data/counts\n" +
			"  sheaf submit ./wordcount -- --help",
		Args: programAndArguments,
	}
	n := c.connection(cmd)
	s.view.flags(cmd)
	f := cmd.Flags()
	// All that follows the program belongs to it.
	f.SetInterspersed(false)
	f.StringVar(&s.name, "name", "", "the job's `name` (else the program's)")
	f.Int32Var(&s.priority, "priority", 0, "jobs of a higher `number` go first")
	f.BoolVarP(&s.detach, "detach", "d", false, "print the job's id and do not follow it")
	f.BoolVarP(&s.view.quiet, "quiet", "q", false, "print the job's id, and nothing else but errors")
	f.StringVar(&s.key, "idempotency-key", "", "`text` that names this submission: again with the same, it is the same job (else random)")
	cmd.MarkFlagsMutuallyExclusive("quiet", "json")
	cmd.RunE = c.run(func(cmd *cobra.Command, args []string) error {
		if err := s.check(cmd.Flags().Changed("progress")); err != nil {
			return err
		}
		err := onProgram(cmd, args, func(what string, rest []string) error { return c.submit(cmd.Context(), n, s, what, rest) })
		if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
			// While it was built, or asked for its plan.
			return &client.Error{Reason: client.Interrupted, Err: errors.New("interrupted: nothing was submitted")}
		}
		return err
	})
	return cmd
}

// maxKeyBytes is what the service takes as a key.
const maxKeyBytes = 128

func (s *submission) check(progressGiven bool) error {
	if err := s.view.check(); err != nil {
		return err
	}
	if s.view.quiet && !progressGiven {
		s.view.progress = string(progress.None)
	}
	if len(s.key) > maxKeyBytes {
		return fault.New(fault.Invalid, "--idempotency-key has %d bytes, at most %d", len(s.key), maxKeyBytes)
	}
	if s.key == "" {
		var random [16]byte
		rand.Read(random[:]) // never fails
		s.key = hex.EncodeToString(random[:])
	}
	return nil
}

func (c *console) submit(ctx context.Context, n *connection, s submission, what string, args []string) (err error) {
	api, err := n.dial(ctx)
	if err != nil {
		return err
	}
	defer api.Close()
	target, err := c.target(ctx, api)
	if err != nil {
		return err
	}
	p, err := program.Prepare(ctx, what, target, c.stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	proposal, err := p.Propose(ctx, args, c.stdout, c.stderr)
	switch {
	case errors.Is(err, program.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	if err := c.checkProposal(proposal, s); err != nil {
		return err
	}
	f := &follower{
		console: c, connection: n, client: api, view: s.view, name: oneLine(s.jobName(proposal)),
		destinations: destinations(&proposal.Plan), directory: proposal.Directory,
	}
	if proposal.Collects && !s.view.quiet {
		out := c.stdout
		if s.view.json {
			out = c.stderr // standard output holds JSON alone
		}
		f.collect = func(ctx context.Context, rows []plan.CollectedRows) error {
			return p.Hand(ctx, args, &wire.Handover{Fingerprint: proposal.Plan.Fingerprint, Rows: rows}, out, c.stderr)
		}
	}
	if err := c.send(ctx, f, p, proposal, s); err != nil || s.detach {
		return err
	}
	return f.follow(ctx)
}

func (s *submission) jobName(p *plan.Proposal) string {
	if s.name != "" {
		return s.name
	}
	return p.Plan.Name
}

// checkProposal refuses what a cluster cannot do, and says what it leaves out.
func (c *console) checkProposal(p *plan.Proposal, s submission) error {
	if p.Collects && s.detach && !s.view.quiet {
		c.say("%s: the rows that it collects (sdk.Collect) are for who follows it, and --detach does not", p.Plan.Name)
	}
	for _, flag := range p.Ignored {
		if !s.view.quiet {
			c.say("%s: %s means nothing on a cluster and is left out", p.Plan.Name, flag)
		}
	}
	return nil
}

// target chooses the platform to build for: that of most slots.
func (c *console) target(ctx context.Context, api *client.Client) (program.Platform, error) {
	nodes, err := api.ListNodes(ctx)
	if err != nil {
		return program.Platform{}, err
	}
	target, others := choosePlatform(nodes)
	if others > 0 {
		c.say("sheaf submit: %d executors run on other platforms than %s and get no task of this job", others, target)
	}
	return target, nil
}

// choosePlatform returns the platform of most slots, and how many executors have
// another. A cluster without executors may get some later: Linux is the best
// guess.
func choosePlatform(nodes []*pb.Node) (target program.Platform, others int) {
	slots := make(map[program.Platform]int64)
	count := make(map[program.Platform]int)
	all := 0
	for _, n := range nodes {
		if n.GetState() == pb.NodeState_NODE_STATE_LOST || n.GetPlatform() == nil {
			continue
		}
		p := program.Platform{OS: n.GetPlatform().GetOs(), Arch: n.GetPlatform().GetArch()}
		slots[p] += int64(n.GetSlots())
		count[p]++
		all++
	}
	best := int64(-1)
	for p, n := range slots {
		if n > best || n == best && p.String() < target.String() {
			best, target = n, p
		}
	}
	if all == 0 {
		return program.Platform{OS: "linux", Arch: program.Native().Arch}, 0
	}
	return target, all - count[target]
}

// sends is how often a program is uploaded for one submission.
const sends = 3

// send uploads the program and submits the job; again where another coordinator
// leads by then that has not got the program.
func (c *console) send(ctx context.Context, f *follower, p *program.Program, proposal *plan.Proposal, s submission) error {
	for n := 1; ; n++ {
		if err := c.upload(ctx, f.client, p, f.name, s); err != nil {
			return err
		}
		err := c.start(ctx, f, p, proposal, s)
		if e, ok := errors.AsType[*client.Error](err); !ok || !e.Missing || n == sends {
			return err
		}
	}
}

// upload brings the program to the cluster.
func (c *console) upload(ctx context.Context, api *client.Client, p *program.Program, name string, s submission) error {
	told := false
	err := api.Upload(ctx, p.SHA256, p.Bytes, p.File, func(have int64) {
		if told || have == p.Bytes || s.view.quiet || s.view.json {
			return
		}
		told = true
		c.say("%s: uploading the program: %s", name, memory.FormatSize(p.Bytes-have))
	})
	return submitted(err, "nothing was submitted")
}

// submitted adds to an interrupt what has become of the submission.
func submitted(err error, what string) error {
	if e, ok := errors.AsType[*client.Error](err); ok && e.Reason == client.Interrupted {
		return &client.Error{Reason: client.Interrupted, Err: fmt.Errorf("%w: %s", e.Err, what)}
	}
	return err
}

// submittedObject is the first object of submit --json. Programs read the field
// names: they may be added to, never changed.
type submittedObject struct {
	Event   string `json:"event"` // "submitted"
	Job     string `json:"job"`
	Name    string `json:"name"`
	Existed bool   `json:"existed"` // the idempotency key was known
}

// start submits the job and tells its id.
func (c *console) start(ctx context.Context, f *follower, p *program.Program, proposal *plan.Proposal, s submission) error {
	response, err := f.client.Submit(ctx, &pb.SubmitRequest{
		Name: f.name, IdempotencyKey: s.key, Plan: wire.EncodePlan(&proposal.Plan), ArtifactSha256: p.SHA256, Args: proposal.Plan.Args,
		Priority: s.priority, MaxRunning: int32(proposal.MaxRunning), Overwrite: proposal.Overwrite, Options: wire.EncodeOptions(&proposal.Options),
		WorkingDirectory: proposal.Directory, Graph: proposal.Graph,
	})
	if err != nil {
		return submitted(err, "the job may have been submitted: sheaf jobs shows it, and --idempotency-key "+s.key+" submits it once at most")
	}
	f.job = response.GetJobId()
	switch {
	case s.view.json:
		return c.object(submittedObject{"submitted", f.job, f.name, response.GetExisted()})
	case !s.view.quiet && response.GetExisted():
		c.say("%s: was submitted before as job %s", f.name, f.job)
	case !s.view.quiet:
		c.say("%s: submitted as job %s", f.name, f.job)
	}
	if s.view.quiet || s.detach {
		_, err = io.WriteString(c.stdout, f.job+"\n")
	}
	return err
}

// destinations lists what a job publishes.
func destinations(p *plan.Plan) []string {
	var all []string
	for _, sink := range p.Sinks {
		if sink.Destination != "" {
			all = append(all, sink.Destination)
		}
	}
	return all
}

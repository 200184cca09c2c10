package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/cmd/sheaf/internal/process"
	"github.com/sheafdata/sheaf/coordinator/client"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/secure"
)

// development are the flags of dev.
type development struct {
	executors, slots      int
	memory, dir, listen   string
	gossip, level, format string
}

func devCommand(c *console) *cobra.Command {
	var d development
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a whole cluster on this machine, to try it",
		Long: "Run a whole cluster on this machine, to try it: a coordinator and some executors, each a process of its own. Ctrl-C\n" +
			"ends all of them. Without --dir nothing stays.",
		Example: "  sheaf dev --executors 3\n" +
			"  sheaf submit ./examples/wordcount -- --input 'books/*.txt' --output /tmp/counts   # in another terminal",
		Args: arguments(),
	}
	f := cmd.Flags()
	f.IntVar(&d.executors, "executors", 3, "`number` of executors")
	f.IntVar(&d.slots, "slots", 0, "tasks that each runs at once (else the processors shared out)")
	f.StringVar(&d.memory, "memory", "", "`size` of the memory for a job's tasks on each (else half of the machine's shared out)")
	f.StringVar(&d.dir, "dir", "", "`directory` for all of them, which stays (else a temporary one)")
	f.StringVar(&d.listen, "listen", defaultCluster, "`address` of the coordinator, on loopback")
	f.StringVar(&d.gossip, "gossip", defaultGossip, "`address` for gossip, on loopback")
	f.StringVar(&d.level, "log-level", "warn", "the least to log: debug, info, warn or error")
	f.StringVar(&d.format, "log-format", "text", "text or json")
	cmd.RunE = c.run(func(cmd *cobra.Command, _ []string) error { return c.develop(cmd.Context(), d) })
	return cmd
}

const (
	// maxDevExecutors bounds what one machine is asked to run.
	maxDevExecutors = 200
	// leastDevMemory is what an executor needs for a job of any size.
	leastDevMemory = 64 << 20
	// devReady bounds the wait for the cluster to be complete.
	devReady = time.Minute
	// devGrace is how long its processes may take to end.
	devGrace = 10 * time.Second
)

func (d *development) settle() error {
	if d.executors < 1 || d.executors > maxDevExecutors {
		return fault.New(fault.Invalid, "--executors %d: give 1 to %d", d.executors, maxDevExecutors)
	}
	if d.slots < 0 {
		return fault.New(fault.Invalid, "--slots %d: give 1 or more", d.slots)
	}
	if d.slots == 0 {
		d.slots = max(runtime.GOMAXPROCS(0)/d.executors, 1)
	}
	if _, err := size("--memory", d.memory); err != nil {
		return err
	}
	if d.memory == "" {
		d.memory = fmt.Sprint(max(memory.Default()/int64(d.executors), leastDevMemory))
	}
	return nil
}

// develop runs a cluster until ctx ends or one of its processes does.
func (c *console) develop(ctx context.Context, d development) (err error) {
	if err := d.settle(); err != nil {
		return err
	}
	// Else this would be somebody else's cluster.
	if err := free(d.listen); err != nil {
		return err
	}
	if err := free(d.gossip); err != nil {
		return fault.New(fault.Invalid, "gossip: %w", err)
	}
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "sheaf-dev-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	g := process.NewGroup(self, c.stderr)
	defer g.End(devGrace)
	common := []string{"--log-level", d.level, "--log-format", d.format}
	if err := g.Start("coordinator", append([]string{"coordinator", "--data", filepath.Join(d.dir, "coordinator"), "--listen", d.listen, "--gossip", d.gossip}, common...)...); err != nil {
		return err
	}
	if err := c.await(ctx, g, d, 0); err != nil {
		return err
	}
	session := filepath.Join(d.dir, "session") // all of them share this machine's disks
	if err := os.MkdirAll(session, 0o700); err != nil {
		return err
	}
	for i := range d.executors {
		name := fmt.Sprintf("executor-%d", i+1)
		args := []string{"executor", "--join", d.listen, "--name", name, "--dir", filepath.Join(d.dir, name), "--slots", fmt.Sprint(d.slots), "--memory", d.memory, "--session", session}
		if err := g.Start(name, append(args, common...)...); err != nil {
			return err
		}
	}
	if err := c.await(ctx, g, d, d.executors); err != nil {
		return err
	}
	where := ""
	if d.listen != defaultCluster {
		where = "--cluster " + d.listen + " "
	}
	c.say("a coordinator at %s and %d executors of %d tasks run (Ctrl-C ends them); in another terminal:\n"+
		"  sheaf submit %s./examples/wordcount -- --input 'books/*.txt' --output /tmp/counts", d.listen, d.executors, d.slots, where)
	select {
	case <-ctx.Done():
		c.say("stopping")
		return nil
	case e := <-g.Ended():
		return e
	}
}

// free reports an error unless an address can be listened on.
func free(address string) error {
	l, err := secure.Listen(address)
	if err != nil {
		return err
	}
	return l.Close()
}

// await waits until the coordinator answers and that many executors are ready.
func (c *console) await(ctx context.Context, g *process.Group, d development, executors int) error {
	ctx, cancel := context.WithTimeout(ctx, devReady)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ready, err := c.ready(ctx, d.listen)
		if err == nil && ready >= executors {
			return nil
		}
		select {
		case <-tick.C:
		case e := <-g.Ended():
			return e
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return fault.New(fault.Transient, "%d of %d executors are ready after %v", max(ready, 0), executors, devReady)
		}
	}
}

// ready counts the executors that are ready.
func (c *console) ready(ctx context.Context, address string) (int, error) {
	api, err := client.Dial(ctx, client.Options{Addresses: strings.Split(address, ","), Patience: time.Millisecond})
	if err != nil {
		return -1, err
	}
	defer api.Close()
	nodes, err := api.ListNodes(ctx)
	n := 0
	for _, node := range nodes {
		if node.GetState() == pb.NodeState_NODE_STATE_READY {
			n++
		}
	}
	return n, err
}

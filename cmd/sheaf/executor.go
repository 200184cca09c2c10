package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/executor"
	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/secure"
)

// drainGrace is how long tasks may go on after SIGTERM: what Kubernetes gives a
// pod by default.
const drainGrace = 25 * time.Second

func executorCommand(c *console) *cobra.Command {
	var (
		o                        executor.Config
		d                        daemon
		name, join, dirs         string
		memoryText, diskText     string
		reserveText              string
		isolation, tokenFilePath string
		stall                    time.Duration
	)
	cmd := &cobra.Command{
		Use:   "executor",
		Short: "Run an executor, which works for a cluster",
		Long: "Run an executor, which works for a cluster: one on each machine. It runs jobs' programs as processes of their own,\n" +
			"and keeps what they shuffle. SIGTERM drains it: tasks may end, and it leaves.",
		Example: "  sheaf executor --join 127.0.0.1:7440 --dir /var/lib/sheaf/executor\n" +
			"  sheaf executor --join 10.0.0.1:7440 --dir /disk1/sheaf,/disk2/sheaf --slots 16 --memory 48GiB \\\n" +
			"    --listen 10.0.0.7:7442 --gossip 10.0.0.7:7443 --gossip-key gossip.key \\\n" +
			"    --tls-cert node.crt --tls-key node.key --tls-ca ca.crt",
		Args: arguments(),
	}
	f := cmd.Flags()
	f.StringVar(&join, "join", defaultCluster, "`addresses` of coordinators, with commas between them")
	f.StringVar(&dirs, "dir", "", "`directories` on local disks for spill files and map outputs, with commas between\nthem (required)")
	f.StringVar(&name, "name", "", "`name` in the cluster (else the machine's, with some digits, kept in the directory)")
	f.IntVar(&o.Slots, "slots", 0, "tasks at once (else one a processor)")
	f.StringVar(&memoryText, "memory", "", "`size` of the memory for a job's tasks, such as 16GiB (else half of the machine's)")
	f.StringVar(&diskText, "disk", "", "`size` of the disk space for spill files and map outputs (else what the disks have)")
	f.StringVar(&reserveText, "disk-reserve", "", "`size` of the low-water mark: when each directory's disk has less free, no tasks are\ntaken; 0 for none (else a twentieth of the disk, at most 2GiB)")
	f.StringVar(&o.Session, "session", "", "`directory` for what drivers keep between their jobs, if they name none: one that all\nexecutors share, and the same for all")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "`address` for other executors")
	f.StringVar(&o.Advertise, "advertise", "", "`address` that others are told, where they reach it by another")
	f.StringVar(&o.Gossip, "gossip", "127.0.0.1:0", "`address` for gossip")
	f.StringVar(&o.GossipAdvertise, "gossip-advertise", "", "`address` for gossip that others are told")
	f.StringVar(&isolation, "isolation", "auto", "how far jobs are kept apart: auto for what this system permits, none for limits alone")
	f.DurationVar(&stall, "stall", 30*time.Minute, "end an attempt whose function reads no row for so long, with its goroutines in the\nlog; 0 for no bound")
	f.StringVar(&tokenFilePath, "token-file", "", "`file` with a token of the role admin, for a coordinator on loopback that asks for tokens")
	d.flags(c, cmd)
	must(cmd.MarkFlagRequired("dir"))
	cmd.RunE = c.run(func(cmd *cobra.Command, _ []string) (err error) {
		if err := d.read(); err != nil {
			return err
		}
		if o.Slots < 1 && cmd.Flags().Changed("slots") {
			return fault.New(fault.Invalid, "--slots %d: give 1 or more", o.Slots)
		}
		if o.MemoryBytes, err = size("--memory", memoryText); err != nil {
			return err
		}
		if o.DiskBytes, err = size("--disk", diskText); err != nil {
			return err
		}
		if reserveText == "0" {
			o.DiskReserveBytes = -1
		} else if o.DiskReserveBytes, err = size("--disk-reserve", reserveText); err != nil {
			return err
		}
		if o.Session != "" {
			if o.Session, err = directory("--session", o.Session); err != nil {
				return err
			}
		}
		o.Worker.Stall = stall
		if stall < 0 {
			return fault.New(fault.Invalid, "--stall %v: give a time such as 30m, or 0 for no bound", stall)
		}
		switch isolation {
		case "auto":
			o.Isolation = worker.Probe()
		case "none":
		default:
			return fault.New(fault.Invalid, "--isolation %s: choose from auto, none", isolation)
		}
		if tokenFilePath != "" {
			if o.Token, err = secure.ReadToken(tokenFilePath); err != nil {
				return err
			}
		}
		o.Name, o.Join, o.Dirs = plan.ExecutorID(name), strings.Split(join, ","), strings.Split(dirs, ",")
		o.Certificates, o.GossipKey, o.Log, o.BuildVersion = d.certificates, d.gossipKey, d.log, buildVersion()
		e, err := executor.Start(cmd.Context(), o)
		if err != nil {
			return err
		}
		return d.serve(cmd.Context(), e, func(grace time.Duration) { e.Leave(grace, "the executor was told to stop") })
	})
	return cmd
}

// directory returns the absolute path of one that is there.
func directory(flag, path string) (string, error) {
	if info, err := os.Stat(path); err != nil {
		return "", fault.New(fault.Invalid, "%s: %w", flag, err)
	} else if !info.IsDir() {
		return "", fault.New(fault.Invalid, "%s %s: it is no directory", flag, path)
	}
	return filepath.Abs(path)
}

// size reads a size that may be left out.
func size(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := memory.ParseSize(text)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%s: %w", flag, err)
	}
	return n, nil
}

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/internal/wire"
)

// versionObject is what sheaf version --json prints. Programs read the field
// names: they may be added to, never changed.
type versionObject struct {
	Version     string             `json:"version"`
	Platform    string             `json:"platform"`
	Go          string             `json:"go"`
	ProtocolMin int                `json:"protocol_min"`
	ProtocolMax int                `json:"protocol_max"`
	Coordinator *coordinatorObject `json:"coordinator"` // null unless --cluster was given
}

type coordinatorObject struct {
	Address     string `json:"address"`
	Version     string `json:"version"`
	ProtocolMin int32  `json:"protocol_min"`
	ProtocolMax int32  `json:"protocol_max"`
	Cluster     string `json:"cluster"`
	Term        uint64 `json:"term"`
}

func versionCommand(c *console) *cobra.Command {
	var show listing
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program and, with --cluster, of a coordinator",
		Long: "Print the version of this program and, with --cluster, those of a coordinator and of its cluster. A difference is no\n" +
			"error as long as both speak a protocol that the other one knows.",
		Example: "  sheaf version\n" +
			"  sheaf version --cluster 127.0.0.1:7440",
		Args: arguments(),
	}
	n := c.connection(cmd)
	show.flags(cmd, "this program's version")
	cmd.RunE = c.run(func(cmd *cobra.Command, _ []string) error {
		o := versionObject{
			Version: buildVersion(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
			ProtocolMin: wire.ClusterProtocol.Min, ProtocolMax: wire.ClusterProtocol.Max,
		}
		if n.cluster != "" {
			api, err := n.dial(cmd.Context())
			if err != nil {
				return err
			}
			defer api.Close()
			v := api.Version()
			o.Coordinator = &coordinatorObject{api.Address(), v.GetBuildVersion(), v.GetProtocolMin(), v.GetProtocolMax(), v.GetClusterId(), v.GetTerm()}
		}
		return c.printVersion(o, show)
	})
	return cmd
}

func (c *console) printVersion(o versionObject, show listing) error {
	switch {
	case show.json:
		return c.object(o)
	case show.quiet:
		_, err := fmt.Fprintln(c.stdout, o.Version)
		return err
	}
	t := c.table("sheaf", o.Version)
	t.row("platform", o.Platform)
	t.row("built with", o.Go)
	t.row("protocol", wire.ClusterProtocol.String())
	if k := o.Coordinator; k != nil {
		t.row("coordinator", k.Version+" at "+k.Address)
		t.row("  protocol", wire.Versions{Min: int(k.ProtocolMin), Max: int(k.ProtocolMax)}.String())
		t.row("  cluster", k.Cluster)
		t.row("  term", fmt.Sprint(k.Term))
	}
	return t.flush()
}

// buildVersion returns the version of this build, as the go command wrote it
// down.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

package main

import (
	"context"
	"net"
	"strings"

	"github.com/sheafdata/sheaf/coordinator/journal"
)

// membership is what a coordinator, alone or of three, has to know.
type membership struct {
	Name, Dir, Cluster        string
	Listen, Advertise, Gossip string
	Names, Peers              []string // of all three, and their addresses for each other
}

// args are the arguments of its command.
func (m *membership) args() []string {
	args := []string{"coordinator", "--data", m.Dir, "--cluster-id", m.Cluster, "--listen", m.Listen, "--advertise", m.Advertise, "--gossip", m.Gossip}
	if len(m.Peers) == 1 {
		return args
	}
	var all []string
	for i, name := range m.Names {
		all = append(all, name+"="+m.Peers[i])
	}
	return append(args, "--name", m.Name, "--peers", strings.Join(all, ","))
}

// peers is the membership as the journal takes it.
func (m *membership) peers() (*journal.Peers, error) {
	address := map[string]string{}
	for i, name := range m.Names {
		address[name] = m.Peers[i]
	}
	l, err := net.Listen("tcp", address[m.Name])
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, name string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address[name])
	}
	return &journal.Peers{Self: m.Name, All: m.Names, Listener: l, Dial: dial}, nil
}

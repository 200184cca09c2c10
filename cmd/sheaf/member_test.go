package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"github.com/sheafdata/sheaf/coordinator"
	"github.com/sheafdata/sheaf/coordinator/journal"
)

// memberVar makes this test binary one coordinator of three: the command has no
// flags for that. It holds a membership as JSON.
const memberVar = "SHEAF_TEST_MEMBER"

// membership is what a coordinator of three has to know.
type membership struct {
	Dir, Cluster              string
	Listen, Advertise, Gossip string
	Self                      int
	Peers, Answers            []string // of all three: for each other, for clients
}

// peers is the membership as the journal takes it.
func (m *membership) peers() (*journal.Peers, error) {
	l, err := net.Listen("tcp", m.Peers[m.Self])
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	return &journal.Peers{Self: m.Peers[m.Self], All: m.Peers, Listener: l, Dial: dial}, nil
}

// command is the process of the coordinator.
func (m *membership) command() (*exec.Cmd, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), memberVar+"="+string(text), "GORACE=atexit_sleep_ms=0")
	return cmd, nil
}

// member is that process; it returns the exit code.
func member(text string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serveMember(ctx, text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return exitOK
}

func serveMember(ctx context.Context, text string) error {
	var m membership
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return err
	}
	peers, err := m.peers()
	if err != nil {
		return err
	}
	k, err := coordinator.Start(ctx, coordinator.Config{
		Dir: m.Dir, ClusterID: m.Cluster, Address: m.Listen, Advertise: m.Advertise, Gossip: m.Gossip,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), BuildVersion: buildVersion(), Peers: peers,
		PeerAddress: func(peer string) string { return m.Answers[slices.Index(m.Peers, peer)] },
	})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-k.Done():
	}
	if err := k.Err(); err != nil {
		return err
	}
	return k.Close()
}

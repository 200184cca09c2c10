// Command oncluster runs a job's program on a cluster of its own: a coordinator
// and two executors with one slot each, all processes of this machine, which are
// its children. So what it takes, as its system counts it, is what the job takes
// on a cluster, with the cluster's start and end.
//
//	oncluster SHEAF DIR PROGRAM [ARGS]
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/sheafdata/sheaf/coordinator/client"
)

const executors = 2

// startLimit bounds the wait for executors.
const startLimit = 30 * time.Second

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: oncluster SHEAF DIR PROGRAM [ARGS]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "oncluster:", err)
		os.Exit(1)
	}
}

func run(sheaf, dir string, job []string) (err error) {
	address, gossip, err := freeAddresses()
	if err != nil {
		return err
	}
	dev := exec.Command(sheaf, "dev", "--executors", fmt.Sprint(executors), "--slots", "1", "--dir", dir, "--listen", address, "--gossip", gossip)
	dev.Stderr = os.Stderr
	if err := dev.Start(); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, dev.Process.Signal(os.Interrupt))
		// It ends by the interrupt, which is no failure.
		if wait := dev.Wait(); wait != nil && dev.ProcessState == nil {
			err = errors.Join(err, wait)
		}
	}()
	if err := ready(address); err != nil {
		return err
	}
	submit := exec.Command(sheaf, append([]string{"submit", "--quiet", "--cluster", address, job[0], "--"}, job[1:]...)...)
	submit.Stderr = os.Stderr
	return submit.Run()
}

// ready waits for the executors.
func ready(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		c, err := client.Dial(ctx, client.Options{Addresses: []string{address}})
		if err != nil {
			continue // not there yet
		}
		nodes, err := c.ListNodes(ctx)
		c.Close()
		if err == nil && len(nodes) == executors {
			return nil
		}
	}
	return fmt.Errorf("no %d executors within %v", executors, startLimit)
}

// freeAddresses returns two addresses of loopback on which nobody listens.
func freeAddresses() (string, string, error) {
	a, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer a.Close()
	b, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer b.Close()
	return a.Addr().String(), b.Addr().String(), nil
}

// Command sheaf is a cluster's coordinator, executor and client. A file of this
// package is a subcommand; what they share stands in console.go, connection.go
// and follow.go. Standard output holds what was asked for, standard error what
// is said about it.
//
// Exit codes: 0 success, 1 the job or the command failed, 2 wrong usage or
// configuration, 3 no coordinator can be reached or there is no room, 4 the job
// was canceled, 130 interrupted.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process, whatever it waits for.
	context.AfterFunc(ctx, stop)
	code := execute(ctx, os.Args[1:], &console{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv})
	stop()
	os.Exit(code)
}

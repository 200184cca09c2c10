package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
)

// defaultGossip is where "sheaf coordinator" gossips unless told otherwise.
const defaultGossip = "127.0.0.1:7441"

// daemon is what the commands share that run until they are told to stop.
type daemon struct {
	console      *console
	certificates secure.Certificates
	keyFile      string
	logFormat    string
	logLevel     string

	gossipKey secure.Secret
	log       *slog.Logger
}

func (d *daemon) flags(c *console, cmd *cobra.Command) {
	d.console = c
	f := cmd.Flags()
	f.StringVar(&d.keyFile, "gossip-key", "", "`file` with the key that gossip is encrypted with, 32 bytes in base64; required off\nloopback")
	f.StringVar(&d.certificates.Cert, "tls-cert", "", "`file` with the certificate to show; required off loopback")
	f.StringVar(&d.certificates.Key, "tls-key", "", "`file` with its private key")
	f.StringVar(&d.certificates.CA, "tls-ca", "", "`file` with the certificate of the cluster's authority")
	f.StringVar(&d.logFormat, "log-format", "text", "text or json")
	f.StringVar(&d.logLevel, "log-level", "info", "the least to log: debug, info, warn or error")
}

// read reads the files and makes the log, which goes to standard error.
func (d *daemon) read() (err error) {
	if d.keyFile != "" {
		if d.gossipKey, err = secure.ReadGossipKey(d.keyFile); err != nil {
			return err
		}
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(d.logLevel)); err != nil {
		return fault.New(fault.Invalid, "--log-level %s: choose from debug, info, warn, error", d.logLevel)
	}
	o := &slog.HandlerOptions{Level: level}
	switch d.logFormat {
	case "text":
		d.log = slog.New(slog.NewTextHandler(d.console.stderr, o))
	case "json":
		d.log = slog.New(slog.NewJSONHandler(d.console.stderr, o))
	default:
		return fault.New(fault.Invalid, "--log-format %s: choose from text, json", d.logFormat)
	}
	return nil
}

// running is a coordinator or an executor.
type running interface {
	Done() <-chan struct{}
	Err() error
	Close() error
}

// serve runs until the daemon has ended, or is told to: then stop begins its end,
// and a second signal ends it at once.
func (d *daemon) serve(ctx context.Context, r running, stop func(grace time.Duration)) error {
	defer r.Close()
	select {
	case <-r.Done():
		return errors.Join(r.Err(), r.Close())
	case <-ctx.Done():
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again)
	stop(drainGrace)
	select {
	case <-r.Done():
	case <-again:
	}
	return r.Close()
}

// must is for what only a mistake in this program makes fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

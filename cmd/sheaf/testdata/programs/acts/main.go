// Command acts is a job for tests: each line of its input says what its task
// does, and is counted.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type args struct {
	Input   string `flag:"input" required:"true"`
	Output  string `flag:"output" required:"true"`
	Collect bool   `flag:"collect"`
}

func build(p *sdk.Pipeline, a args) error {
	words := sdk.Map(text.Read(p, a.Input), act)
	counts := sdk.Count(words)
	text.Write(counts, a.Output)
	if a.Collect {
		sdk.Collect(sdk.Sort(counts, sdk.By(func(c sdk.KV[string, int64]) string { return c.Key })), func(rows []sdk.KV[string, int64]) error {
			for _, r := range rows {
				fmt.Printf("%s=%d\n", r.Key, r.Value)
			}
			return nil
		})
	}
	return nil
}

// act does what a line says and returns its first word.
func act(line string) string {
	word, arg, _ := strings.Cut(line, " ")
	switch word {
	case "note": // that it was done, at the end of a file
		f, err := os.OpenFile(arg, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintln(f, os.Getpid())
			f.Close()
		}
		if err != nil {
			panic(err)
		}
	case "wait": // for a file
		for {
			if _, err := os.Stat(arg); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	case "leave": // a process that has left the session, and one that it began, beside itself
		shell := "sleep 600 & echo $$ $! >>\"$0\"; wait"
		cmd := exec.Command("/bin/sh", "-c", shell, arg)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		select {}
	case "say":
		fmt.Println(arg)
		fmt.Fprintln(os.Stderr, "loud", arg)
	case "panic":
		panic(arg)
	case "exit":
		os.Exit(3)
	}
	return word
}

func main() { sdk.Main(sdk.Define("acts", build)) }

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

type jobArgs struct {
	Input  string `flag:"input" help:"files to read" required:"true"`
	Output string `flag:"output" help:"directory to write" required:"true"`
	Note   string `flag:"note" help:"for the program's use"`
}

// programs are what the test binary can be started as.
var programs = map[string]func(){
	"count":   func() { sdk.Main(sdk.Define("count", buildCount)) },
	"act":     func() { sdk.Main(sdk.Define("act", buildAct)) },
	"shifty":  func() { sdk.Main(sdk.Define("shifty", buildShifty)) },
	"garbage": garbage,
	"skewed":  skewed,
	"silent":  silent,
	"quits":   func() { fmt.Fprintln(os.Stderr, "no main function here"); os.Exit(7) },
	"daemon":  daemon,
	"heir":    heir,
	"closes":  closes,
}

func buildCount(p *sdk.Pipeline, a jobArgs) error {
	words := sdk.FlatMap(text.Read(p, a.Input), func(line string, emit sdk.Emit[string]) {
		for w := range sdk.Words(line) {
			emit(w)
		}
	})
	text.Write(sdk.Count(words), a.Output)
	return nil
}

// buildAct does what the lines of its input say.
func buildAct(p *sdk.Pipeline, a jobArgs) error {
	text.Write(sdk.MapErr(text.Read(p, a.Input), act), a.Output)
	return nil
}

// eaten is what act never gives back.
var eaten [][]byte

func act(ctx *sdk.Context, line string) (string, error) {
	verb, object, _ := strings.Cut(line, " ")
	switch verb {
	case "exit":
		fmt.Fprintln(os.Stderr, "the end is near")
		os.Exit(3)
	case "panic":
		panic("a row says panic")
	case "crash": // beyond recover
		go func() { panic("a goroutine says panic") }()
		<-ctx.Done()
	case "wait":
		<-ctx.Done()
		return "", ctx.Err()
	case "loop":
		if err := os.WriteFile(object, nil, 0o600); err != nil {
			return "", err
		}
		for n := uint64(1); n != 0; n |= 1 { // for ever
		}
	case "eat":
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			eaten = append(eaten, b)
		}
	case "threads":
		for begun := make(chan bool); ; <-begun {
			go func() {
				runtime.LockOSThread()
				begun <- true
				<-ctx.Done()
			}()
		}
	case "fork":
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{programVar + "=heir", lockVar + "=" + object}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return "", err
		}
		for !isHeld(object) {
			<-time.After(time.Millisecond)
		}
	case "print":
		n, err := strconv.Atoi(object)
		if err != nil {
			return "", err
		}
		row := strings.Repeat("x", 1023)
		for range n {
			fmt.Println(row)
		}
	case "say":
		fmt.Println(object)
		fmt.Fprintln(os.Stderr, "loud", object)
	case "environ":
		return strings.Join(os.Environ(), ";"), nil
	case "open":
		var got []string
		for fd := 3; fd < 64; fd++ {
			if kind, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); err == nil {
				got = append(got, fmt.Sprintf("%d=%s", fd, kind))
			}
		}
		return strings.Join(got, ";"), nil
	case "touch": // once: a second attempt finds it
		if _, err := os.Stat(object); err == nil {
			return "again", nil
		}
		if err := os.WriteFile(object, nil, 0o600); err != nil {
			return "", err
		}
		os.Exit(4)
	}
	return line, nil
}

// buildShifty builds another graph in a worker than in the plan.
func buildShifty(p *sdk.Pipeline, a jobArgs) error {
	lines := text.Read(p, a.Input)
	if os.Getenv("HOME") != "" && strings.HasSuffix(os.Getenv("HOME"), "/work") {
		text.Write(sdk.Map(lines, func(s string) int { return len(s) }), a.Output)
		return nil
	}
	text.Write(sdk.Map(lines, strings.ToUpper), a.Output)
	return nil
}

func socket() net.Conn {
	c, err := net.FileConn(os.NewFile(3, "socket"))
	if err != nil {
		panic(err)
	}
	return c
}

// garbage speaks what is no protocol.
func garbage() {
	io.WriteString(socket(), strings.Repeat("GET / HTTP/1.1\r\n", 1000))
	<-time.After(time.Hour)
}

// skewed speaks a protocol of the far future.
func skewed() {
	c := socket()
	if err := wire.NewWriter(c).Write(wire.Hello{Protocol: wire.Versions{Min: 98, Max: 99}, BuildVersion: "v99.1.0"}); err != nil {
		panic(err)
	}
	io.Copy(io.Discard, c)
}

func silent() { <-time.After(time.Hour) }

// closes leaves the protocol and lives on.
func closes() {
	c := socket()
	if err := wire.NewWriter(c).Write(wire.Hello{Protocol: wire.WorkerProtocol}); err != nil {
		panic(err)
	}
	c.Close()
	os.NewFile(3, "socket").Close()
	<-time.After(time.Hour)
}

// lockVar names a file that heir holds locked as long as it lives.
const lockVar = "SHEAF_TEST_LOCK"

func heir() {
	f, err := os.OpenFile(os.Getenv(lockVar), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	if err := filelock.Try(f); err != nil {
		panic(err)
	}
	f.WriteString("held")
	<-time.After(time.Hour)
}

// isHeld reports whether an heir holds a file, and says so.
func isHeld(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(filelock.Try(f), filelock.ErrHeld)
}

// daemon is an executor that starts a worker and waits to be killed.
func daemon() {
	dir := os.Getenv(dirVar)
	c := worker.Config{
		Program: "/proc/self/exe", Executor: "doomed", Dir: dir, MemoryBytes: 64 << 20, LimitBytes: 1 << 50, Slots: 1,
		Log: slog.New(slog.DiscardHandler), Events: nobody{},
		Environment: []string{programVar + "=heir", lockVar + "=" + filepath.Join(dir, "lock")},
	}
	if os.Getenv(isolatedVar) != "" {
		c.Isolation = worker.Probe()
	}
	if _, err := worker.Start(context.Background(), c); err != nil {
		panic(err)
	}
	<-time.After(time.Hour)
}

const (
	dirVar      = "SHEAF_TEST_DIR"
	isolatedVar = "SHEAF_TEST_ISOLATED"
)

// nobody hears no event.
type nobody struct{}

func (nobody) Ready()                                                               {}
func (nobody) DiskWanted(m wire.DiskWanted) wire.DiskLent                           { return wire.DiskLent{Bytes: m.WantBytes} }
func (nobody) DiskReturned(int64)                                                   {}
func (nobody) RunJob(wire.RunJob)                                                   {}
func (nobody) Progress([]wire.AttemptProgress, int64)                               {}
func (nobody) Finished(plan.AttemptID, plan.Result)                                 {}
func (nobody) Failed(plan.AttemptID, fault.Report, []plan.OutputID, *plan.RowRange) {}
func (nobody) Exited(error)                                                         {}

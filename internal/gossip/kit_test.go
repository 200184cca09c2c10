package gossip

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"go.uber.org/goleak"
)

// TestMain looks for goroutines that were left. memberlist ends a probe that it
// has begun some seconds after its Shutdown.
func TestMain(m *testing.M) {
	code := m.Run()
	deadline := time.Now().Add(30 * time.Second)
	for code == 0 {
		err := goleak.Find() // tries for a second by itself
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// within is a context that ends long after a test should have.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// testCluster is the cluster of tests that have one.
const testCluster = "0123456789abcdef0123456789abcdef"

// executor is the configuration of an executor that looks for lost members often.
func executor(name string, seeds ...*Gossip) Config {
	cfg := Config{
		Name: name, Role: Executor, Cluster: testCluster, Address: "127.0.0.1:7450", rejoin: 250 * time.Millisecond,
		tune: hurry,
	}
	for _, s := range seeds {
		cfg.Seeds = append(cfg.Seeds, s.Address())
	}
	return cfg
}

// hurry lets members be missed after one second and not five.
func hurry(conf *memberlist.Config) {
	conf.ProbeInterval, conf.ProbeTimeout = 250*time.Millisecond, 150*time.Millisecond
}

func coordinator(name string, seeds ...*Gossip) Config {
	cfg := executor(name, seeds...)
	cfg.Role, cfg.Address = Coordinator, "127.0.0.1:7440"
	return cfg
}

func start(t testing.TB, cfg Config) *Gossip {
	t.Helper()
	if os.Getenv("GOSSIP_TEST_LOG") != "" && cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("by", cfg.Name)
	}
	g, err := Start(within(t), cfg)
	if err != nil {
		t.Fatalf("Start(%s) = %v", cfg.Name, err)
	}
	t.Cleanup(g.Close)
	return g
}

// names returns the members of g as "role/name".
func names(g *Gossip) []string {
	var all []string
	for _, m := range g.Members() {
		all = append(all, nodeName(m.Role, m.Name))
	}
	return all
}

// awaitFunc waits until g's members are as ok says.
func awaitFunc(t testing.TB, g *Gossip, want string, ok func([]Member) bool) {
	t.Helper()
	ctx := within(t)
	for !ok(g.Members()) {
		select {
		case <-g.Changed():
		case <-ctx.Done():
			t.Fatalf("members of %s are %v, want %v", g.view.self, g.Members(), want)
		}
	}
}

// await waits until g shows these members, by "role/name" in the order of
// Members.
func await(t testing.TB, g *Gossip, want ...string) {
	t.Helper()
	awaitFunc(t, g, strings.Join(want, " "), func([]Member) bool { return slices.Equal(names(g), want) })
}

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
	more chan struct{} // closed and replaced with each line
}

func (l *lines) logger() *slog.Logger {
	l.more = make(chan struct{})
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(p)
}

func (l *lines) count(part string) (int, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part), l.more
}

// await waits until a part was logged so many times.
func (l *lines) await(t testing.TB, part string, times int) {
	t.Helper()
	ctx := within(t)
	for {
		n, more := l.count(part)
		if n >= times {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("%q was logged %d times, want %d; the log is\n%s", part, n, times, l.text.String())
		}
	}
}

package gossip

import (
	"os"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
)

func checkFile(t testing.TB, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v, want %q", path, got, err, want)
	}
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStartRefuses(t *testing.T) {
	key := secure.NewSecret(strings.Repeat("k", 32))
	tests := []struct {
		name   string
		change func(*Config)
		want   string // in the error
	}{
		{"no name", func(c *Config) { c.Name = "" }, "the name"},
		{"a long name", func(c *Config) { c.Name = strings.Repeat("n", maxNameBytes+1) }, "the name"},
		{"a name of two lines", func(c *Config) { c.Name = "a\nb" }, "the name"},
		{"no role", func(c *Config) { c.Role = 0 }, "role(0)"},
		{"an unknown role", func(c *Config) { c.Role = 3 }, "role(3)"},
		{"no cluster", func(c *Config) { c.Cluster = "" }, "the cluster"},
		{"a long cluster", func(c *Config) { c.Cluster = strings.Repeat("c", maxClusterBytes+1) }, "the cluster"},
		{"no address", func(c *Config) { c.Address = "" }, "the address"},
		{"an address without port", func(c *Config) { c.Address = "10.0.0.1" }, "the address"},
		{"an address with port 0", func(c *Config) { c.Address = "10.0.0.1:0" }, "the address"},
		{"an address of nobody", func(c *Config) { c.Address = "0.0.0.0:7440" }, "the address"},
		{"a long address", func(c *Config) { c.Address = strings.Repeat("a", maxHostBytes+1) + ":7440" }, "the address"},
		{"a seed without port", func(c *Config) { c.Seeds = []string{"host"} }, "the seed"},
		{"many seeds", func(c *Config) { c.Seeds = make([]string, maxSeeds+1) }, "65 seeds"},
		{"no address to listen on", func(c *Config) { c.Listen = "7946" }, "listen on"},
		{"a port that is none", func(c *Config) { c.Listen = "127.0.0.1:http" }, "the port is no number"},
		{"a short key", func(c *Config) { c.Key = secure.NewSecret("short") }, "5 bytes"},
		{"others without a key", func(c *Config) { c.Listen = "0.0.0.0:0" }, "give a gossip key (--gossip-key), or listen on 127.0.0.1:0"},
		{"everybody without a key", func(c *Config) { c.Listen = ":0" }, "gossip key"},
		{"a name without a key", func(c *Config) { c.Listen = "host.invalid:0" }, "gossip key"},
		{"others are told an address without a key", func(c *Config) { c.Advertise = "10.0.0.1:7946" }, "gossip key"},
		{"others are told every address", func(c *Config) { c.Key, c.Advertise = key, ":7946" }, "advertise"},
		{"every address of IPv6", func(c *Config) { c.Key, c.Listen = key, "[::]:0" }, "which address of this machine"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := executor("a")
			test.change(&cfg)
			g, err := Start(within(t), cfg)
			if err == nil {
				g.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.KindOf(err) != fault.Invalid {
				t.Errorf("Start() = %v, want kind %v and %q", err, fault.Invalid, test.want)
			}
		})
	}
}

func TestStartOnATakenPort(t *testing.T) {
	cfg := executor("a")
	cfg.Listen = start(t, executor("b")).Address()
	if _, err := Start(within(t), cfg); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), cfg.Listen) {
		t.Errorf("Start() on a port that is taken = %v, want kind %v with the address", err, fault.Invalid)
	}
}

func TestAdvertise(t *testing.T) {
	cfg := executor("a")
	cfg.Listen, cfg.Advertise = "localhost:0", "127.0.0.2:0"
	g := start(t, cfg)
	if host, _, _ := strings.Cut(g.Address(), ":"); host != "127.0.0.2" {
		t.Errorf("Address() = %s, want one of 127.0.0.2", g.Address())
	}
}

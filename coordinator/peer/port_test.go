package peer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/secure/securetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// trio is the configuration of three ports that listen on loopback; nobody
// accepts there before Open.
func trio(t *testing.T) []Config {
	t.Helper()
	var all []Config
	var peers []Peer
	for _, name := range []string{"a", "b", "c"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		peers = append(peers, Peer{name, l.Addr().String()})
		all = append(all, Config{
			Self: name, Cluster: clusterID, Address: "127.0.0.1:744" + fmt.Sprint(len(all)), Listener: l, Log: slog.New(slog.DiscardHandler),
			Program: func(string) (*os.File, int64, error) { return nil, 0, fs.ErrNotExist },
		})
	}
	for i := range all {
		all[i].Peers = peers
	}
	return all
}

func open(t *testing.T, cfg Config) *Port {
	t.Helper()
	p, err := Open(cfg)
	if err != nil {
		t.Fatalf("Open(%s) = %v", cfg.Self, err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// meet lets one port dial another and sends a word from each end to the other.
func meet(t *testing.T, from, to *Port) {
	t.Helper()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := to.Accept()
		if err != nil {
			t.Errorf("Accept = %v", err)
		}
		accepted <- c
	}()
	ours, err := from.Dial(within(t), to.cfg.Self)
	if err != nil {
		to.Close()
		<-accepted
		t.Fatalf("Dial(%s) = %v", to.cfg.Self, err)
	}
	defer ours.Close()
	theirs := <-accepted
	defer theirs.Close()
	for _, ends := range [][2]net.Conn{{ours, theirs}, {theirs, ours}} {
		if _, err := ends[0].Write([]byte("word")); err != nil {
			t.Fatal(err)
		}
		word := make([]byte, 4)
		if _, err := io.ReadFull(ends[1], word); err != nil || string(word) != "word" {
			t.Errorf("the other end reads %q, %v", word, err)
		}
	}
}

func TestPort(t *testing.T) {
	all := trio(t)
	a, b := open(t, all[0]), open(t, all[1])
	if got := b.ClientAddress("a"); got != "" {
		t.Errorf("ClientAddress of one that was not heard of = %q, want none", got)
	}
	meet(t, a, b)
	if got := b.ClientAddress("a"); got != all[0].Address {
		t.Errorf("ClientAddress(a) = %q, want %q", got, all[0].Address)
	}
	if got := b.ClientAddress("b"); got != all[1].Address {
		t.Errorf("ClientAddress of itself = %q, want %q", got, all[1].Address)
	}
	if _, err := a.Dial(within(t), "d"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("Dial of a stranger = %v, want an invalid one", err)
	}
}

// TestPortRefuses: who is configured for another cluster reads why.
func TestPortRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"another cluster", func(c *Config) { c.Cluster = strings.Repeat("f", 32) }, `coordinator "a" belongs to cluster ffffffffffffffffffffffffffffffff, and "b" to ` + clusterID},
		{"a stranger", func(c *Config) {
			c.Self = "d"
			c.Peers = []Peer{{"d", c.Peers[0].Address}, c.Peers[1], c.Peers[2]}
		}, `coordinator "d" is none of the others that "b" knows`},
		{"the same one", func(c *Config) { c.Self = "b" }, `coordinator "b" is none of the others that "b" knows`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := trio(t)
			tt.change(&all[0])
			a := open(t, all[0])
			open(t, all[1])
			_, err := a.Dial(within(t), "b")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Dial = %v, want %q", err, tt.want)
			}
		})
	}
}

// TestConfigIsChecked: no port opens that others than this machine could reach
// without certificates.
func TestConfigIsChecked(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"two", func(c *Config) { c.Peers = c.Peers[:2] }, "2 coordinators"},
		{"a stranger", func(c *Config) { c.Self = "d" }, `name "d" is not among its peers`},
		{"a peer elsewhere", func(c *Config) { c.Peers = []Peer{c.Peers[0], c.Peers[1], {"c", "10.0.0.3:1"}} }, "peer c=10.0.0.3:1 is on another machine: give certificates"},
		{"for all", func(c *Config) {
			c.Listener.Close()
			c.Listener = public{c.Listener}
		}, "give certificates (--tls-cert, --tls-key and --tls-ca), or listen on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := trio(t)[0]
			tt.change(&cfg)
			_, err := Open(cfg)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Open = %v, want an invalid one that says %q", err, tt.want)
			}
			if err := cfg.Listener.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the listener was open after Open had failed: %v", err)
			}
		})
	}
}

// public is a listener that says it can be reached from elsewhere.
type public struct{ net.Listener }

// Addr implements net.Listener.
func (public) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1} }

// TestPortSecured: certificates decide who is a peer, and nobody else gets a word
// through, from either side.
func TestPortSecured(t *testing.T) {
	ours, other := securetest.New(t, "ours"), securetest.New(t, "other")
	const prefix = "sheaf://" + clusterID
	for _, tt := range []struct {
		name      string
		authority *securetest.Authority
		uri       string
		want      string // of whom that certificate is refused by
	}{
		{"a peer", ours, prefix + "/coordinator/a", ""},
		{"an executor", ours, prefix + "/executor/a", "shows a certificate that does not name it"},
		{"a client", ours, "", "shows a certificate that does not name it"},
		{"another name", ours, prefix + "/coordinator/c", "shows a certificate that does not name it"},
		{"another cluster", ours, "sheaf://" + strings.Repeat("f", 32) + "/coordinator/a", "shows a certificate that does not name it"},
		{"another authority", other, prefix + "/coordinator/a", "certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := trio(t)
			certify(t, &all[0], tt.authority, tt.uri)
			certify(t, &all[1], ours, prefix+"/coordinator/b")
			a, b := open(t, all[0]), open(t, all[1])
			if tt.want == "" {
				meet(t, a, b)
				meet(t, b, a)
				return
			}
			if _, err := a.Dial(within(t), "b"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Dial with that certificate = %v, want %q", err, tt.want)
			}
			if _, err := b.Dial(within(t), "a"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Dial of who has that certificate = %v, want %q", err, tt.want)
			}
			if got := b.ClientAddress("a"); got != "" {
				t.Errorf("what it said was believed: %q", got)
			}
		})
	}
	t.Run("no certificate", func(t *testing.T) {
		all := trio(t)
		certify(t, &all[1], ours, prefix+"/coordinator/b")
		a := open(t, all[0])
		open(t, all[1])
		if _, err := a.Dial(within(t), "b"); err == nil {
			t.Error("Dial without TLS = nil, want an error")
		}
	})
}

// certify gives a port a certificate.
func certify(t *testing.T, cfg *Config, a *securetest.Authority, uri string) {
	t.Helper()
	cert, key := a.Issue(t, cfg.Self, uri, nil)
	files := secure.Certificates{Cert: cert, Key: key, CA: a.File}
	var err error
	if cfg.Server, err = files.Server(); err != nil {
		t.Fatal(err)
	}
	if cfg.Client, err = files.Client(); err != nil {
		t.Fatal(err)
	}
}

// TestPortIsBounded: strangers are sent away and leave their places to peers.
func TestPortIsBounded(t *testing.T) {
	all := trio(t)
	b := open(t, all[1])
	for range maxConns {
		c, err := net.Dial("tcp", all[1].Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\n")); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Fatalf("a stranger reads %d bytes, %v, want that the connection ends", n, err)
		}
	}
	meet(t, open(t, all[0]), b)
}

func TestAskCopy(t *testing.T) {
	all := trio(t)
	name, other := strings.Repeat("0f", 32), strings.Repeat("f0", 32)
	all[1].Copy = func(_ context.Context, asked, from string) error {
		if asked == name && from == "a" {
			return nil
		}
		return fmt.Errorf("no %s of %s", asked, from)
	}
	a := open(t, all[0])
	open(t, all[1])
	if err := a.AskCopy(within(t), "b", name); err != nil {
		t.Errorf("AskCopy = %v", err)
	}
	if err := a.AskCopy(within(t), "b", other); err == nil || err.Error() != "no "+other+" of a" {
		t.Errorf("AskCopy of another one = %v, want why not", err)
	}
	all[2].Listener.Close()
	if err := a.AskCopy(within(t), "c", name); err == nil {
		t.Error("AskCopy of one that is not there = nil, want an error")
	}
}

func TestReadProgram(t *testing.T) {
	program := bytes.Repeat([]byte("0123456789abcdef"), (2*pieceBytes+512)/16)
	sum := sha256.Sum256(program)
	name := hex.EncodeToString(sum[:])
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, program, 0o600); err != nil {
		t.Fatal(err)
	}
	all := trio(t)
	all[1].Program = func(asked string) (*os.File, int64, error) {
		if asked != name {
			return nil, 0, fmt.Errorf("program %s: %w", asked, fs.ErrNotExist)
		}
		f, err := os.Open(path)
		return f, int64(len(program)), err
	}
	a := open(t, all[0])
	open(t, all[1])
	for _, from := range []int{0, 1, pieceBytes, len(program)} {
		var got []byte
		err := a.ReadProgram(within(t), "b", name, int64(from), func(data []byte, offset, total int64) error {
			if int(offset) != from+len(got) || int(total) != len(program) {
				t.Errorf("a piece at %d of %d, want at %d of %d", offset, total, from+len(got), len(program))
			}
			got = append(got, data...)
			return nil
		})
		if err != nil || !bytes.Equal(got, program[from:]) {
			t.Errorf("ReadProgram from %d gives %d bytes, %v, want %d", from, len(got), err, len(program)-from)
		}
	}
	nothing := func([]byte, int64, int64) error { return nil }
	for _, tt := range []struct {
		name, program string
		offset        int64
		want          string
	}{
		{"not there", strings.Repeat("0", 64), 0, "not exist"},
		{"no name", "../../etc/passwd", 0, "is not named by a sha256"},
		{"beyond its end", name, int64(len(program)) + 1, "offset: is"},
		{"before its beginning", name, -1, "offset: is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := a.ReadProgram(within(t), "b", tt.program, tt.offset, nothing); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadProgram(%s, %d) = %v, want %q", tt.program, tt.offset, err, tt.want)
			}
		})
	}
	enough := errors.New("enough")
	if err := a.ReadProgram(within(t), "b", name, 0, func([]byte, int64, int64) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("ReadProgram that is stopped = %v, want %v", err, enough)
	}
}

package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/secure/securetest"
)

func TestCertificatesRefuse(t *testing.T) {
	ours, other := securetest.New(t, "ours"), securetest.New(t, "other")
	cert, key := ours.Issue(t, "good", "", nil)
	otherCert, otherKey := other.Issue(t, "other", "", nil)
	expired, expiredKey := ours.Issue(t, "expired", "", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	early, earlyKey := ours.Issue(t, "early", "", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })
	serverOnly, serverOnlyKey := ours.Issue(t, "server", "", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	open, openKey := ours.Issue(t, "open", "", nil)
	if err := os.Chmod(openKey, 0o644); err != nil {
		t.Fatal(err)
	}
	text := securetest.File(t, "text", "hello\n")
	tests := []struct {
		name string
		c    Certificates
		want string
	}{
		{"good", Certificates{cert, key, ours.File}, ""},
		{"no key", Certificates{cert, "", ours.File}, "--tls-key is missing"},
		{"authority alone", Certificates{"", "", ours.File}, "--tls-cert and --tls-key is missing"},
		{"absent certificate", Certificates{cert + "x", key, ours.File}, "open the certificate " + cert + "x: no such file"},
		{"absent key", Certificates{cert, key + "x", ours.File}, "open the private key"},
		{"absent authority", Certificates{cert, key, ours.File + "x"}, "open the authority's certificate"},
		{"text for a certificate", Certificates{text, key, ours.File}, "the certificate " + text + " holds no certificate in PEM"},
		{"text for a key", Certificates{cert, text, ours.File}, "holds no private key in PEM"},
		{"text for an authority", Certificates{cert, key, text}, "the authority's certificate " + text + " holds no certificate"},
		{"key for a certificate", Certificates{key, key, ours.File}, "holds no certificate in PEM"},
		{"key of another", Certificates{cert, otherKey, ours.File}, "is that of another certificate"},
		{"another authority", Certificates{otherCert, otherKey, ours.File}, "was not signed by the authority in"},
		{"expired", Certificates{expired, expiredKey, ours.File}, "expired at"},
		{"not valid yet", Certificates{early, earlyKey, ours.File}, "is not valid before"},
		{"a server's", Certificates{serverOnly, serverOnlyKey, ours.File}, "may not be used as a client's"},
		{"a key that others may read", Certificates{open, openKey, ours.File}, "chmod 600"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := test.c.Client()
			wantError(t, "Client()", err, test.want)
		})
	}
	if _, err := (Certificates{serverOnly, serverOnlyKey, ours.File}).Server(); err != nil {
		t.Errorf("Server() = %v, want no error", err)
	}
	if (Certificates{}).Given() || !(Certificates{CA: "x"}).Given() {
		t.Error("Given() is wrong about no files or about one")
	}
}

// TestHandshake connects real ends.
func TestHandshake(t *testing.T) {
	ours, other := securetest.New(t, "ours"), securetest.New(t, "other")
	config := func(a *securetest.Authority, name string, change func(*x509.Certificate)) Certificates {
		cert, key := a.Issue(t, name, "", change)
		return Certificates{cert, key, a.File}
	}
	server, err := config(ours, "server", nil).Server()
	if err != nil {
		t.Fatal(err)
	}
	good, err := config(ours, "client", nil).Client()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := config(other, "client", nil).Client()
	if err != nil {
		t.Fatal(err)
	}
	foreign.RootCAs = good.RootCAs // it believes the server, which must not believe it
	none := &tls.Config{RootCAs: good.RootCAs}
	old := good.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	elsewhere := good.Clone()
	elsewhere.ServerName = "elsewhere.example"
	tests := []struct {
		name   string
		client *tls.Config
		ok     bool
	}{
		{"of one cluster", good, true},
		{"another cluster's certificate", foreign, false},
		{"no certificate", none, false},
		{"TLS 1.2", old, false},
		{"another name", elsewhere, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			version, err := handshake(t, server, test.client)
			if (err == nil) != test.ok {
				t.Errorf("handshake = %v, want success to be %v", err, test.ok)
			}
			if err == nil && version != tls.VersionTLS13 {
				t.Errorf("handshake = version %x, want %x", version, tls.VersionTLS13)
			}
		})
	}
}

// TestClientRefusesOldServers holds that a client asks for TLS 1.3 whoever
// answers.
func TestClientRefusesOldServers(t *testing.T) {
	ours := securetest.New(t, "ours")
	cert, key := ours.Issue(t, "both", "", nil)
	files := Certificates{cert, key, ours.File}
	server, err := files.Server()
	if err != nil {
		t.Fatal(err)
	}
	client, err := files.Client()
	if err != nil {
		t.Fatal(err)
	}
	server.MinVersion, server.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if version, err := handshake(t, server, client); err == nil {
		t.Errorf("handshake with a server of TLS 1.2 = version %x, want an error", version)
	}
}

// handshake connects a client with a server, and reads a byte from it: in TLS 1.3
// a client learns only then that it was refused.
func handshake(t *testing.T, server, client *tls.Config) (version uint16, err error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := l.Accept()
		if err != nil {
			return
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		c.Write([]byte{1}) // fails with the handshake
		c.Close()
	}()
	defer func() { err = errors.Join(err, l.Close()); <-served }()
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: client}
	c, err := dialer.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		return 0, err
	}
	return c.(*tls.Conn).ConnectionState().Version, nil
}

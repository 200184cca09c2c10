package secure

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/secure/securetest"
)

// place puts files where others are, as who renews certificates does.
func place(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(securetest.File(t, "new", string(data)), to); err != nil {
		t.Fatal(err)
	}
}

// serial names the certificate that a keeper gives.
func serial(t *testing.T, k *keeper) int64 {
	t.Helper()
	cert, err := k.certificate()
	if err != nil {
		t.Fatalf("certificate() = %v, want one", err)
	}
	return cert.Leaf.SerialNumber.Int64()
}

// numbered changes the serial number of a certificate and how long it is valid.
func numbered(n int64, valid time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.SerialNumber.SetInt64(n)
		c.NotAfter = time.Now().Add(valid)
	}
}

func TestKeeperTakesRenewedFiles(t *testing.T) {
	ours, other := securetest.New(t, "ours"), securetest.New(t, "other")
	cert, key := ours.Issue(t, "used", "", numbered(10, time.Hour))
	next, nextKey := ours.Issue(t, "next", "", numbered(11, 2*time.Hour))
	foreign, foreignKey := other.Issue(t, "foreign", "", numbered(12, 3*time.Hour))
	k, _, err := Certificates{cert, key, ours.File}.keep(x509.ExtKeyUsageServerAuth)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	k.now = func() time.Time { return now }
	steps := []struct {
		name string
		do   func()
		wait time.Duration
		want int64
	}{
		{"nothing", func() {}, checkEvery, 10},
		{"the certificate without its key", func() { place(t, next, cert) }, checkEvery, 10},
		{"the key as well, too early to look", func() { place(t, nextKey, key) }, checkEvery / 2, 10},
		{"time to look", func() {}, checkEvery / 2, 11},
		{"another authority's", func() { place(t, foreign, cert); place(t, foreignKey, key) }, checkEvery, 11},
		{"no certificate", func() { os.Remove(cert) }, checkEvery, 11},
		{"the same again", func() { place(t, next, cert); place(t, nextKey, key) }, checkEvery, 11},
	}
	for _, step := range steps {
		step.do()
		now = now.Add(step.wait)
		if got := serial(t, k); got != step.want {
			t.Errorf("%s: the certificate is number %d, want %d", step.name, got, step.want)
		}
	}
	// Whoever is shown a certificate that has expired says so.
	now = now.Add(3 * time.Hour)
	if got := serial(t, k); got != 11 {
		t.Errorf("after its end: the certificate is number %d, want 11", got)
	}
	place(t, foreign, cert)
	now = now.Add(3 * time.Hour)
	_, err = k.certificate()
	wantError(t, "certificate() when it has expired and the files are of no use", err, "is that of another certificate")
}

// TestHandshakeAfterRenewal connects with the same configurations before and
// after the files of both ends are renewed.
func TestHandshakeAfterRenewal(t *testing.T) {
	ours := securetest.New(t, "ours")
	now := time.Now()
	kept := func(n int64, usage x509.ExtKeyUsage) (*keeper, *x509.CertPool, Certificates) {
		cert, key := ours.Issue(t, fmt.Sprint(n), "", numbered(n, time.Hour))
		files := Certificates{cert, key, ours.File}
		k, pool, err := files.keep(usage)
		if err != nil {
			t.Fatal(err)
		}
		k.now = func() time.Time { return now }
		return k, pool, files
	}
	serverKeeper, serverPool, serverFiles := kept(20, x509.ExtKeyUsageServerAuth)
	clientKeeper, clientPool, clientFiles := kept(30, x509.ExtKeyUsageClientAuth)
	server, client := serverConfig(serverKeeper, serverPool), clientConfig(clientKeeper, clientPool)
	// Each side's handler runs in its own goroutine, and both have run when a
	// handshake has ended.
	seen := make(chan int64, 2)
	note := func(s tls.ConnectionState) error {
		seen <- s.PeerCertificates[0].SerialNumber.Int64()
		return nil
	}
	server.VerifyConnection, client.VerifyConnection = note, note
	for i := range int64(2) {
		if i == 1 {
			for n, files := range map[int64]Certificates{21: serverFiles, 31: clientFiles} {
				cert, key := ours.Issue(t, fmt.Sprint(n), "", numbered(n, time.Hour))
				place(t, cert, files.Cert)
				place(t, key, files.Key)
			}
			now = now.Add(checkEvery)
		}
		if _, err := handshake(t, server, client); err != nil {
			t.Fatalf("handshake %d = %v, want no error", i, err)
		}
		if got, want := <-seen+<-seen, 50+2*i; got != want {
			t.Errorf("handshake %d: the certificates' numbers add up to %d, want %d", i, got, want)
		}
	}
}

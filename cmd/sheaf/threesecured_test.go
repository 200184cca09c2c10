package main

import (
	"crypto/x509"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/secure"
	"github.com/sheafdata/sheaf/internal/secure/securetest"
)

// newThreeSecured makes a cluster of three coordinators whose processes all show
// certificates. An impostor is the name of a coordinator that shows one of another
// role.
func newThreeSecured(t *testing.T, impostor string) *threeCluster {
	t.Helper()
	c := newThree(t)
	a := securetest.New(t, "cluster")
	host, _, _ := strings.Cut(c.addresses["c1"], ":")
	files := func(name, uri string) secure.Certificates {
		cert, key := a.Issue(t, name, uri, func(x *x509.Certificate) { x.IPAddresses = append(x.IPAddresses, net.ParseIP(host)) })
		return secure.Certificates{Cert: cert, Key: key, CA: a.File}
	}
	flags := func(f secure.Certificates) []string {
		return []string{"--tls-cert", f.Cert, "--tls-key", f.Key, "--tls-ca", f.CA}
	}
	gossipKey := securetest.File(t, "gossip.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n")
	tokens := securetest.File(t, "tokens", "ada admin "+adminToken+"\n")
	c.more = func(name string) []string {
		role, more := "executor", []string{"--gossip-key", gossipKey}
		if slices.Contains(c.names, name) {
			more = append(more, "--token-file", tokens)
			if name != impostor {
				role = "coordinator"
			}
		}
		return append(more, flags(files(name, "sheaf://"+theID+"/"+role+"/"+name))...)
	}
	client := files("client", "")
	c.run = func(args ...string) outcome {
		env := map[string]string{"SHEAF_CLUSTER": c.address, "SHEAF_TOKEN": adminToken, "SHEAF_TLS_CERT": client.Cert, "SHEAF_TLS_KEY": client.Key, "SHEAF_TLS_CA": client.CA}
		return sheafEnv(t, env, args...)
	}
	c.options.Token = secure.NewSecret(adminToken)
	var err error
	if c.options.TLS, err = client.Client(); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestThreeCoordinatorsSecured kills the leader of coordinators that speak mutual
// TLS.
func TestThreeCoordinatorsSecured(t *testing.T) {
	t.Parallel() // it waits
	c := newThreeSecured(t, "")
	c.start("a")
	gate := filepath.Join(c.dir, "gate")
	job, output := c.begin(c.input("wait " + gate))
	c.until("the executor works", func() bool { return c.running("a") == 1 })
	killed, next := c.takeOver()
	c.touch(gate)
	if rows, want := c.end(job, output), []string{pads(1), "wait\t1"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	c.coordinator(killed)
	c.follows(killed, next)
}

// TestCoordinatorWithAnExecutorsCertificate: who shows one has no part in the
// decisions of the others, and reads why.
func TestCoordinatorWithAnExecutorsCertificate(t *testing.T) {
	t.Parallel() // it waits
	c := newThreeSecured(t, "c3")
	c.start("a")
	c.until("it is told why", func() bool {
		return strings.Contains(c.nodes["c1"].log.String()+c.nodes["c2"].log.String(), `shows a certificate that does not name it: it must have the URI sheaf://`+theID+`/coordinator/c3`)
	})
	leader, _ := c.leader()
	if leader == "c3" {
		t.Error("it leads")
	}
	// Without it there are two, of which one is not enough.
	c.kill(leader)
	c.leaderless(c.but("c3", leader)[0])
}

package secure

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Certificates names the files, in PEM, by which a process proves who it is and
// knows the others of its cluster.
type Certificates struct {
	Cert string // its certificate, with those between it and the authority
	Key  string // the certificate's private key, which others cannot read
	CA   string // the certificates of the cluster's authority
}

// Given reports whether any of the files is named.
func (c Certificates) Given() bool { return c != Certificates{} }

// Server returns the configuration of a listener. It speaks TLS 1.3 alone and
// lets in only who shows a certificate of the cluster's authority. A certificate
// that is renewed in its files counts for connections that are made after that.
func (c Certificates) Server() (*tls.Config, error) {
	k, pool, err := c.keep(x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, err
	}
	return serverConfig(k, pool), nil
}

func serverConfig(k *keeper, pool *x509.CertPool) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: k.server,
		ClientAuth:     tls.RequireAndVerifyClientCert,
		ClientCAs:      pool,
	}
}

// Client returns the configuration of who connects. It speaks TLS 1.3 alone and
// believes only a certificate of the cluster's authority that names the host. A
// certificate that is renewed in its files counts for connections that are made
// after that.
func (c Certificates) Client() (*tls.Config, error) {
	k, pool, err := c.keep(x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, err
	}
	return clientConfig(k, pool), nil
}

func clientConfig(k *keeper, pool *x509.CertPool) *tls.Config {
	return &tls.Config{
		MinVersion:           tls.VersionTLS13,
		GetClientCertificate: k.client,
		RootCAs:              pool,
	}
}

// keep reads the files and returns who looks after them from there on.
func (c Certificates) keep(usage x509.ExtKeyUsage) (*keeper, *x509.CertPool, error) {
	files := []string{c.Cert, c.Key}
	there := look(files)
	cert, pool, err := c.load(usage)
	if err != nil {
		return nil, nil, err
	}
	return newKeeper(cert, there, files, func() (tls.Certificate, error) {
		cert, err := c.pair()
		if err != nil {
			return tls.Certificate{}, err
		}
		return cert, c.verify(cert, pool, usage)
	}), pool, nil
}

// load reads the files and checks that they belong together, so that a wrong one
// is told at the start and not by a failed handshake that names nothing.
func (c Certificates) load(usage x509.ExtKeyUsage) (tls.Certificate, *x509.CertPool, error) {
	none := tls.Certificate{}
	if err := c.complete(); err != nil {
		return none, nil, err
	}
	cert, err := c.pair()
	if err != nil {
		return none, nil, err
	}
	caPEM, err := readFile("authority's certificate", c.CA)
	if err != nil {
		return none, nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(caPEM) {
		return none, nil, fault.New(fault.Invalid, "the authority's certificate %s holds no certificate in PEM", c.CA)
	}
	return cert, pool, c.verify(cert, pool, usage)
}

// pair reads the certificate and its key.
func (c Certificates) pair() (tls.Certificate, error) {
	none := tls.Certificate{}
	certPEM, err := readFile("certificate", c.Cert)
	if err != nil {
		return none, err
	}
	keyPEM, err := readSecretFile("private key", c.Key)
	if err != nil {
		return none, err
	}
	if !holds(certPEM, "CERTIFICATE") {
		return none, fault.New(fault.Invalid, "the certificate %s holds no certificate in PEM", c.Cert)
	}
	if !holds(keyPEM, "PRIVATE KEY") {
		return none, fault.New(fault.Invalid, "the private key %s holds no private key in PEM", c.Key)
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		if strings.Contains(err.Error(), "does not match") {
			return none, fault.New(fault.Invalid, "the private key %s is that of another certificate than %s", c.Key, c.Cert)
		}
		return none, fault.New(fault.Invalid, "the certificate %s with the private key %s: %w", c.Cert, c.Key, err)
	}
	return cert, nil
}

func (c Certificates) complete() error {
	var missing []string
	for _, f := range []struct{ flag, path string }{{"--tls-cert", c.Cert}, {"--tls-key", c.Key}, {"--tls-ca", c.CA}} {
		if f.path == "" {
			missing = append(missing, f.flag)
		}
	}
	if len(missing) > 0 {
		return fault.New(fault.Invalid, "certificates are given by three files together: %s is missing", strings.Join(missing, " and "))
	}
	return nil
}

// holds reports whether PEM text has a block whose type ends so.
func holds(text []byte, kind string) bool {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, kind) {
			return true
		}
		text = rest
	}
}

// verify does what the other end will do, but for the host's name.
func (c Certificates) verify(cert tls.Certificate, pool *x509.CertPool, usage x509.ExtKeyUsage) error {
	between := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		if extra, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(extra)
		}
	}
	leaf, now := cert.Leaf, time.Now()
	switch {
	case now.After(leaf.NotAfter):
		return fault.New(fault.Invalid, "the certificate %s expired at %s: make a new one", c.Cert, leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fault.New(fault.Invalid, "the certificate %s is not valid before %s: is the clock of this machine right?", c.Cert, leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fault.New(fault.Invalid, "the certificate %s was not signed by the authority in %s: take both from the same cluster", c.Cert, c.CA)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch e.Reason {
		case x509.IncompatibleUsage:
			return fault.New(fault.Invalid, "the certificate %s may not be used as a %s's: make one with that extended key usage", c.Cert, usageName(usage))
		case x509.Expired:
			return fault.New(fault.Invalid, "a certificate between %s and the authority in %s, or the authority's own, has expired: make new ones", c.Cert, c.CA)
		}
	}
	return fault.New(fault.Invalid, "the certificate %s under the authority in %s: %w", c.Cert, c.CA, err)
}

func usageName(usage x509.ExtKeyUsage) string {
	if usage == x509.ExtKeyUsageClientAuth {
		return "client"
	}
	return "server"
}

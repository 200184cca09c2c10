package secure

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/sheafdata/sheaf/internal/fault"
)

// CheckListen refuses to listen on an address, host:port, that others can reach
// unless certificates and a gossip key are given: whoever reaches a cluster
// without them runs programs on its machines. An empty host is every address of
// this machine.
func CheckListen(addr string, tlsConfigured, gossipKeyGiven bool) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fault.New(fault.Invalid, "listen on %q: not an address: write host:port, such as 127.0.0.1:7440", addr)
	}
	if loopbackHost(host) {
		return nil
	}
	var missing []string
	if !tlsConfigured {
		missing = append(missing, "certificates (--tls-cert, --tls-key and --tls-ca)")
	}
	if !gossipKeyGiven {
		missing = append(missing, "a gossip key (--gossip-key)")
	}
	if len(missing) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "listen on %s: whoever reaches that address could run programs here: give %s, or listen on %s",
		addr, strings.Join(missing, " and "), net.JoinHostPort("127.0.0.1", port))
}

// Listen listens on an address, host:port, that CheckListen has seen.
func Listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fault.New(fault.Invalid, "listen on %s: another process does: end it, or give another address", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fault.New(fault.Invalid, "listen on %s: this machine does not have that address", addr)
	}
	return nil, fault.New(fault.Invalid, "listen on %s: %w", addr, err)
}

// IsLoopback reports whether an address, host:port, can be reached from this
// machine alone. A name other than localhost cannot be known to.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && loopbackHost(host)
}

// loopbackHost reports whether a host, without its port, is this machine. No
// resolver is asked: who controls a name's answers could say anything.
func loopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Advertise completes the address that others are told, host or host:port, by the
// port that is bound.
func Advertise(given, bound string) (string, error) {
	_, port, err := net.SplitHostPort(bound)
	if err != nil {
		return "", fault.Wrap(fault.Internal, err)
	}
	host, own, err := net.SplitHostPort(given)
	if err != nil {
		host = strings.Trim(given, "[]")
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return "", fault.New(fault.Invalid, "advertise %q: others need an address by which they reach this machine", given)
	}
	if own != "" && own != "0" {
		port = own
	}
	return net.JoinHostPort(host, port), nil
}

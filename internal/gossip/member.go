package gossip

import (
	"cmp"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Role is what a member does for its cluster.
type Role byte

// The roles, by the numbers that members send: a number keeps its meaning for
// ever.
const (
	Coordinator Role = 1
	Executor    Role = 2
)

// String returns the role as a word.
func (r Role) String() string {
	switch r {
	case Coordinator:
		return "coordinator"
	case Executor:
		return "executor"
	}
	return "role(" + strconv.Itoa(int(r)) + ")"
}

func (r Role) known() bool { return r == Coordinator || r == Executor }

// Member is one that gossip takes for alive. A name is that of one member of its
// role: a coordinator and an executor may share theirs.
type Member struct {
	Name string
	Role Role
	// Address is where the member answers calls, host:port: a coordinator's
	// services, or an executor's data port.
	Address string
}

// compare orders members by name, then by role.
func compare(a, b Member) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Role, b.Role))
}

// nodeName is what memberlist calls a member. It knows one kind of names, so the
// role is a part of it.
func nodeName(r Role, name string) string { return r.String() + "/" + name }

const (
	maxNameBytes    = 128
	maxNodeBytes    = maxNameBytes + 16 // a name with its role
	maxClusterBytes = 64
	// maxHostBytes is the length of the longest name of a host (RFC 1035).
	maxHostBytes    = 253
	maxAddressBytes = maxHostBytes + len(":65535")
)

// checkName refuses names that do not fit into every message, or would garble a
// line of a log. what says in the message what is named.
func checkName(what, name string, limit int) error {
	if name == "" || len(name) > limit || !utf8.ValidString(name) || strings.ContainsFunc(name, odd) {
		return fault.New(fault.Invalid, "%s %q: want 1 to %d bytes of letters, digits and signs, without blanks", what, name, limit)
	}
	return nil
}

func odd(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }

// checkAddress refuses what is no address that others can connect to.
func checkAddress(what, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && validHost(host) && validPort(port) && len(addr) <= maxAddressBytes {
		return nil
	}
	return fault.New(fault.Invalid, "%s %q is not an address that others can connect to: write host:port, such as 10.0.0.7:7440", what, addr)
}

// validPort reports whether a port is a number that can be connected to.
func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n != 0 && strconv.FormatUint(n, 10) == port
}

// validHost reports whether a host is an address without a zone, which is of no
// use on another machine, or may be a name.
func validHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == "" && !ip.IsUnspecified()
	}
	return host != "" && len(host) <= maxHostBytes && !strings.ContainsFunc(host, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '.' || r == '_')
	})
}

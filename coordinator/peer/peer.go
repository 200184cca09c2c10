// Package peer is how the coordinators of one cluster reach each other: the names
// and addresses of all, and a Port of one, over which the journal's messages and
// programs go. It serves package coordinator alone. Who knocks without a
// certificate of a coordinator of the cluster gets nothing, but on loopback, where
// whoever is on the machine may do everything. docs/format/peers.md describes the
// bytes.
//
// A Port owns the goroutine that accepts and one for each connection until it is
// handed over or done; Close ends them.
package peer

import (
	"net"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Peer is one of the coordinators of a cluster.
type Peer struct {
	// Name tells it from the others. The journal and its certificate name it so,
	// for good: the address may change over restarts.
	Name string
	// Address is where the others reach it, as host:port.
	Address string
}

// Count is how many coordinators there are where there is more than one. With
// two, the end of either would be the end of both.
const Count = 3

// maxName bounds a name.
const maxName = 100

// maxAddress bounds an address: a host's name and a port.
const maxAddress = 259

// example is what errors show.
const example = "write name=host:port of each with commas between them, such as a=10.0.0.1:7444,b=10.0.0.2:7444,c=10.0.0.3:7444"

// Parse reads peers as text, NAME=HOST:PORT with commas between them, and checks
// them. Its errors are of kind Invalid and say what to write.
func Parse(text string) ([]Peer, error) {
	var all []Peer
	for part := range strings.SplitSeq(text, ",") {
		name, address, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, fault.New(fault.Invalid, "%q has no name: %s", part, example)
		}
		all = append(all, Peer{Name: name, Address: address})
	}
	return all, Check(all)
}

// Check refuses peers that cannot work together.
func Check(all []Peer) error {
	names, addresses := map[string]bool{}, map[string]bool{}
	for _, p := range all {
		if err := p.check(); err != nil {
			return err
		}
		if names[p.Name] || addresses[p.Address] {
			return fault.New(fault.Invalid, "%s=%s: the name or the address is that of another one too: %s", p.Name, p.Address, example)
		}
		names[p.Name], addresses[p.Address] = true, true
	}
	switch len(all) {
	case Count:
		return nil
	case 2:
		return fault.New(fault.Invalid, "2 coordinators: with two, the end of either is the end of both: name 3, so that any one of them may end, or run one alone")
	}
	return fault.New(fault.Invalid, "%d coordinators: name 3, so that any one of them may end, or run one alone", len(all))
}

func (p Peer) check() error {
	if p.Name == "" || len(p.Name) > maxName || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return fault.New(fault.Invalid, "%q is no name of a coordinator: use 1 to %d letters, digits, hyphens, dots and underscores", p.Name, maxName)
	}
	host, port, err := net.SplitHostPort(p.Address)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || host == "" || n == 0 || len(p.Address) > maxAddress {
		return fault.New(fault.Invalid, "%q is no address of coordinator %s that others reach: %s", p.Address, p.Name, example)
	}
	return nil
}

// find returns a peer by its name.
func find(all []Peer, name string) (Peer, bool) {
	for _, p := range all {
		if p.Name == name {
			return p, true
		}
	}
	return Peer{}, false
}

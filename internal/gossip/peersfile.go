package gossip

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/sheafdata/sheaf/internal/storage"
)

// peersHeader begins a file of peers; its cluster follows. The file is described
// in docs/format/gossip.md.
const peersHeader = "sheaf-gossip-peers 1 "

// maxPeersBytes bounds a file of peers: maxPeers of the longest addresses need
// less.
const maxPeersBytes = 8 << 10

// encodePeers returns the content of a file of peers.
func encodePeers(cluster string, all []peer) []byte {
	b := append([]byte(peersHeader+cluster), '\n')
	for _, p := range all {
		b = append(b, p.String()...)
		b = append(b, '\n')
	}
	return b
}

var errNoPeers = errors.New("it is not a file of peers, or a damaged one")

// decodePeers reads the content of a file of peers. It trusts nothing: a wrong
// address costs a connection that leads nowhere, but one wrong line says that the
// others may be as wrong.
func decodePeers(cluster string, b []byte) ([]peer, error) {
	text, ended := strings.CutSuffix(string(b), "\n")
	lines := strings.Split(text, "\n")
	of, ok := strings.CutPrefix(lines[0], peersHeader)
	switch {
	case !ended || !ok || len(b) > maxPeersBytes || len(lines) > 1+maxPeers:
		return nil, errNoPeers
	case of != cluster:
		return nil, fmt.Errorf("it is of the cluster %q", of)
	}
	all := make([]peer, 0, len(lines)-1)
	for _, line := range lines[1:] {
		p, ok := decodePeer(line)
		if !ok || slices.ContainsFunc(all, func(q peer) bool { return q.address == p.address }) {
			return nil, errNoPeers
		}
		all = append(all, p)
	}
	return all, nil
}

// String returns the line of a peer.
func (p peer) String() string { return roleWord(p.role) + " " + p.address.String() }

// roleWord is a role in a file of peers.
func roleWord(r Role) string {
	if r == 0 {
		return "unknown"
	}
	return r.String()
}

func decodePeer(line string) (peer, bool) {
	role, text, _ := strings.Cut(line, " ")
	address, err := netip.ParseAddrPort(text)
	p := peer{address: address}
	for _, r := range []Role{0, Coordinator, Executor} {
		if roleWord(r) == role {
			p.role = r
		}
	}
	ip := address.Addr()
	ok := err == nil && address.Port() != 0 && ip.Zone() == "" && !ip.Is4In6() && !ip.IsUnspecified()
	// Only what is written is read: one address in two spellings would be two.
	return p, ok && line == p.String()
}

// readPeers reads a file of peers. One that is not there has none.
func readPeers(path, cluster string) ([]peer, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxPeersBytes+1))
	if err != nil {
		return nil, err
	}
	return decodePeers(cluster, b)
}

// writePeers writes a file of peers, whole or not at all.
func writePeers(path, cluster string, all []peer) error {
	return storage.WriteWhole(path, encodePeers(cluster, all))
}

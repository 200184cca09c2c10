package gossip

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/memberlist"
)

// metadata is what a member tells of itself beside its name and where it
// gossips. Its bytes are in docs/format/gossip.md.
type metadata struct {
	cluster clusterDigest
	role    Role
	address string
}

// clusterDigest tells clusters apart.
type clusterDigest [8]byte

func digestOf(cluster string) clusterDigest {
	sum := sha256.Sum256([]byte(cluster))
	return clusterDigest(sum[:])
}

const (
	metadataVersion = 1
	// metadataFixed are the bytes before the address: version, cluster, role and
	// the address's length.
	metadataFixed = 1 + len(clusterDigest{}) + 1 + 2
	// metadataMax bounds what a member tells of itself.
	metadataMax = metadataFixed + maxAddressBytes
)

// memberlist panics when a member tells more of itself than this.
const _ = uint(memberlist.MetaMaxSize - metadataMax)

// encode returns the bytes of metadata whose address has been checked.
func (m metadata) encode() []byte {
	b := make([]byte, 0, metadataFixed+len(m.address))
	b = append(b, metadataVersion)
	b = append(b, m.cluster[:]...)
	b = append(b, byte(m.role))
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.address)))
	return append(b, m.address...)
}

// decodeMetadata reads what anybody may have sent. The role may be one that is
// not known here. Bytes behind the address are for versions to come that add
// something, and are passed over.
func decodeMetadata(b []byte) (metadata, error) {
	var m metadata
	switch {
	case len(b) == 0:
		return m, errors.New("no metadata")
	case b[0] != metadataVersion:
		return m, fmt.Errorf("metadata of version %d, want %d", b[0], metadataVersion)
	case len(b) < metadataFixed:
		return m, fmt.Errorf("metadata of %d bytes, want at least %d", len(b), metadataFixed)
	}
	n := copy(m.cluster[:], b[1:])
	m.role = Role(b[1+n])
	size := int(binary.BigEndian.Uint16(b[metadataFixed-2:]))
	if rest := len(b) - metadataFixed; size > min(rest, maxAddressBytes) {
		return m, fmt.Errorf("metadata with an address of %d bytes, of which %d are there; the limit is %d", size, rest, maxAddressBytes)
	}
	m.address = string(b[metadataFixed:][:size])
	return m, checkAddress("the member's address", m.address)
}

// memberOf returns the member that memberlist knows by a name and its metadata.
func memberOf(node string, m metadata) (Member, error) {
	name, ok := strings.CutPrefix(node, nodeName(m.role, ""))
	if !ok || checkName("", name, maxNameBytes) != nil {
		return Member{}, fmt.Errorf("a name that is not one of role %v", m.role)
	}
	return Member{Name: name, Role: m.role, Address: m.address}, nil
}

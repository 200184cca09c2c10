package secure

import (
	"encoding/base64"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
)

// gossipKeyBytes is the size of a key of AES-256.
const gossipKeyBytes = 32

// ReadGossipKey reads the key that members of a cluster encrypt gossip with: a
// file that others cannot read, with 32 bytes in base64. Reveal returns the
// bytes.
func ReadGossipKey(path string) (Secret, error) {
	text, err := readSecretFile("gossip key", path)
	if err != nil {
		return Secret{}, err
	}
	// The decoder's errors would quote what was read.
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return Secret{}, fault.New(fault.Invalid, "the gossip key %s is not base64: %s", path, makeKey)
	}
	if len(key) != gossipKeyBytes {
		return Secret{}, fault.New(fault.Invalid, "the gossip key %s has %d bytes, want %d: %s", path, len(key), gossipKeyBytes, makeKey)
	}
	return NewSecret(string(key)), nil
}

// makeKey says how a key or a token is made anew.
const makeKey = "make one by head -c 32 /dev/urandom | base64"

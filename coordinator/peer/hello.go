package peer

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// magic begins every connection; its last digit is the version.
const magic = "sheafpr1"

// kind says what a connection is for.
type kind byte

const (
	forJournal kind = 1
	forProgram kind = 2
	forCopy    kind = 3
)

// known reports whether this version knows a kind.
func (k kind) known() bool { return k >= forJournal && k <= forCopy }

// clusterBytes is the size of a cluster's id.
const clusterBytes = 16

// hello is what who connects says of itself first.
type hello struct {
	kind    kind
	cluster string // 32 hexadecimal digits
	name    string
	address string // where clients reach it
}

var errForeign = errors.New("what came is not how a coordinator begins")

func (h hello) append(b []byte) ([]byte, error) {
	cluster, err := hex.DecodeString(h.cluster)
	if err != nil || len(cluster) != clusterBytes || len(h.name) > maxName || len(h.address) > maxAddress {
		return nil, fmt.Errorf("hello of %q of cluster %q at %q: too long, or no cluster", h.name, h.cluster, h.address)
	}
	b = append(append(b, magic...), byte(h.kind))
	b = append(b, cluster...)
	b = append(append(b, byte(len(h.name))), h.name...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.address)))
	return append(b, h.address...), nil
}

// readHello reads no byte beyond a hello.
func readHello(r io.Reader) (h hello, err error) {
	var fixed [len(magic) + 1 + clusterBytes + 1]byte
	// The magic alone first: another protocol may be shorter and wait for an answer.
	if _, err := io.ReadFull(r, fixed[:len(magic)]); err != nil {
		return h, err
	}
	if string(fixed[:len(magic)]) != magic {
		return h, errForeign
	}
	rest := fixed[len(magic):]
	if _, err := io.ReadFull(r, rest); err != nil {
		return h, err
	}
	h.kind, h.cluster = kind(rest[0]), hex.EncodeToString(rest[1:1+clusterBytes])
	if h.name, err = readText(r, int(rest[1+clusterBytes]), maxName); err != nil {
		return h, err
	}
	n, err := readLength(r)
	if err != nil {
		return h, err
	}
	h.address, err = readText(r, n, maxAddress)
	return h, err
}

// readLength reads a length of two bytes.
func readLength(r io.Reader) (int, error) {
	var b [2]byte
	_, err := io.ReadFull(r, b[:])
	return int(binary.BigEndian.Uint16(b[:])), err
}

func readText(r io.Reader, n, limit int) (string, error) {
	if n > limit {
		return "", errForeign
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return string(b), err
}

// maxRefusal bounds the words of a refusal.
const maxRefusal = 1 << 10

// refusal is an answer: nothing for yes, else why not.
func appendAnswer(b []byte, refusal string) []byte {
	refusal = refusal[:min(len(refusal), maxRefusal)]
	b = binary.BigEndian.AppendUint16(b, uint16(len(refusal)))
	return append(b, refusal...)
}

// refused is a refusal that the other side gave.
type refused string

// Error returns what the other side said.
func (r refused) Error() string { return string(r) }

// readAnswer returns nil for yes, and a refused for no.
func readAnswer(r io.Reader) error {
	n, err := readLength(r)
	if err != nil || n == 0 {
		return err
	}
	text, err := readText(r, n, maxRefusal)
	if err != nil {
		return err
	}
	return refused(text)
}

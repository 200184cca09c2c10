package secure

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
)

// Role is what the holder of a token may do. A higher one may do all that lower
// ones may.
type Role uint8

// The roles. None is the zero value and may do nothing.
const (
	None   Role = iota
	Read        // look at jobs, their logs and nodes
	Submit      // submit and cancel jobs
	Admin       // change the cluster
)

var roleNames = [...]string{"none", "read", "submit", "admin"}

// String returns the role's name.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

func parseRole(name string) (Role, bool) {
	for r, n := range roleNames {
		if n == name && Role(r) != None {
			return Role(r), true
		}
	}
	return None, false
}

const (
	// minTokenBytes keeps out what somebody made up: a guess must be hopeless.
	minTokenBytes = 20
	maxTokenBytes = 512
	maxTokens     = 4096

	// hashPrefix marks a token that is given by its sha256 in hexadecimal, so that
	// who reads the file cannot use it.
	hashPrefix = "sha256:"
)

// Tokens are the tokens that a cluster knows. They are kept as hashes.
type Tokens struct{ entries []tokenEntry }

type tokenEntry struct {
	name string
	role Role
	hash [sha256.Size]byte
}

// ReadTokens reads a token file, which others must not be able to read. A line
// holds a name, a role (read, submit, admin) and a token or, behind "sha256:",
// its sha256 in hexadecimal. Empty lines and those that begin with "#" mean
// nothing.
func ReadTokens(path string) (*Tokens, error) {
	text, err := readSecretFile("token file", path)
	if err != nil {
		return nil, err
	}
	t, err := parseTokens(text)
	if err != nil {
		return nil, fault.New(fault.Invalid, "token file %s: %w", path, err)
	}
	return t, nil
}

func parseTokens(text []byte) (*Tokens, error) {
	t := new(Tokens)
	names, hashes := make(map[string]int), make(map[[sha256.Size]byte]int)
	number := 0
	for line := range bytes.Lines(text) {
		number++
		fields := strings.Fields(string(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		e, err := parseToken(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if first, ok := names[e.name]; ok {
			return nil, fmt.Errorf("line %d: the name %q stands in line %d already", number, e.name, first)
		}
		if first, ok := hashes[e.hash]; ok {
			return nil, fmt.Errorf("line %d: the token stands in line %d already: give each name its own", number, first)
		}
		names[e.name], hashes[e.hash] = number, number
		if t.entries = append(t.entries, e); len(t.entries) > maxTokens {
			return nil, fmt.Errorf("line %d: more than %d tokens", number, maxTokens)
		}
	}
	if len(t.entries) == 0 {
		return nil, fmt.Errorf("no token in it: write a line with a name, a role (read, submit, admin) and a token")
	}
	return t, nil
}

// parseToken reads the fields of one line. Its errors never quote the token, nor
// what stands in another field's place and might be one.
func parseToken(fields []string) (tokenEntry, error) {
	var e tokenEntry
	if len(fields) != 3 {
		return e, fmt.Errorf("%d fields, want 3: a name, a role (read, submit, admin) and a token", len(fields))
	}
	role, ok := parseRole(fields[1])
	if !ok {
		return e, fmt.Errorf("the second field is no role: write read, submit or admin")
	}
	e.name, e.role = fields[0], role
	if digits, ok := strings.CutPrefix(fields[2], hashPrefix); ok {
		hash, err := hex.DecodeString(digits)
		if err != nil || len(hash) != len(e.hash) {
			return e, fmt.Errorf("after %q come 64 hexadecimal digits, the sha256 of a token", hashPrefix)
		}
		copy(e.hash[:], hash)
		// What a shell makes of a variable that is not set: who shows no token at
		// all would be let in.
		if e.hash == sha256.Sum256(nil) || e.hash == sha256.Sum256([]byte("\n")) {
			return e, fmt.Errorf("the sha256 after %q is that of an empty token: was a variable not set when it was made?", hashPrefix)
		}
		return e, nil
	}
	if err := checkToken(fields[2]); err != nil {
		return e, err
	}
	e.hash = sha256.Sum256([]byte(fields[2]))
	return e, nil
}

// checkToken refuses what cannot be sent in a header or is too easy to guess.
func checkToken(token string) error {
	switch {
	case len(token) < minTokenBytes:
		return fmt.Errorf("the token has %d bytes, want %d or more: %s", len(token), minTokenBytes, makeKey)
	case len(token) > maxTokenBytes:
		return fmt.Errorf("the token has %d bytes, at most %d: %s", len(token), maxTokenBytes, makeKey)
	}
	for _, c := range []byte(token) {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("the token holds a byte that cannot be sent: use letters, digits and punctuation of ASCII")
		}
	}
	return nil
}

// Lookup returns whose a token is. It takes the same time for every token.
func (t *Tokens) Lookup(token string) (name string, role Role, ok bool) {
	hash := sha256.Sum256([]byte(token))
	found := -1
	for i := range t.entries {
		// No end of the loop at a match, and the names are taken after it.
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], t.entries[i].hash[:]), i, found)
	}
	if found < 0 {
		return "", None, false
	}
	return t.entries[found].name, t.entries[found].role, true
}

// ReadToken reads the token of a client: a file that others cannot read and that
// holds nothing else.
func ReadToken(path string) (Secret, error) {
	text, err := readSecretFile("token", path)
	if err != nil {
		return Secret{}, err
	}
	token, err := ParseToken(string(text))
	if err != nil {
		return Secret{}, fault.New(fault.Invalid, "token %s: %w", path, err)
	}
	return token, nil
}

// ParseToken checks the token of a client, without the white space around it.
func ParseToken(text string) (Secret, error) {
	token := strings.TrimSpace(text)
	if err := checkToken(token); err != nil {
		return Secret{}, fault.Wrap(fault.Invalid, err)
	}
	return NewSecret(token), nil
}

// Show returns a transport that makes every request show a token, if one is
// given.
func Show(token Secret, next http.RoundTripper) http.RoundTripper {
	if !token.Given() {
		return next
	}
	return shows{next, token}
}

type shows struct {
	next  http.RoundTripper
	token Secret
}

// RoundTrip implements http.RoundTripper.
func (s shows) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	SetToken(r.Header, s.token)
	return s.next.RoundTrip(r)
}

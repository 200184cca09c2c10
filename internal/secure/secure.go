// Package secure keeps the doors of a cluster: which addresses may be listened
// on, certificates for mutual TLS 1.3, the key of gossip, the tokens of clients,
// and who may call what. Daemons ask it when they start and at every request;
// clients take their certificates and tokens from it. Errors are of kind
// Invalid, and those of requests carry the code and the detail that the services
// promise.
//
// The package owns no goroutine. All values are safe for concurrent use: they do
// not change once they are made, but for certificates, which are read again when
// their files change. It never writes a secret anywhere: a Secret prints as
// "[redacted]".
package secure

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/sheafdata/sheaf/internal/fault"
)

// maxFileBytes bounds the files that this package reads. They are small; a
// larger one was named by mistake.
const maxFileBytes = 1 << 20

// readFile reads a file of at most maxFileBytes. what says in messages what the
// file should be.
func readFile(what, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "open the %s %s: %w", what, path, cause(err))
	}
	defer f.Close() // only read
	return readAll(what, f)
}

// readSecretFile is readFile for what nobody but its owner, and a group that was
// given it on purpose, may read or change.
func readSecretFile(what, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "open the %s %s: %w", what, path, cause(err))
	}
	defer f.Close() // only read
	// Of the open file, so that nobody exchanges it in between.
	info, err := f.Stat()
	if err != nil {
		return nil, fault.New(fault.Invalid, "open the %s %s: %w", what, path, cause(err))
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&othersAccess != 0 {
		return nil, fault.New(fault.Invalid, "the %s %s may be read or changed by others (mode %04o): chmod 600 %s", what, path, mode.Perm(), path)
	}
	return readAll(what, f)
}

// othersAccess is all rights of others, and the group's right to write.
const othersAccess fs.FileMode = 0o027

func readAll(what string, f *os.File) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	switch {
	case err != nil:
		return nil, fault.New(fault.Invalid, "read the %s %s: %w", what, f.Name(), cause(err))
	case len(data) > maxFileBytes:
		return nil, fault.New(fault.Invalid, "the %s %s is larger than %d bytes: is it the right file?", what, f.Name(), maxFileBytes)
	}
	return data, nil
}

// cause drops the operation and the path that the os package repeats.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// redacted is what a secret looks like wherever it is printed.
const redacted = "[redacted]"

// Secret is text or bytes that must not be seen: it prints, logs and marshals as
// "[redacted]". The zero value holds nothing.
type Secret struct {
	// A pointer, because fmt asks no method of a field that is not exported: it
	// would show the text of one, and shows the address of this.
	value *string
}

// NewSecret returns a secret.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal returns what must not be seen, for the one place that needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Given reports whether the secret holds anything.
func (s Secret) Given() bool { return s.Reveal() != "" }

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// Format implements fmt.Formatter: no verb shows the value.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, for logs and JSON.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

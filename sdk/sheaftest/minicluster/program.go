package minicluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"
)

// program is this test binary, as it is uploaded.
type program struct {
	path   string
	bytes  int64
	sha256 string
}

// self reads the test binary once for all clusters.
var self = sync.OnceValues(func() (program, error) {
	path, err := os.Executable()
	if err != nil {
		return program{}, fmt.Errorf("find the test binary: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return program{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return program{}, fmt.Errorf("read the test binary: %w", err)
	}
	return program{path, n, hex.EncodeToString(h.Sum(nil))}, nil
})

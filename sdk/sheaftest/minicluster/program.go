package minicluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"sync"
)

// program is what the cluster takes for the user's program: a line of shell that
// becomes this test binary, where it lies. The binary itself has tens of
// megabytes, which would be copied to each executor of each test; under the race
// detector that took longer than the tests.
type program struct {
	text   string
	sha256 string
}

// self makes the program, once for all clusters.
var self = sync.OnceValues(func() (program, error) {
	path, err := os.Executable()
	if err != nil {
		return program{}, fmt.Errorf("find the test binary: %w", err)
	}
	text := "#!/bin/sh\nexec " + quote(path) + "\n"
	sum := sha256.Sum256([]byte(text))
	return program{text, hex.EncodeToString(sum[:])}, nil
})

// quote makes a word of the shell that stands for itself.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

package executor

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// Names inside an executor's first directory.
const (
	nameFile    = "executor"
	clusterFile = "cluster"
	peersFile   = "peers"
	programsDir = "programs"
	jobsDir     = "jobs"
)

// ownName returns the executor's name: as it was given, else the one that the
// directory keeps, else a new one. The name survives restarts, since the map
// outputs in the directory are known to others by it.
func ownName(dir string, given plan.ExecutorID) (plan.ExecutorID, error) {
	path := filepath.Join(dir, nameFile)
	text, err := os.ReadFile(path)
	kept := plan.ExecutorID(strings.TrimSpace(string(text)))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", fault.Wrap(fault.Invalid, err)
	case given != "":
	case kept != "":
		given = kept
	default:
		if given, err = newName(); err != nil {
			return "", err
		}
	}
	if err := checkName(given); err != nil {
		return "", err
	}
	if kept == given {
		return given, nil
	}
	return given, fault.Wrap(fault.Invalid, storage.WriteWhole(path, []byte(given+"\n")))
}

// newName makes a name of the machine's and some digits: several executors may
// share a machine.
func newName() (plan.ExecutorID, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fault.Wrap(fault.Invalid, fmt.Errorf("the machine has no name, so give the executor one: %w", err))
	}
	host, _, _ = strings.Cut(host, ".")
	var digits [3]byte
	rand.Read(digits[:])
	return plan.ExecutorID(host + "-" + hex.EncodeToString(digits[:])), nil
}

// maxName keeps names short enough for gossip and tables.
const maxName = 100

func checkName(name plan.ExecutorID) error {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r) {
			return fault.New(fault.Invalid, "executor name %q: write letters, digits, hyphens, dots and underscores", name)
		}
	}
	if name == "" || len(name) > maxName {
		return fault.New(fault.Invalid, "executor name %q has %d bytes, want 1 to %d", name, len(name), maxName)
	}
	return nil
}

// keptCluster returns the cluster that a directory belongs to, empty for none.
func keptCluster(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, clusterFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), fault.Wrap(fault.Invalid, err)
}

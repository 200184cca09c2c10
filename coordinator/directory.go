package coordinator

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/filelock"
	"github.com/sheafdata/sheaf/internal/storage"
)

// directory is a locked data directory.
type directory struct {
	lock      *os.File
	clusterID string
}

const (
	lockFile    = "lock"
	clusterFile = "cluster"
	// clusterDigits is the length of a cluster's id.
	clusterDigits = 32
)

// openDirectory locks a data directory and makes it on the first day, then for the
// wanted cluster if one is named. A coordinator that is not alone does not draw an
// id, which the others would not have.
func openDirectory(dir, wanted string, alone bool) (_ *directory, err error) {
	if dir == "" {
		return nil, fault.New(fault.Invalid, "no data directory is given")
	}
	if err := storage.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	d := &directory{}
	d.lock, err = filelock.Take(filepath.Join(dir, lockFile))
	if errors.Is(err, filelock.ErrHeld) {
		err = fault.New(fault.Invalid, "another coordinator runs in this directory: end that one, or choose another --data (%w)", err)
	}
	if err != nil {
		return nil, err
	}
	if d.clusterID, err = clusterID(dir, wanted, alone); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Close frees the directory.
func (d *directory) Close() error { return filelock.Close(d.lock) }

func isClusterID(id string) bool {
	return len(id) == clusterDigits && strings.Trim(id, "0123456789abcdef") == ""
}

// clusterID reads the cluster's id, or takes the wanted one, or draws one.
func clusterID(dir, wanted string, alone bool) (string, error) {
	if wanted != "" && !isClusterID(wanted) {
		return "", fault.New(fault.Invalid, "%q is no id of a cluster: give %d hexadecimal digits in lower case", wanted, clusterDigits)
	}
	path := filepath.Join(dir, clusterFile)
	text, err := os.ReadFile(path)
	if err == nil {
		id := strings.TrimSpace(string(text))
		if !isClusterID(id) {
			return "", fault.New(fault.Corrupt, "%s does not hold %d hexadecimal digits", path, clusterDigits)
		}
		if wanted != "" && wanted != id {
			return "", fault.New(fault.Invalid, "%s belongs to cluster %s, not %s: name that one, or another directory", dir, id, wanted)
		}
		return id, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "journal")); err == nil {
		return "", fault.New(fault.Corrupt, "%s is missing beside a journal: executors would not find their cluster", path)
	}
	id := wanted
	if id == "" {
		var raw [clusterDigits / 2]byte
		rand.Read(raw[:])
		id = hex.EncodeToString(raw[:])
		if !alone {
			return "", fault.New(fault.Invalid, "%s is new, and the coordinators of a cluster must agree on its id: give all of them the same --cluster-id, such as %s, which was drawn just now", dir, id)
		}
	}
	return id, storage.WriteWhole(path, []byte(id+"\n"))
}

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

// openDirectory locks a data directory and makes it on the first day.
func openDirectory(dir string) (_ *directory, err error) {
	if dir == "" {
		return nil, fault.New(fault.Invalid, "no data directory is given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
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
	if d.clusterID, err = clusterID(dir); err != nil {
		return nil, errors.Join(err, d.lock.Close())
	}
	return d, nil
}

// Close frees the directory.
func (d *directory) Close() error { return d.lock.Close() }

// clusterID reads the cluster's id or draws one.
func clusterID(dir string) (string, error) {
	path := filepath.Join(dir, clusterFile)
	text, err := os.ReadFile(path)
	if err == nil {
		id := strings.TrimSpace(string(text))
		if len(id) != clusterDigits || strings.Trim(id, "0123456789abcdef") != "" {
			return "", fault.New(fault.Corrupt, "%s does not hold %d hexadecimal digits", path, clusterDigits)
		}
		return id, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "journal")); err == nil {
		return "", fault.New(fault.Corrupt, "%s is missing beside a journal: executors would not find their cluster", path)
	}
	var raw [clusterDigits / 2]byte
	rand.Read(raw[:])
	id := hex.EncodeToString(raw[:])
	return id, storage.WriteWhole(path, []byte(id+"\n"))
}

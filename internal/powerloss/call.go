//go:build linux && (amd64 || arm64)

package powerloss

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// reader makes an operation of a call. Its thread waits meanwhile, so that what
// the call points to can be read from its memory.
type reader struct {
	*call
	root string
}

// op returns what a call does to the root, nil for nothing.
func (r *reader) op() (*op, error) {
	switch r.number {
	case unix.SYS_OPENAT:
		return r.open()
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT:
		return r.twoNames()
	case unix.SYS_UNLINKAT, unix.SYS_MKDIRAT:
		return r.oneName()
	}
	return r.file()
}

// open is a call that may make a file or cut it.
func (r *reader) open() (*op, error) {
	flags := r.args[2]
	if flags&(unix.O_CREAT|unix.O_TRUNC) == 0 {
		return nil, nil
	}
	path, err := r.name(0, 1)
	if path == "" || err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(r.root, path)); err == nil {
		if flags&unix.O_TRUNC == 0 || flags&unix.O_EXCL != 0 {
			return nil, nil
		}
		return &op{kind: opTruncate, path: path}, nil
	}
	if flags&unix.O_CREAT == 0 {
		return nil, nil
	}
	return &op{kind: opCreate, path: path}, nil
}

func (r *reader) twoNames() (*op, error) {
	from, err := r.name(0, 1)
	if err != nil {
		return nil, err
	}
	to, err := r.name(2, 3)
	if err != nil || from == "" && to == "" {
		return nil, err
	}
	if from == "" || to == "" {
		return nil, fmt.Errorf("a name moves between %q in %s and %q: that is not modelled", from, r.root, to)
	}
	o := &op{kind: opRename, path: from, to: to}
	switch {
	case r.number == unix.SYS_LINKAT:
		o.kind = opLink
	case r.number == unix.SYS_RENAMEAT2 && r.args[4] == unix.RENAME_EXCHANGE:
		o.kind = opExchange
	case r.number == unix.SYS_RENAMEAT2:
		o.flags.noReplace = r.args[4] == unix.RENAME_NOREPLACE
	}
	return o, nil
}

func (r *reader) oneName() (*op, error) {
	path, err := r.name(0, 1)
	if path == "" || err != nil {
		return nil, err
	}
	kind := opMkdir
	if r.number == unix.SYS_UNLINKAT {
		if kind = opUnlink; r.args[2]&unix.AT_REMOVEDIR != 0 {
			kind = opRmdir
		}
	}
	return &op{kind: kind, path: path}, nil
}

// file is a call that takes an open file.
func (r *reader) file() (*op, error) {
	if r.number == unix.SYS_WRITE && int32(r.args[0]) == 1 {
		data, err := r.memory(r.args[1], r.args[2])
		return &op{kind: opSay, data: data}, err
	}
	fd := r.args[0]
	switch r.number {
	case unix.SYS_COPY_FILE_RANGE, unix.SYS_SPLICE:
		fd = r.args[2]
	}
	path, err := r.opened(fd)
	if path == "" || err != nil {
		return nil, err
	}
	switch r.number {
	case unix.SYS_FSYNC, unix.SYS_FDATASYNC:
		return &op{kind: opSync, path: path}, nil
	case unix.SYS_FTRUNCATE:
		return &op{kind: opTruncate, path: path, offset: int64(r.args[1])}, nil
	case unix.SYS_FALLOCATE:
		if r.args[1] == 0 {
			return &op{kind: opExtend, path: path, offset: int64(r.args[2] + r.args[3])}, nil
		}
	case unix.SYS_WRITE:
		offset, appends, err := r.position(fd)
		if err != nil {
			return nil, err
		}
		data, err := r.memory(r.args[1], r.args[2])
		return &op{kind: opWrite, path: path, offset: offset, data: data, flags: opFlags{append: appends}}, err
	case unix.SYS_PWRITE64:
		data, err := r.memory(r.args[1], r.args[2])
		return &op{kind: opWrite, path: path, offset: int64(r.args[3]), data: data}, err
	}
	return nil, fmt.Errorf("system call %d on %s is not modelled", r.number, path)
}

// inside returns a path below the root, "" for one that is elsewhere.
func (r *reader) inside(path string) string {
	rel, err := filepath.Rel(r.root, path)
	if err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	return rel
}

func (r *reader) proc(parts ...string) string {
	return filepath.Join(append([]string{"/proc", strconv.Itoa(int(r.thread))}, parts...)...)
}

// opened returns the path of an open file, "" if it is elsewhere or has none.
func (r *reader) opened(fd uint64) (string, error) {
	path, err := os.Readlink(r.proc("fd", strconv.Itoa(int(int32(fd)))))
	if err != nil || !filepath.IsAbs(path) {
		return "", nil // the call will fail, or is for a pipe
	}
	return r.inside(path), nil
}

// name returns the path that two arguments give, a directory and a name.
func (r *reader) name(dir, name int) (string, error) {
	path, err := r.text(r.args[name])
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(path) {
		link := r.proc("cwd")
		if int32(r.args[dir]) != unix.AT_FDCWD {
			link = r.proc("fd", strconv.Itoa(int(int32(r.args[dir]))))
		}
		above, err := os.Readlink(link)
		if err != nil {
			return "", nil // the call will fail
		}
		path = filepath.Join(above, path)
	}
	return r.inside(path), nil
}

// position is where the next write of an open file goes.
func (r *reader) position(fd uint64) (offset int64, appends bool, err error) {
	text, err := os.ReadFile(r.proc("fdinfo", strconv.Itoa(int(int32(fd)))))
	if err != nil {
		return 0, false, err
	}
	var flags int64
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "pos":
			offset, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		case "flags":
			flags, err = strconv.ParseInt(strings.TrimSpace(value), 8, 64)
		}
		if err != nil {
			return 0, false, err
		}
	}
	return offset, flags&unix.O_APPEND != 0, nil
}

// memory reads from the process.
func (r *reader) memory(at, bytes uint64) ([]byte, error) {
	data := make([]byte, bytes)
	if bytes == 0 {
		return data, nil
	}
	n, err := unix.ProcessVMReadv(int(r.thread), []unix.Iovec{{Base: &data[0], Len: bytes}}, []unix.RemoteIovec{{Base: uintptr(at), Len: int(bytes)}}, 0)
	if err != nil || n != len(data) {
		return nil, fmt.Errorf("read %d bytes of a watched process: %d, %w", bytes, n, err)
	}
	return data, nil
}

// text reads a string that ends with a zero, page by page: the next page may not
// be there.
func (r *reader) text(at uint64) (string, error) {
	const page = 4096
	var text []byte
	for len(text) <= unix.PathMax {
		piece, err := r.memory(at, page-at%page)
		if err != nil {
			return "", err
		}
		if end := bytes.IndexByte(piece, 0); end >= 0 {
			return string(append(text, piece[:end]...)), nil
		}
		text, at = append(text, piece...), at+uint64(len(piece))
	}
	return "", fmt.Errorf("a path of more than %d bytes", unix.PathMax)
}

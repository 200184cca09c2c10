package minicluster

import (
	"errors"
	"net"
	"os"
)

// door is the coordinator's port. It stays open while the coordinator is away, so
// that nobody else takes the port: who knocks meanwhile waits.
type door struct {
	address string
	file    *os.File // a listening socket
}

func openDoor() (*door, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	file, err := l.(*net.TCPListener).File() // a descriptor of its own
	if err := errors.Join(err, l.Close()); err != nil {
		return nil, err
	}
	return &door{address: l.Addr().String(), file: file}, nil
}

// listener returns a listener of the door, which the caller closes.
func (d *door) listener() (net.Listener, error) { return net.FileListener(d.file) }

func (d *door) close() { d.file.Close() }

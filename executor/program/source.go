package program

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/wire"
	"github.com/sheafdata/sheaf/shuffle"
	"github.com/sheafdata/sheaf/shuffle/block"
	"github.com/sheafdata/sheaf/shuffle/store"
	"github.com/sheafdata/sheaf/shuffle/transfer"
)

// source is where map outputs come from: the executor's files, and the data
// ports of all executors.
type source struct {
	self   plan.ExecutorID
	own    string // its address; may be empty
	client *transfer.Client
	view   *store.View // of the executor's store

	mu        sync.Mutex // guards what follows
	addresses map[plan.ExecutorID]string
}

// openSource makes the source. The executor's store is around the workspace,
// whose directories lie in it.
func openSource(start *wire.Start) (*source, error) {
	var dirs []string
	for _, d := range start.Directories {
		if parent := filepath.Dir(d); !slices.Contains(dirs, parent) {
			dirs = append(dirs, parent)
		}
	}
	view, err := store.OpenView(dirs)
	if err != nil {
		return nil, err
	}
	s := &source{self: start.Executor, own: start.DataAddress, view: view, addresses: map[plan.ExecutorID]string{}}
	s.set(start.Executors)
	s.client = transfer.NewClient(s.address, transfer.Options{Self: start.Executor, Local: view})
	return s, nil
}

// of returns the source of one attempt.
func (s *source) of(b *memory.Budget) shuffle.Source { return s.client.Task(b) }

// set takes over what is said of addresses. That of this executor stays, since
// it is known from the start.
func (s *source) set(e wire.Executors) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Complete {
		clear(s.addresses)
	}
	for _, a := range e.Addresses {
		if a.Address == "" {
			delete(s.addresses, a.Executor)
			continue
		}
		s.addresses[a.Executor] = a.Address
	}
	if s.own != "" {
		s.addresses[s.self] = s.own
	}
}

// address returns the base URL of an executor's data port.
func (s *source) address(id plan.ExecutorID) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	address, ok := s.addresses[id]
	if !ok {
		return "", fault.New(fault.Fetch, "executor %s has left, or is not known here yet", id)
	}
	if strings.Contains(address, "://") {
		return address, nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return "", fault.New(fault.Fetch, "executor %s has a data port that is no host:port: %w", id, err)
	}
	return "http://" + address, nil
}

func (s *source) close() error {
	s.client.Close()
	return s.view.Close()
}

// codecOf returns the codec of that name, or the default.
func codecOf(name string) (block.Codec, error) {
	if name == "" {
		return block.S2, nil
	}
	codec, err := block.ParseCodec(name)
	return codec, fault.Wrap(fault.Invalid, err)
}

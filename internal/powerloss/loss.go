package powerloss

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// Fate is what becomes of something that was not synced.
type Fate int

// The fates.
const (
	Lost    Fate = iota // as it was at the last sync
	Kept                // as if it had been synced
	Any                 // drawn for each name and each write; bytes may also be cut off
	Oldest              // of names: the oldest change is lost, others are kept
	Zeros               // of bytes: they read as zeros, the size is kept
	Garbage             // of bytes: they are others, the size is kept
)

// String names a fate.
func (f Fate) String() string {
	return [...]string{"lost", "kept", "any", "oldest lost", "zeros", "garbage"}[f]
}

// Loss says what a loss of power does.
type Loss struct {
	Names, Bytes Fate
	Seed         uint64 // of what is drawn
}

// Corners are the losses that treat everything alike.
func Corners() []Loss {
	var list []Loss
	for _, names := range []Fate{Lost, Kept} {
		for _, bytes := range []Fate{Lost, Kept, Zeros, Garbage} {
			list = append(list, Loss{Names: names, Bytes: bytes, Seed: 1})
		}
	}
	return append(list, Loss{Names: Oldest, Bytes: Kept})
}

// Drawn are n losses that decide about each name and each write by itself.
func Drawn(seed uint64, n int) []Loss {
	var list []Loss
	for i := range n {
		list = append(list, Loss{Any, Any, seed + uint64(i)})
	}
	return list
}

// String describes a loss so that it can be repeated.
func (l Loss) String() string {
	return fmt.Sprintf("names %v, bytes %v, seed %d", l.Names, l.Bytes, l.Seed)
}

// Crash writes into an empty directory what a loss leaves of the disk, which
// stays as it is.
func (d *Disk) Crash(l Loss, dir string) error {
	random := rand.New(rand.NewPCG(l.Seed, 0))
	return l.write(dir, d.root, d.survivors(l, random), random)
}

// survivors are the names of each directory after a loss.
func (d *Disk) survivors(l Loss, random *rand.Rand) func(*node) map[string]*node {
	changed := map[*node]map[string]*node{}
	for i, c := range d.pending {
		if l.Names == Lost || l.Names == Oldest && i == 0 || l.Names == Any && random.IntN(2) == 0 {
			continue
		}
		for _, e := range c.names {
			if changed[e.dir] == nil {
				changed[e.dir] = maps.Clone(e.dir.safeNames)
			}
			e.change(changed[e.dir])
		}
	}
	return func(n *node) map[string]*node {
		if names := changed[n]; names != nil {
			return names
		}
		return n.safeNames
	}
}

func (l Loss) write(path string, n *node, names func(*node) map[string]*node, random *rand.Rand) error {
	if !n.dir {
		return l.remains(n, random).write(path)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	here := names(n)
	for _, name := range slices.Sorted(maps.Keys(here)) {
		if err := l.write(filepath.Join(path, name), here[name], names, random); err != nil {
			return err
		}
	}
	return nil
}

// write makes a file, which is sparse where the content is.
func (c content) write(path string) error {
	if err := os.WriteFile(path, c.data, 0o666); err != nil {
		return err
	}
	return os.Truncate(path, c.size)
}

// remains is what a loss leaves of a file.
func (l Loss) remains(n *node, random *rand.Rand) content {
	if len(n.unsynced) == 0 && !n.resized || l.Bytes == Lost {
		return n.safeBytes
	}
	if l.Bytes == Kept {
		return n.bytes
	}
	c := n.safeBytes.clone()
	if l.Bytes != Any || random.IntN(2) == 0 {
		c.resize(n.bytes.size)
	}
	for _, w := range n.unsynced {
		if data := l.fate(random).of(w.data, random); w.offset+int64(len(data)) <= n.bytes.size {
			c.put(w.offset, data)
		}
	}
	return c
}

// fate is what happens to one write.
func (l Loss) fate(random *rand.Rand) Fate {
	if l.Bytes == Any {
		return []Fate{Lost, Kept, Any, Zeros, Garbage}[random.IntN(5)]
	}
	return l.Bytes
}

// sector is what a disk writes as a whole.
const sector = 512

// of returns what is left of written bytes. Any is a piece from the front.
func (f Fate) of(data []byte, random *rand.Rand) []byte {
	switch f {
	case Lost:
		return nil
	case Any:
		if sectors := len(data) / sector; sectors > 0 {
			return data[:random.IntN(sectors+1)*sector]
		}
		return data[:random.IntN(len(data)+1)]
	case Zeros:
		return make([]byte, len(data))
	case Garbage:
		other := make([]byte, len(data))
		for i := range other {
			other[i] = byte(random.Uint32())
		}
		return other
	}
	return data
}

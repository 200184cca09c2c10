package shuffle

import (
	"bytes"
	"cmp"
	"slices"
	"sort"

	"github.com/sheafdata/sheaf/internal/column"
	"github.com/sheafdata/sheaf/internal/plan"
)

// heavyKeys finds the heaviest keys of rows that come in key order, block by block.
// The rows of a key stand together, so nothing needs to be counted: a few rows of a
// block are looked at, and where neighbours among these have one key, its ends are
// searched for. Keys that reach over the edge of a block are measured exactly, so
// what is missed is a small part of one block. A key's bytes are those of its
// blocks, shared evenly by their rows. A nil one finds nothing. One goroutine uses it.
type heavyKeys struct {
	group func(key []byte) int // as in SortWriter

	// at is the key at hand, whose rows may go on in the next block, if there is one.
	at   heavyKey
	open bool

	heaviest []heavyKey // of those that are over, at most MaxKeyWeights
	// missed is what a key that is not among the heaviest may have at most.
	missed int64
}

// heavyKey is a key of which only the beginning is kept: it may be long, and there
// are several. Its hash tells it from others.
type heavyKey struct {
	hash        uint64
	key         []byte // indexKeyBytes at most
	rows, bytes int64
}

const (
	// lookedAt is how many rows of a block are looked at: a key inside a block
	// with a sixteenth of its rows is found, for 32 comparisons where the block
	// itself takes thousands.
	lookedAt = 32
	// weightShare is the least part of an output's bytes for which a key is named,
	// leastWeightBytes the least that is worth a place in a report.
	weightShare      = 64
	leastWeightBytes = 1 << 10
)

// of returns what of a row's key is that of its group.
func (h *heavyKeys) of(key []byte) []byte {
	if h.group != nil {
		return key[:h.group(key)]
	}
	return key
}

// has reports whether a row belongs to the group of a key. Where a group is a part
// of the key, no part begins another.
func (h *heavyKeys) has(row, key []byte) bool {
	if h.group != nil {
		return bytes.HasPrefix(row, key)
	}
	return bytes.Equal(row, key)
}

// block takes the selected rows of a block with so many stored bytes.
func (h *heavyKeys) block(keys *column.Keys, sel []uint32, stored int64) {
	if h == nil {
		return
	}
	n := len(sel)
	step := max(n/lookedAt, 1)
	at := func(i int) []byte { return keys.At(int(sel[i])) }
	for from, i := 0, 0; i < n; {
		key, next := h.of(at(i)), min(i+step, n-1)
		if step > 1 && i > 0 && next > i && !h.has(at(next), key) {
			i = next // few rows, if there are more at all
			continue
		}
		// The first row with the key, and the one behind the last. Those between
		// two that have it need no look.
		first := from + sort.Search(i-from, func(k int) bool { return h.has(at(from+k), key) })
		end, last := i+1, next
		if h.has(at(next), key) {
			end, last = next+1, n
		}
		end += sort.Search(last-end, func(k int) bool { return !h.has(at(end+k), key) })
		h.add(key, int64(end-first), stored*int64(end-first)/int64(n))
		from, i = end, end
	}
	if step > 1 {
		h.missed = max(h.missed, 2*stored*int64(step)/int64(n))
	}
}

// large takes a large row with the beginning of its key, which may be all of it.
func (h *heavyKeys) large(begin []byte, keyBytes, stored int64) {
	if h == nil {
		return
	}
	if key := h.of(begin); len(key) < len(begin) || keyBytes == int64(len(begin)) {
		h.add(key, 1, stored)
		return
	}
	h.close()
	h.missed += stored // its key is nowhere in memory
}

// add counts rows of a key.
func (h *heavyKeys) add(key []byte, rows, bytes int64) {
	if hash := column.HashKey(key); !h.open || h.at.hash != hash {
		h.close()
		h.open = true
		h.at = heavyKey{hash: hash, key: append(h.at.key[:0], key[:min(len(key), indexKeyBytes)]...)}
	}
	h.at.rows += rows
	h.at.bytes += bytes
}

// close ends the key at hand.
func (h *heavyKeys) close() {
	if !h.open {
		return
	}
	h.open = false
	k := h.at
	least := -1
	if len(h.heaviest) == plan.MaxKeyWeights {
		least = 0
		for i := range h.heaviest {
			if h.heaviest[i].bytes < h.heaviest[least].bytes {
				least = i
			}
		}
		if k.bytes <= h.heaviest[least].bytes {
			h.missed = max(h.missed, k.bytes)
			return
		}
		h.missed = max(h.missed, h.heaviest[least].bytes)
	}
	k.key = bytes.Clone(k.key)
	if least < 0 {
		h.heaviest = append(h.heaviest, k)
		return
	}
	h.heaviest[least] = k
}

// report gives an output of so many bytes its heaviest keys; text, if it is not
// nil, makes a key of a group readable.
func (h *heavyKeys) report(m *plan.MapOutput, text func(key []byte) string) {
	if h == nil {
		return
	}
	h.close()
	slices.SortFunc(h.heaviest, func(a, b heavyKey) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), bytes.Compare(a.key, b.key))
	})
	for _, k := range h.heaviest {
		if k.bytes < max(m.Bytes/weightShare, leastWeightBytes) {
			h.missed = max(h.missed, k.bytes)
			continue
		}
		w := plan.KeyWeight{
			Hash: plan.KeyHash(k.hash), Key: k.key[:min(len(k.key), plan.MaxKeyBytes)], Rows: k.rows, Bytes: k.bytes,
		}
		if text != nil {
			w.Text = text(k.key)
		}
		m.Keys = append(m.Keys, w)
	}
	m.MissedBytes = h.missed
}

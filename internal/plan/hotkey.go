package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what is known of heavy keys. A report of a map output is of the size
// of its samples; a coordinator keeps as many keys an exchange as one partition in
// a hundred would have to hold to be noticed.
const (
	MaxKeyWeights   = 16 // of a map output
	MaxKeyTextBytes = 80
	MaxKeyBytes     = 64 // of what a KeyWeight holds of a key
	MaxHotKeys      = 8  // of a job's report
)

// KeyHash is the hash of a normalised key. As text it is 16 hexadecimal digits.
type KeyHash uint64

// String returns the digits.
func (h KeyHash) String() string { return fmt.Sprintf("%016x", uint64(h)) }

// MarshalText returns the digits: JSON numbers of this size lose bits in many readers.
func (h KeyHash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *KeyHash) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 16, 64)
	if err != nil || len(text) != 16 {
		return fmt.Errorf("%.20q is no hash of a key: 16 hexadecimal digits", text)
	}
	*h = KeyHash(n)
	return nil
}

// KeyWeight says how much of a map output is rows of one key.
type KeyWeight struct {
	// Hash is that of the whole key, by which keys of several outputs are one.
	Hash KeyHash `json:"hash"`
	// Key is how the normalised key begins: enough to find its partition.
	Key []byte `json:"key,omitempty"`
	// Text is the key for people; empty where the job hides its keys.
	Text  string `json:"text,omitempty"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"` // stored ones, at about: a block's belong to its rows alike
}

// HotKey is a key that has so many of the rows of an exchange that one task gets
// more than its share, whatever the number of tasks. It is for people.
type HotKey struct {
	Operator string  `json:"operator"`      // the verb: "GroupByKey"
	At       string  `json:"at"`            // where it stands in the program: "jobs/job.go:42"
	Key      string  `json:"key,omitempty"` // empty where the job hides its keys
	Hash     KeyHash `json:"hash"`          // of the normalised key
	Rows     int64   `json:"rows"`
	Bytes    int64   `json:"bytes"` // stored ones, at about
	// MissedBytes is how many more the key may have at most, in outputs where it was
	// not among the heaviest.
	MissedBytes int64 `json:"missed_bytes,omitempty"`
	TotalBytes  int64 `json:"total_bytes"` // of the exchange
}

// Share is the part of the exchange's bytes that the key has, from 0 to 1.
func (k *HotKey) Share() float64 {
	if k.TotalBytes <= 0 {
		return 0
	}
	return float64(k.Bytes) / float64(k.TotalBytes)
}

// Name is the key for people: its hash where the job hides its keys.
func (k *HotKey) Name() string {
	if k.Key == "" {
		return "with hash " + k.Hash.String()
	}
	return k.Key
}

// Place is the operator with its place in the program.
func (k *HotKey) Place() string {
	if k.At == "" {
		return k.Operator
	}
	return k.Operator + " at " + k.At
}

// Advice says what can be done about the key.
func (k *HotKey) Advice() string {
	switch {
	case strings.Contains(k.Operator, "Join"):
		return "filter out what needs no partner, or spread the key: a number beside it on the left, and every right row once for each number"
	case k.Operator == "Sort":
		return "sort by a further term, so that its rows can be parted"
	case strings.HasPrefix(k.Operator, "MapReduce"):
		return "give a combiner if values can be folded, or spread the key over several and bring these together in a second step"
	}
	return "if a fold will do, use Reduce or Aggregate, which move a row a key and task; else spread the key over several and bring these together in a second step"
}

// Hottest returns the hottest keys of a list, which it orders, as many as a report
// has room for.
func Hottest(keys []HotKey) []HotKey {
	slices.SortStableFunc(keys, func(a, b HotKey) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return keys[:min(len(keys), MaxHotKeys)]
}

package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// BadLimit says how many bad rows of its sources a job leaves out before it
// fails: rows that cannot be decoded, or on which user code fails. A field that
// is 0 is no limit; both hold where both are set.
type BadLimit struct {
	Rows       int64 `json:"rows,omitempty"`        // at most so many
	PerMillion int64 `json:"per_million,omitempty"` // at most so many of a million rows that were read
}

// Million is the whole of which BadLimit.PerMillion is a part.
const Million = 1_000_000

// Bounds of what an attempt reports of its bad rows beside their number; all of
// them stand in the quarantine file.
const (
	MaxBadReports   = 3
	MaxBadTextBytes = 300
)

// BadRow is one row that was left out, for messages.
type BadRow struct {
	Place   string `json:"place"`   // "orders.csv, offset 1042"
	Problem string `json:"problem"` // what is wrong with it
}

// Valid reports whether a limit is one: nothing is negative or no limit at all.
func (l *BadLimit) Valid() bool {
	return l.Rows >= 0 && l.PerMillion >= 0 && l.PerMillion <= Million && (l.Rows > 0 || l.PerMillion > 0)
}

// Allows reports whether so many bad rows are within the limit. rows is how many
// were read, the bad ones among them, or -1 while that is not known.
func (l *BadLimit) Allows(bad, rows int64) bool {
	if l.Rows > 0 && bad > l.Rows {
		return false
	}
	// By the share, since the product of two large numbers may not fit.
	return l.PerMillion == 0 || rows < 0 || bad <= 0 || float64(bad)/float64(rows)*Million <= float64(l.PerMillion)
}

// TooMany words that the limit is exceeded. first are some of the bad rows.
func (l *BadLimit) TooMany(bad, rows int64, first []BadRow) error {
	var b strings.Builder
	what := "rows are bad"
	if bad == 1 {
		what = "row is bad"
	}
	fmt.Fprintf(&b, "%d %s", bad, what)
	if rows >= 0 {
		fmt.Fprintf(&b, " of %d", rows)
	}
	b.WriteString(", more than ")
	switch {
	case l.Rows > 0 && bad > l.Rows:
		fmt.Fprintf(&b, "the %d that MaxBadRows allows", l.Rows)
	default:
		part := strconv.FormatFloat(float64(l.PerMillion)/Million, 'f', -1, 64)
		fmt.Fprintf(&b, "the part of %s that MaxBadFraction allows", part)
	}
	for i, r := range first {
		if i == MaxBadReports {
			break
		}
		sep := "; "
		if i == 0 {
			sep = "; the first: "
		}
		fmt.Fprintf(&b, "%s%s: %s", sep, r.Place, r.Problem)
	}
	return fmt.Errorf("%s", b.String())
}

// RowRange is some rows of an assignment's splits, as its source gives them: those
// that cannot be decoded are not numbered.
type RowRange struct {
	Split int   `json:"split"` // of the assignment
	Row   int64 `json:"row"`   // of the split, from 0
	Rows  int64 `json:"rows"`
}

// Holds reports whether all of other lies in r.
func (r RowRange) Holds(other RowRange) bool {
	return r.Split == other.Split && r.Row <= other.Row && other.Row+other.Rows <= r.Row+r.Rows
}

// Behind reports whether r begins behind all of other.
func (r RowRange) Behind(other RowRange) bool {
	return r.Split > other.Split || r.Split == other.Split && r.Row >= other.Row+other.Rows
}

// DeadlyRow is a row with which a process ended.
type DeadlyRow struct {
	Split   int    `json:"split"`
	Row     int64  `json:"row"`
	Problem string `json:"problem"` // how the process ended
}

// MaxDeadlyRows bounds those of a task: each costs the process twice, with all that
// runs there.
const MaxDeadlyRows = 8

// QuarantineSink returns the sink in whose destination the job writes down its
// bad rows: the first that publishes files. ok is false when there is none, or
// the job leaves no row out.
func (p *Plan) QuarantineSink() (id SinkID, ok bool) {
	if p.BadLimit == nil {
		return 0, false
	}
	for _, s := range p.Sinks {
		if s.Destination != "" {
			return s.ID, true
		}
	}
	return 0, false
}

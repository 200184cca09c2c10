package plan

// Bounds of a job's counters: every finished task reports a number for each, and
// the coordinator keeps those of all tasks.
const (
	MaxCounters         = 64
	MaxCounterNameBytes = 100
)

// Counter is what a job counted under a name.
type Counter struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// CheckCounters returns an error unless a job may have counters of these names.
func CheckCounters(names []string) error { return checkNames("counter", names, MaxCounters) }

// Counted gives the sums of a plan's counters their names. All names are there,
// whether anything was counted or not.
func Counted(names []string, sums []int64) []Counter {
	if len(names) == 0 {
		return nil
	}
	out := make([]Counter, len(names))
	for i, name := range names {
		out[i].Name = name
		if i < len(sums) {
			out[i].Value = sums[i]
		}
	}
	return out
}

// ByName is counters as programs read them: values by name, nil for none.
func ByName(counters []Counter) map[string]int64 {
	if len(counters) == 0 {
		return nil
	}
	m := make(map[string]int64, len(counters))
	for _, n := range counters {
		m[n.Name] = n.Value
	}
	return m
}

// addCounters returns the sums of a and b, which stay as they are: others may
// hold them. Sums wrap around, so that what was added can be taken away again.
func addCounters(a, b []int64) []int64 {
	if len(b) == 0 {
		return a
	}
	out := make([]int64, max(len(a), len(b)))
	copy(out, a)
	for i, n := range b {
		out[i] += n
	}
	return out
}

package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// namedFault is a fault that can be left out of a simulation.
type namedFault struct {
	name string
	off  func()
}

// byName lists all faults in a fixed order.
func (f *faults) byName() []namedFault {
	list := []namedFault{
		{"user", func() { f.user = 0 }},
		{"resource", func() { f.resource = 0 }},
		{"transient", func() { f.transient = 0 }},
		{"away", func() { f.away = 0 }},
	}
	for name, on := range map[string]*bool{
		"crash": &f.crash, "lease": &f.lease, "drain": &f.drain, "dup": &f.dup, "delay": &f.delay, "link": &f.link, "corrupt": &f.corrupt,
		"cancel": &f.cancel, "poison": &f.poison, "fatal": &f.fatal, "vary": &f.vary, "scarce": &f.scarce, "cut": &f.cut, "slow": &f.slow, "bad": &f.bad, "noise": &f.noise, "full": &f.full, "low": &f.low,
	} {
		list = append(list, namedFault{name, func() { *on = false }})
	}
	slices.SortFunc(list, func(a, b namedFault) int { return strings.Compare(a.name, b.name) })
	return list
}

func (f *faults) leaveOut(names []string) {
	for _, fault := range f.byName() {
		if slices.Contains(names, fault.name) {
			fault.off()
		}
	}
}

// shrink leaves out every fault without which a seed fails all the same, and
// returns their names.
func shrink(seed uint64, p plant) (without []string) {
	for _, fault := range new(faults).byName() {
		if tried := append(slices.Clone(without), fault.name); runPlanted(seed, p, tried) != nil {
			without = tried
		}
	}
	return without
}

// shrunk says how to play the least of a seed that fails.
func shrunk(seed uint64, p plant) string { return replayCommand(seed, shrink(seed, p)) }

func replayCommand(seed uint64, without []string) string {
	s := fmt.Sprintf("replay: go test -run TestSimulation$ ./coordinator/schedule -seed=%d", seed)
	if len(without) > 0 {
		s += " -without=" + strings.Join(without, ",")
	}
	return s
}

// TestShrink shrinks a failure that needs an executor to be lost, and little else.
func TestShrink(t *testing.T) {
	t.Parallel()
	const p = plantForgetAttempt
	seed := uint64(1)
	for runPlanted(seed, p, nil) == nil {
		seed++
	}
	without := shrink(seed, p)
	err := runPlanted(seed, p, without)
	t.Logf("seed %d without %v: %v", seed, without, err)
	left := newWorld(seed, p, without).faults
	if err == nil || !left.crash && !left.lease && !left.drain || len(without) < len(left.byName())-4 {
		t.Errorf("seed %d shrinks to %+v (%v), want a failure with a way to lose an executor and at most three other faults", seed, left, err)
	}
}

package schedule

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
)

var (
	seedCount = flag.Int("seeds", 10_000, "number of seeds of the simulation")
	without   = flag.String("without", "", "faults that the simulation leaves out, with commas between them")
)

// TestSimulation plays random jobs on random executors over a bad network and
// holds what the core does against the rules in checker. Then it replays the
// events into a fresh core, which must act the same.
func TestSimulation(t *testing.T) {
	n := *seedCount
	if testing.Short() {
		n = 200
	}
	all := tally{forms: map[Form]int{}}
	for _, seed := range seeds(n) {
		w := newWorld(seed, plantNone, strings.Split(*without, ","))
		if err := w.run(); err != nil {
			t.Fatalf("seed %d, faults %+v: %v\n%s", seed, w.faults, err, shrunk(seed, plantNone))
		}
		if a, b := replay(t, w.core.cfg, w.events, 0), replay(t, w.core.cfg, w.events, len(w.events)/4+1); a != b {
			t.Fatalf("seed %d: the same events gave the actions %x, then, with copies of the core on the way, %x\n%s", seed, a, b, replayCommand(seed, nil))
		}
		all.add(w.check.tally)
	}
	t.Logf("%+v", all)
	if *seedFlag == 0 && (all.done < n || all.failed < n/10 || all.canceled < n/50 || all.repairs < n || all.late < n/50 || all.drivers < n/10 || all.bad < n/100 || all.deaths < n || all.full < n/10 || all.ranFull < n/1000 || all.forms[Broadcast] < n/10 || all.forms[Sorted] < n/20) {
		t.Errorf("%d seeds saw %+v: too little to prove anything", n, all)
	}
}

// replay gives events to a fresh core and returns a hash of its actions. After
// each so many events a copy of the core goes on in its place; 0 for never.
func replay(t *testing.T, cfg Config, events []Event, every int) uint64 {
	t.Helper()
	h := fnv.New64a()
	c := New(cfg)
	for i, ev := range events {
		if every > 0 && i%every == every/2 {
			c = reload(t, c)
		}
		for _, a := range c.Step(ev) {
			fmt.Fprintln(h, describeAction(a))
		}
	}
	return h.Sum64()
}

// reload copies a core as a coordinator does that starts from a snapshot.
func reload(t *testing.T, c *Core) *Core {
	t.Helper()
	data, err := json.Marshal(c.State())
	if err != nil {
		t.Fatal(err)
	}
	var st CoreState
	if err := json.Unmarshal(data, &st); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(c.cfg, &st)
	if err != nil {
		t.Fatalf("Load(State()) = %v", err)
	}
	again, err := json.Marshal(loaded.State())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, again) {
		t.Fatalf("State of a loaded core:\n%s\nwant\n%s", again, data)
	}
	return loaded
}

// TestSimulationSeesErrors plants errors into the core: the simulation is
// worth something only if it finds each of them.
func TestSimulationSeesErrors(t *testing.T) {
	names := map[plant]string{
		plantNoFence: "no fence", plantKeepLost: "keep lost outputs", plantReuseNumber: "reuse attempt numbers",
		plantChargeLoss: "charge losses", plantShortCut: "forget a partition", plantDropProducer: "drop a producer",
		plantShallowRepair: "repair one stage only", plantExtraSlot: "give slots back twice",
		plantNoPriority: "ignore priorities", plantNoLimit: "ignore limits", plantIgnoreDrain: "use draining executors",
		plantNearBusy:  "use busy executors that are near",
		plantMixEpochs: "let voided attempts count", plantTrustRepeats: "trust repeated tasks",
		plantRollBackDone: "forget running attempts in a roll-back", plantShallowRollBack: "roll back one stage only",
		plantBlameInput: "blame a task for its input", plantCancelPublish: "cancel a job that publishes",
		plantChargeFetch: "charge for inputs that cannot be read", plantForgetAttempt: "forget an attempt", plantRemakeUnreached: "make outputs again that cannot be reached", plantBackupHere: "back up at the same place", plantBothWin: "let both win", plantUseAside: "use executors set aside", plantNeverBack: "leave executors aside", plantDoubleFigures: "count figures twice",
		plantDiscardEarly: "discard beside running attempts", plantReviveSession: "revive sessions",
		plantCountLosers: "count losers", plantCountUndone: "count what was undone",
		plantNoBadLimit: "ignore the limit of bad rows", plantChargeDisk: "charge for full disks", plantStayFull: "go back to full disks",
		plantUseLow: "use executors that are low", plantStayLow: "leave executors that have room again", plantBlameNetwork: "blame the network", plantBlameDisk: "blame the disk",
		plantSideGone: "leave a side gone", plantForgetSide: "forget who joined other rows", plantReleaseSide: "release a side that is read", plantCutSide: "forget a part of a side",
	}
	for p := plantNone + 1; p < plants; p++ {
		if names[p] == "" {
			t.Errorf("plant %d is not tested", p)
			continue
		}
		t.Run(names[p], func(t *testing.T) {
			for seed := uint64(1); seed <= plantSeeds; seed++ {
				if err := runPlanted(seed, p, nil); err != nil {
					t.Logf("seen with seed %d: %v", seed, err)
					return
				}
			}
			t.Errorf("%d seeds did not show the planted error %q", plantSeeds, names[p])
		})
	}
}

// plantSeeds is enough for the rarest: a stage whose input was released, and
// that is rolled back.
const plantSeeds = 3000

// runPlanted runs one seed; a panic of the damaged core counts as seen.
func runPlanted(seed uint64, p plant, without []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return newWorld(seed, p, without).run()
}

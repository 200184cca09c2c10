package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"github.com/sheafdata/sheaf/internal/powerloss"
)

// powerVariable gives a child of these tests the directory of its journal.
const powerVariable = "JOURNAL_TEST_POWER"

// cutVariable gives a child the directory of a log whose end it writes and removes.
const cutVariable = "JOURNAL_TEST_CUT"

// smallSegment has the log begin a new file after a few records.
const smallSegment = 2 << 10

// appendSome appends records that fill several files of the log, takes snapshots
// between them, and says how many are acknowledged.
func appendSome(dir string) {
	segmentBytes = smallSegment
	err := powerloss.Join()
	m := &list{}
	var j *Journal
	if err == nil {
		j, err = Open(context.Background(), powerConfig(dir, m))
	}
	if err == nil {
		_, err = j.Lead(context.Background())
	}
	for i := 0; i < 10 && err == nil; i++ {
		n := len(m.all())
		if _, err = j.Append(context.Background(), powerRecord(n)); err == nil {
			fmt.Println(n + 1)
		}
		if i%4 == 3 {
			err = errors.Join(err, j.Snapshot())
		}
	}
	if err == nil {
		err = j.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// cutSome writes a log whose end another leader replaces.
func cutSome(dir string) {
	err := powerloss.Join()
	if err == nil {
		err = withStore(dir, func(s *watchedStore) error {
			var errs []error
			for i := range 4 {
				errs = append(errs, s.StoreLog(&raft.Log{Index: uint64(i + 1), Term: 1, Data: appendEntry(nil, nil)}))
			}
			return errors.Join(append(errs, s.DeleteRange(3, 4))...)
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// withStore opens a log as Open does, without raft.
func withStore(dir string, use func(*watchedStore) error) error {
	l, err := wal.Open(dir, wal.WithSegmentSize(smallSegment), wal.WithLogger(hclog.NewNullLogger()))
	if err != nil {
		return err
	}
	m, err := openMark(dir)
	if err != nil {
		return err
	}
	err = use(&watchedStore{WAL: l, mark: m, failed: make(chan error, 1)})
	return errors.Join(err, l.Close(), m.file.Close())
}

// TestPowerLossCut takes the power away while the end of a log is replaced: the
// mark, which is ahead then, does not make a healthy log look damaged.
func TestPowerLossCut(t *testing.T) {
	root := memoryDir(t)
	trace, err := powerloss.Begin(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := watch(t, trace, cutVariable, root, -1); err != nil {
		t.Fatal(err)
	}
	check := func(before int, dir string) error {
		if before < trace.Len() {
			return nil // TestPowerLoss has those
		}
		return withStore(dir, func(s *watchedStore) error { return verify(t.Context(), s.WAL, s.mark) })
	}
	if _, err := trace.Check(memoryDir(t), append(losses(), powerloss.Drawn(1, 60)...), check); err != nil {
		t.Error(err)
	}
}

func powerConfig(dir string, m Machine) Config {
	return Config{Dir: dir, Machine: m, SnapshotRecords: 4}
}

func powerRecord(n int) []byte { return []byte(strings.Repeat(strconv.Itoa(n)+".", 150)) }

// memoryDir returns a directory in memory where there is one: what a disk keeps is
// modelled here, so waiting for a real one proves nothing.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sheaf-journal-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// watch adds a run of a child to a trace.
func watch(t *testing.T, trace *powerloss.Trace, variable, dir string, stop int) error {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), variable+"="+dir), os.Stderr
	err := trace.Watch(cmd, stop)
	if errors.Is(err, powerloss.ErrUnsupported) {
		t.Skipf("SKIPPED: loss of power: %v", err)
	}
	return err
}

// checkRecords opens a journal that a loss of power left: what was acknowledged is
// there, in order, and it takes more.
func checkRecords(ctx context.Context, dir string, acknowledged int) (err error) {
	m := &list{}
	j, err := Open(ctx, powerConfig(dir, m))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if _, err := j.Lead(ctx); err != nil {
		return err
	}
	records := m.all()
	for i, r := range records {
		if string(r) != string(powerRecord(i)) {
			return fmt.Errorf("record %d is %.20q of %d bytes", i, r, len(r))
		}
	}
	if len(records) < acknowledged {
		return fmt.Errorf("%d records, and %d were acknowledged", len(records), acknowledged)
	}
	_, err = j.Append(ctx, powerRecord(len(records)))
	return err
}

// powered is a directory whose journal children write and power losses meet.
type powered struct {
	root, tmp string
	trace     *powerloss.Trace
}

func newPowered(t *testing.T) *powered {
	t.Helper()
	kept := segmentBytes
	segmentBytes = smallSegment
	t.Cleanup(func() { segmentBytes = kept })
	p := &powered{root: memoryDir(t), tmp: memoryDir(t)}
	var err error
	if p.trace, err = powerloss.Begin(p.root); err != nil {
		t.Fatal(err)
	}
	return p
}

// powerDir is where the journal is below the root: no directory of it was there.
const powerDir = "data/journal"

// run has a child append, to its end or to before an operation.
func (p *powered) run(t *testing.T, stop int) {
	t.Helper()
	if err := watch(t, p.trace, powerVariable, filepath.Join(p.root, powerDir), stop); (err == nil) != (stop < 0) {
		t.Fatalf("child that ends before %d: %v", stop, err)
	}
}

// check looks at what a loss of power left.
func (p *powered) check(t *testing.T) func(before int, dir string) error {
	return func(before int, dir string) error {
		acknowledged := 0
		if lines := strings.Fields(p.trace.Said(before)); len(lines) > 0 {
			acknowledged, _ = strconv.Atoi(lines[len(lines)-1])
		}
		return checkRecords(within(t), filepath.Join(dir, powerDir), acknowledged)
	}
}

// TestPowerLoss takes the power away before each thing that a journal does to the
// disk: to its log with its database, its snapshots and its mark. What was
// acknowledged is there, and the journal goes on. Syncs that do not happen are missed.
func TestPowerLoss(t *testing.T) {
	p := newPowered(t)
	p.run(t, -1)
	trees, err := p.trace.Check(p.tmp, losses(), p.check(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations, %d trees", p.trace.Len(), trees)
	if testing.Short() {
		return
	}
	syncs := slices.DeleteFunc(p.trace.Syncs(), func(i int) bool { return !missed.MatchString(p.trace.What(i)) })
	if unneeded := p.trace.Unneeded(p.tmp, losses(), p.check(t), syncs); len(syncs) < 15 || len(unneeded) > 0 {
		t.Errorf("of %d syncs nobody misses %q, want all missed, of more than 14", len(syncs), unneeded)
	}
}

// missed are the syncs without which something is lost: of directories, files of
// the log and snapshots. Others are repeated by later ones, or are those by which
// the log's database, which is another's, keeps its pages.
var missed = regexp.MustCompile(`sync (\.|data|.*\.wal|.*snapshots|.*snapshots/[^/]*\.tmp|.*state\.bin)$`)

// TestPowerLossAfterKill kills a process before it has synced an entry, lets the
// next one go on with what the first had written, and then takes the power away:
// what the second acknowledged is there.
func TestPowerLossAfterKill(t *testing.T) {
	first := newPowered(t)
	first.run(t, -1)
	seen := map[string]bool{}
	for i := range first.trace.Len() {
		// The first entry of each file; and the last one, which fills it.
		what := first.trace.What(i)
		_, what, _ = strings.Cut(what, ", ")
		if !strings.HasPrefix(what, "sync ") || !strings.HasSuffix(what, ".wal") || seen[what] && i != first.full() {
			continue
		}
		seen[what] = true
		p := newPowered(t)
		p.run(t, i)
		p.run(t, -1)
		few := []powerloss.Loss{{Names: powerloss.Lost, Bytes: powerloss.Lost}, {Names: powerloss.Kept, Bytes: powerloss.Lost}}
		if _, err := p.trace.Check(p.tmp, few, p.check(t)); err != nil {
			t.Errorf("after a kill before %s: %v", first.trace.What(i), err)
		}
	}
	if len(seen) < 2 {
		t.Errorf("killed at the files %v, want two", seen)
	}
}

// full is the last sync of a file of the log before there is a second one.
func (p *powered) full() int {
	files, last := map[string]bool{}, 0
	for i := range p.trace.Len() {
		_, what, _ := strings.Cut(p.trace.What(i), ", ")
		if !strings.HasSuffix(what, ".wal") || !strings.HasPrefix(what, "sync ") {
			continue
		}
		if files[what] = true; len(files) > 1 {
			return last
		}
		last = i
	}
	return -1
}

func losses() []powerloss.Loss {
	return append(powerloss.Corners(), powerloss.Drawn(1, 3)...)
}

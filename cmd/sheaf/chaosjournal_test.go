package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"

	"github.com/sheafdata/sheaf/coordinator/journal"
	"github.com/sheafdata/sheaf/executor/task"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// audit reads the journals of a cluster that has ended: they hold what clients were
// told and what stands at the destinations. It returns what the one says that
// leads; nil if that cannot be read.
func (x *chaos) audit() *auditor {
	all := x.members
	if len(all) == 0 {
		all = []*membership{{Dir: filepath.Join(x.dir, x.coordinators[0])}}
	}
	for _, m := range all { // for whoever looks for what the audit finds
		if err := os.CopyFS(filepath.Join(x.t.ArtifactDir(), filepath.Base(m.Dir)), os.DirFS(filepath.Join(m.Dir, "journal"))); err != nil {
			x.t.Error(err)
		}
	}
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	var auditors []*auditor
	var journals []*journal.Journal
	for _, m := range all {
		a := newAuditor()
		j, err := openJournal(ctx, m, a)
		if err != nil {
			x.t.Error(err)
			return nil
		}
		defer j.Close()
		auditors, journals = append(auditors, a), append(journals, j)
	}
	leads, err := replay(ctx, journals)
	if err != nil {
		x.t.Error(err)
		return nil
	}
	for i, j := range journals {
		if err := j.Close(); err != nil { // no more is applied
			x.t.Error(err)
		}
		for _, wrong := range auditors[i].wrong {
			x.t.Errorf("journal of %s: %s", all[i].Dir, wrong)
		}
	}
	x.judge(auditors[leads])
	return auditors[leads]
}

// audited ends a coordinator and replays its journal with an auditor.
func (c *realCluster) audited(coordinator string) *auditor {
	c.t.Helper()
	c.kill(coordinator)
	a := newAuditor()
	if err := a.reads(c.t.Context(), filepath.Join(c.dir, coordinator)); err != nil {
		c.t.Fatal(err)
	}
	for _, wrong := range a.wrong {
		c.t.Errorf("journal of %s: %s", coordinator, wrong)
	}
	return a
}

// reads replays the journal in a coordinator's directory.
func (a *auditor) reads(ctx context.Context, dir string) error {
	j, err := openJournal(ctx, &membership{Dir: dir}, a)
	if err != nil {
		return err
	}
	_, err = replay(ctx, []*journal.Journal{j})
	return errors.Join(err, j.Close())
}

// openJournal begins to read a coordinator's journal.
func openJournal(ctx context.Context, m *membership, a *auditor) (*journal.Journal, error) {
	if err := replayAll(filepath.Join(m.Dir, "journal")); err != nil {
		return nil, err
	}
	cfg := journal.Config{Dir: filepath.Join(m.Dir, "journal"), Machine: a, Log: slog.New(slog.DiscardHandler)}
	if len(m.Peers) > 1 {
		var err error
		if cfg.Peers, err = m.peers(); err != nil {
			return nil, err
		}
	}
	return journal.Open(ctx, cfg)
}

// replayAll removes snapshots from a journal that still has all of its records, so
// that none is passed over.
func replayAll(dir string) error {
	meta := &metadb.BoltMetaDB{} // the log does not close it
	log, err := wal.Open(filepath.Join(dir, "log"), wal.WithMetaStore(meta))
	if err != nil {
		return err
	}
	first, err := log.FirstIndex()
	if err = errors.Join(err, log.Close(), meta.Close()); err != nil || first != 1 {
		return err
	}
	return os.RemoveAll(filepath.Join(dir, "snapshots"))
}

// replay waits until one of the journals leads, which then has applied all that
// the cluster agreed on, and returns which.
func replay(ctx context.Context, journals []*journal.Journal) (int, error) {
	type lead struct {
		which int
		err   error
	}
	led := make(chan lead, len(journals))
	for i, j := range journals {
		go func() { // ends with its journal
			_, err := j.Lead(ctx)
			led <- lead{i, err}
		}()
	}
	first := <-led
	if first.err != nil {
		return 0, fmt.Errorf("no journal leads: %w", first.err)
	}
	return first.which, nil
}

// judge compares what an auditor found with what clients were told.
func (x *chaos) judge(a *auditor) {
	a.look()
	done := 0
	for id, j := range a.jobs {
		if j.done {
			done++
		}
		if !over(j.state) {
			x.t.Errorf("the journal says that job %v is %s at the end", id, j.state)
		}
	}
	for text, code := range x.told.codes {
		var id plan.JobID
		if err := id.UnmarshalText([]byte(text)); err != nil {
			x.t.Error(err)
			continue
		}
		j := a.jobs[id]
		switch {
		case j == nil && a.since != "":
		case j == nil:
			x.t.Errorf("the journal has no job %s", text)
		case j.done != (code == exitOK), j.canceled != (code == exitCanceled) && !j.partial:
			x.t.Errorf("the journal says that job %s is done %v, canceled %v, and the client was told %d", text, j.done, j.canceled, code)
		case len(x.told.dirs[text]) > 0 && !j.partial:
			if err := published(j.publish, x.told.dirs[text]); err != nil {
				x.t.Errorf("job %s: %v", text, err)
			}
		}
	}
	x.t.Logf("the journal holds %d records of %d jobs, %d of them done; backups %d, failed attempts by kind: %v", a.records, len(a.jobs), done, len(a.backups), a.failed)
	if a.since != "" {
		x.t.Logf("and begins with %s", a.since)
	}
}

// published compares what stands at the destinations of a job with the files of
// its winners.
func published(files []plan.StagedFile, outputs []string) error {
	var want, got []string
	for _, f := range files {
		want = append(want, fmt.Sprint(f.Rows, " rows, ", f.Bytes, " bytes, ", f.XXH3))
	}
	for _, dir := range outputs {
		text, err := os.ReadFile(filepath.Join(dir, storage.SuccessName))
		if err != nil {
			return err
		}
		var success task.Success
		if err := json.Unmarshal(text, &success); err != nil {
			return err
		}
		for _, f := range success.Files {
			got = append(got, fmt.Sprint(f.Rows, " rows, ", f.Bytes, " bytes, ", f.XXH3))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		return fmt.Errorf("published are %v, and the winners wrote %v", got, want)
	}
	return nil
}

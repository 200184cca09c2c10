package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/sheafdata/sheaf/internal/failpoint"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// Success is the content of _SUCCESS.json, the last file of a destination: a
// destination that has it is complete. The format is described in
// docs/format/success.md.
type Success struct {
	Version     int             `json:"version"`
	Job         string          `json:"job"`
	Name        string          `json:"name"`
	Fingerprint string          `json:"fingerprint"`
	Arguments   json.RawMessage `json:"arguments,omitempty"`
	Rows        int64           `json:"rows"`
	Bytes       int64           `json:"bytes"`
	Files       []SuccessFile   `json:"files"`
	// Quarantine lists the files of rows that were left out.
	Quarantine []SuccessFile `json:"quarantine,omitempty"`
}

// SuccessFile is one published file.
type SuccessFile struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	XXH3  string `json:"xxh3"` // xxh3-128 of the bytes, in hexadecimal
}

// SuccessVersion is the version of the format that Success has.
const SuccessVersion = 1

// publish makes the winners' files visible, destination after destination.
// Files are named in order and without gaps: part-00000.txt, part-00001.txt.
// It may run again after a crash.
func (r *Runtime) publish(a *plan.Assignment) error {
	for _, s := range r.Graph.Plan.Sinks {
		if s.Destination == "" {
			continue
		}
		success := Success{
			Version: SuccessVersion, Job: a.Attempt.Job.String(), Name: r.Graph.Plan.Name,
			Fingerprint: r.Graph.Plan.Fingerprint, Files: []SuccessFile{},
		}
		if r.Graph.Plan.Args != "" {
			success.Arguments = json.RawMessage(r.Graph.Plan.Args)
		}
		width := digits(len(a.Files))
		var files []storage.PublishFile
		for _, f := range a.Files {
			if f.Sink != s.ID {
				continue
			}
			if f.Quarantine {
				final := fmt.Sprintf("%s/part-%0*d.jsonl", QuarantineDirectory, width, len(success.Quarantine))
				files = append(files, storage.PublishFile{Staged: f.Name, Final: final, Bytes: f.Bytes})
				success.Quarantine = append(success.Quarantine, SuccessFile{Name: final, Rows: f.Rows, Bytes: f.Bytes, XXH3: f.XXH3})
				continue
			}
			final := fmt.Sprintf("part-%0*d%s", width, len(success.Files), s.Suffix)
			files = append(files, storage.PublishFile{Staged: f.Name, Final: final, Bytes: f.Bytes})
			success.Files = append(success.Files, SuccessFile{Name: final, Rows: f.Rows, Bytes: f.Bytes, XXH3: f.XXH3})
			success.Rows += f.Rows
			success.Bytes += f.Bytes
		}
		text, err := json.MarshalIndent(success, "", "  ")
		if err != nil {
			return fmt.Errorf("write manifest of %s: %w", s.Destination, err)
		}
		stage := storage.OpenStage(s.Destination, a.Attempt.Job)
		if err := stage.Publish(files, append(text, '\n'), r.Overwrite); err != nil {
			return err
		}
		if err := failpoint.Hit(failpoint.PublishDone); err != nil {
			return err
		}
	}
	return nil
}

// digits is how many digits number count files, so that their names sort as
// they do; at least five, so that most outputs look alike.
func digits(count int) int { return max(5, len(strconv.Itoa(count-1))) }

// discard deletes everything that the job has staged.
func (r *Runtime) discard(a *plan.Assignment) error {
	var errs []error
	for _, s := range r.Graph.Plan.Sinks {
		if s.Destination != "" {
			errs = append(errs, storage.OpenStage(s.Destination, a.Attempt.Job).Discard())
		}
	}
	return errors.Join(errs...)
}

package shuffle

import (
	"io"

	"github.com/sheafdata/sheaf/shuffle/store"
)

// run is one spilled buffer: its file and where each of its segments stands in it.
type run struct {
	file     io.ReaderAt
	segments []store.Segment
}

// spillFile holds the runs of one writer, one behind the other. A file for
// every run would use up the process's file descriptors: beside a table that
// took the whole budget, a run is as small as a megabyte.
type spillFile struct {
	env  *Env
	file *store.SpillFile // nil until the first run
}

// write appends a run that fill writes; fill gets the offset at which it begins.
func (s *spillFile) write(fill func(w io.Writer, offset int64) ([]store.Segment, error)) (run, error) {
	if s.file == nil {
		file, err := s.env.Store.Spill(s.env.Attempt)
		if err != nil {
			return run{}, err
		}
		s.file = file
	}
	from := s.file.Offset()
	segments, err := fill(s.file, from)
	s.env.Spilled.Add(s.file.Offset() - from)
	return run{s.file, segments}, err
}

// close deletes the file with all its runs.
func (s *spillFile) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

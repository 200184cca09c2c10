package worker

import (
	"errors"
	"path/filepath"

	"github.com/sheafdata/sheaf/executor/worker/logs"
	"github.com/sheafdata/sheaf/internal/plan"
)

// printed is what a process prints: a log for each of Streams.
type printed [len(Streams)]*logs.Log

// createPrinted makes the logs of a worker.
func createPrinted(c *Config) (p printed, err error) {
	for i, stream := range Streams {
		if p[i], err = logs.Create(filepath.Join(LogDir(c.Dir), stream), c.Logs); err != nil {
			return p, errors.Join(err, p.close())
		}
	}
	return p, nil
}

// begin says that an attempt runs from now on, while so many bytes of others are
// waiting by stream.
func (p printed) begin(id plan.AttemptID, waiting [len(Streams)]int64) {
	for i, l := range p {
		l.Begin(id, waiting[i])
	}
}

// finish says that an attempt has ended whose last bytes are waiting by stream.
func (p printed) finish(id plan.AttemptID, waiting [len(Streams)]int64) {
	for i, l := range p {
		l.Finish(id, waiting[i])
	}
}

func (p printed) close() error {
	var errs []error
	for _, l := range p {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

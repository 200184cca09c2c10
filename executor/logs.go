package executor

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sheafdata/sheaf/executor/worker"
	"github.com/sheafdata/sheaf/executor/worker/logs"
	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// workersOf lists the numbers of a job's workers, ascending.
func workersOf(job string) ([]int, error) {
	entries, err := os.ReadDir(job)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.Resource, err)
	}
	var numbers []int
	for _, entry := range entries {
		if n, err := strconv.Atoi(entry.Name()); err == nil && n >= 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// pruneLogs deletes the logs of jobs, but for those that live and so many of the
// others: those that were worked for last.
func (e *Executor) pruneLogs(kept int, lives func(plan.JobID) bool) error {
	dir := filepath.Join(e.dir, jobsDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fault.Wrap(fault.Resource, err)
	}
	type job struct {
		path string
		used time.Time
	}
	var ended []job
	for _, entry := range entries {
		var id plan.JobID
		info, err := entry.Info()
		if err != nil || id.UnmarshalText([]byte(entry.Name())) != nil || lives != nil && lives(id) {
			continue
		}
		ended = append(ended, job{filepath.Join(dir, entry.Name()), info.ModTime()})
	}
	slices.SortFunc(ended, func(a, b job) int { return cmp.Or(b.used.Compare(a.used), strings.Compare(a.path, b.path)) })
	var errs []error
	for _, j := range ended[min(len(ended), kept):] {
		errs = append(errs, os.RemoveAll(j.path))
	}
	return fault.Wrap(fault.Resource, errors.Join(errs...))
}

// Headers of a piece of a log: where it begins, and how many bytes before it are
// gone because a log has a bound. Coordinators read them.
const (
	logOffsetHeader = "X-Sheaf-Log-Offset"
	logLostHeader   = "X-Sheaf-Log-Lost"

	// logPieceBytes bounds an answer.
	logPieceBytes = 1 << 20
)

// logHandler serves what attempts printed, as docs/format/log.md says.
type logHandler struct{ e *Executor }

// ServeHTTP implements http.Handler.
func (h logHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, stream, err := parseLogPath(r.URL.Path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	offset, err := parseOffset(r.URL.Query().Get("offset"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	dir, extent, err := h.e.findLog(id, stream)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	piece, err := readLog(dir, extent, offset)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(piece.data)))
	w.Header().Set(logOffsetHeader, strconv.FormatInt(piece.offset, 10))
	w.Header().Set(logLostHeader, strconv.FormatInt(piece.lost, 10))
	w.Write(piece.data) // who asked is gone if it fails
}

// parseLogPath reads /v1/logs/JOB/STAGE/TASK/EPOCH/ATTEMPT/STREAM. A log has one
// path: what parses is written the same way again.
func parseLogPath(path string) (id plan.AttemptID, stream string, err error) {
	parts := strings.Split(strings.TrimPrefix(path, "/v1/logs/"), "/")
	bad := fault.New(fault.Invalid, "%w", errNoLog)
	if len(parts) != 6 || !slices.Contains(worker.Streams[:], parts[5]) || id.Job.UnmarshalText([]byte(parts[0])) != nil {
		return id, "", bad
	}
	var n [4]int64
	for i, text := range parts[1:5] {
		if n[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return id, "", bad
		}
	}
	if n[0] < -1<<31 || n[0] >= 1<<31 || n[1] < 0 || n[1] >= 1<<31 || n[2] < 0 || n[2] >= 1<<32 || n[3] < 0 || n[3] >= 1<<31 {
		return id, "", bad
	}
	id.Task = plan.TaskID{Stage: plan.StageID(n[0]), Index: int(n[1])}
	id.Epoch, id.Number = uint32(n[2]), int(n[3])
	if path != logPath(id, parts[5]) {
		return id, "", bad
	}
	return id, parts[5], nil
}

func logPath(a plan.AttemptID, stream string) string {
	return fmt.Sprintf("/v1/logs/%s/%d/%d/%d/%d/%s", a.Job, a.Task.Stage, a.Task.Index, a.Epoch, a.Number, stream)
}

func parseOffset(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1<<60 {
		return 0, fault.New(fault.Invalid, "offset: is no number of bytes")
	}
	return n, nil
}

// findLog returns the log that an attempt's worker wrote. An attempt runs in one
// worker; the newest workers are looked at first.
func (e *Executor) findLog(id plan.AttemptID, stream string) (dir string, extent logs.Extent, err error) {
	job := filepath.Join(e.dir, jobsDir, id.Job.String())
	numbers, err := workersOf(job)
	if err != nil {
		return "", extent, err
	}
	for _, n := range slices.Backward(numbers) {
		dir := filepath.Join(worker.LogDir(filepath.Join(job, strconv.Itoa(n))), stream)
		if extent, err := logs.Find(dir, id); err == nil {
			return dir, extent, nil
		}
	}
	return "", extent, fault.New(fault.Invalid, "%w", errNoLog)
}

// logPiece is a part of an attempt's log; its offsets count from the attempt's
// first byte.
type logPiece struct {
	offset, lost int64
	data         []byte
}

// readLog reads a piece from an offset on. It is empty at the end.
func readLog(dir string, extent logs.Extent, offset int64) (logPiece, error) {
	p := logPiece{offset: offset}
	at := extent.Begin + offset
	for {
		room := int64(logPieceBytes - len(p.data))
		if extent.End >= 0 {
			room = min(room, extent.End-at)
		}
		if room <= 0 {
			return p, nil
		}
		buf := make([]byte, room)
		n, next, err := logs.Read(dir, buf, at)
		if err != nil {
			return p, err
		}
		switch {
		case n == 0 && next == at, n == 0 && len(p.data) > 0:
			return p, nil
		case n == 0: // what was here is gone
			if extent.End >= 0 {
				next = min(next, extent.End)
			}
			p.lost += next - at
			p.offset = next - extent.Begin
		}
		p.data = append(p.data, buf[:n]...)
		at = next
	}
}

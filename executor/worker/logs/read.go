package logs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

// maxLine bounds a line of the index: ids and numbers only.
const maxLine = 4 << 10

// Find returns the part of the log in dir that belongs to an attempt, of a
// worker that runs or has ended. An attempt that is not there is an error of
// kind Invalid.
func Find(dir string, id plan.AttemptID) (Extent, error) {
	index, err := os.Open(filepath.Join(dir, indexName))
	if err != nil {
		return Extent{}, fmt.Errorf("read the log of attempt %v: %w", id, err)
	}
	defer index.Close()
	found, ok := Extent{}, false
	err = readIndex(index, func(e Extent) {
		if e.Attempt == id {
			found, ok = e, true
		}
	})
	if err == nil && !ok {
		err = fault.New(fault.Invalid, "there is no log of attempt %v", id)
	}
	return found, err
}

// readIndex calls use with every line of an index. A last line without its end
// is left out, since the writer may be at it or have died there; a line that is
// no mark is an error of kind Corrupt.
func readIndex(r io.Reader, use func(Extent)) error {
	lines := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.New(fault.Corrupt, "line %d of a log's index: %w", n, err)
		}
		var e Extent
		if err := json.Unmarshal(line, &e); err != nil {
			return fault.New(fault.Corrupt, "line %d of a log's index: %w", n, err)
		}
		if e.Begin < 0 || e.End != running && e.End < e.Begin {
			return fault.New(fault.Corrupt, "line %d of a log's index: bytes %d to %d are no part of a log", n, e.Begin, e.End)
		}
		use(e)
	}
}

// Read reads the log in dir from an offset on, as io.ReaderAt does. Where files
// were deleted since, it returns no bytes and in next the offset of the first
// that is still there; else next is the offset behind the bytes read. At the
// end of the log it returns no bytes and next as given.
func Read(dir string, buf []byte, offset int64) (n int, next int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, offset, fmt.Errorf("read a log: %w", err)
	}
	var begins []int64
	for _, entry := range entries {
		if begin, ok := parseFileName(entry.Name()); ok {
			begins = append(begins, begin)
		}
	}
	slices.Sort(begins)
	if len(begins) == 0 || offset < 0 {
		return 0, max(offset, 0), nil
	}
	if offset < begins[0] {
		return 0, begins[0], nil
	}
	at, exact := slices.BinarySearch(begins, offset)
	if !exact {
		at--
	}
	n, err = readFile(filepath.Join(dir, fileName(begins[at])), buf, offset-begins[at])
	if errors.Is(err, fs.ErrNotExist) && at+1 < len(begins) {
		// Deleted after it was listed.
		return 0, begins[at+1], nil
	}
	if n == 0 && err == nil && at+1 < len(begins) && len(buf) > 0 {
		// A disk that failed left a hole.
		return 0, begins[at+1], nil
	}
	return n, offset + int64(n), err
}

func readFile(path string, buf []byte, offset int64) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := f.ReadAt(buf, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func parseFileName(name string) (int64, bool) {
	digits, ok := strings.CutPrefix(name, filePrefix)
	if !ok || len(digits) != fileDigits {
		return 0, false
	}
	begin, err := strconv.ParseInt(digits, 10, 64)
	return begin, err == nil && begin >= 0
}

package transfer

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/shuffle/store"
)

func TestParsePath(t *testing.T) {
	id := outputID(7)
	path := string(appendPath(nil, id))
	if got, whole, err := parsePath(path); got != id || !whole || err != nil {
		t.Errorf("parsePath(%q) = %v, %v, %v, want %v", path, got, whole, err, id)
	}
	for i := range path {
		if got, whole, err := parsePath(path[:i]); err == nil && (whole || path[:i] != root+job.String()) {
			t.Errorf("parsePath(%q) = %v, want an error", path[:i], got)
		}
	}
	for bit := range 8 * len(path) {
		b := []byte(path)
		b[bit/8] ^= 1 << (bit % 8)
		if got, whole, err := parsePath(string(b)); err == nil && (!whole || string(appendPath(nil, got)) != string(b)) {
			t.Errorf("parsePath(%q) = %v, which has another path", b, got)
		}
	}
}

// FuzzPath gives a handler any path: only ids are understood, each by one path.
func FuzzPath(f *testing.F) {
	path := string(appendPath(nil, outputID(7)))
	for _, seed := range []string{path, root + job.String(), root + "../../etc/passwd", path + "/..", strings.Replace(path, "/7/", "/07/", 1), "", "/", path + "\x00"} {
		f.Add(seed)
	}
	st, err := store.Open(store.Config{Dirs: []string{f.TempDir()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { st.Close() })
	h := NewHandler(st, allow, HandlerOptions{})
	f.Fuzz(func(t *testing.T, path string) {
		id, whole, err := parsePath(path)
		if err == nil && whole && string(appendPath(nil, id)) != path {
			t.Errorf("parsePath(%q) = %v, which has the path %q", path, id, appendPath(nil, id))
		}
		if err == nil && !whole && root+id.Attempt.Job.String() != path {
			t.Errorf("parsePath(%q) = job %v", path, id.Attempt.Job)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Method: "GET", URL: &url.URL{Path: path}, Header: http.Header{}})
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("GET %q = status %d from an empty store", path, w.Code)
		}
	})
}

func FuzzRange(f *testing.F) {
	for _, seed := range []string{"", "bytes=0-0", "bytes=5-", "bytes=-5", "bytes=0-1,2-3", "bytes=--5", "bytes=1-0", "bytes=999999999999999999-", "bytes=-0", "items=0-1"} {
		f.Add(seed, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size &= 1<<62 - 1
		from, end, err := parseRange(header, size)
		if err == nil && (from < 0 || end > size || from > end || from == end && header != "") {
			t.Errorf("parseRange(%q, %d) = [%d, %d)", header, size, from, end)
		}
	})
}

func FuzzPieces(f *testing.F) {
	line := piece{outputID(1), strings.Repeat("0", 32), 5, 10}.appendLine(nil)
	f.Add(line)
	f.Add(bytes.Repeat(line, 3))
	f.Add([]byte("../../../../etc 00 0 1\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		pieces, err := parsePieces(job, body)
		if err != nil {
			return
		}
		var again []byte
		for _, p := range pieces {
			if p.from < 0 || p.from >= p.end || p.bytes() > maxPieceBytes || p.id.Attempt.Job != job {
				t.Errorf("parsePieces(%q) holds %+v", body, p)
			}
			again = p.appendLine(again)
		}
		if !bytes.Equal(again, body) || len(pieces) > maxPieces {
			t.Errorf("parsePieces(%q) is %d pieces, written as %q", body, len(pieces), again)
		}
	})
}

// FuzzFrames reads any bytes as the answer to a request for two pieces.
func FuzzFrames(f *testing.F) {
	good := append(appendFrame(nil, 200, 3), "abc"...)
	f.Add(append(append(bytes.Clone(good), appendFrame(nil, 404, 2)...), "{}"...))
	f.Add(append(bytes.Clone(good), appendFrame(nil, 200, 1<<62)...))
	f.Fuzz(func(t *testing.T, answer []byte) {
		r := bytes.NewReader(answer)
		for range 2 {
			w := wanted{into: make([]byte, 3)}
			if err := w.read(r); err != nil {
				if w.got {
					t.Errorf("a piece counts though %v", err)
				}
				return
			}
		}
	})
}

func TestEveryTruncatedAndFlippedFrame(t *testing.T) {
	answer := append(appendFrame(nil, 200, 3), "abc"...)
	for n := range answer {
		w := wanted{into: make([]byte, 3)}
		if err := w.read(bytes.NewReader(answer[:n])); err == nil || w.got {
			t.Errorf("%d of %d bytes are a frame", n, len(answer))
		}
	}
	for bit := range 8 * frameBytes {
		answer[bit/8] ^= 1 << (bit % 8)
		w := wanted{into: make([]byte, 3)}
		if err := w.read(bytes.NewReader(answer)); err == nil && w.got {
			t.Errorf("a header with bit %d flipped is one", bit)
		}
		answer[bit/8] ^= 1 << (bit % 8)
	}
}

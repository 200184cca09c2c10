package transfer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

func get(t testing.TB, method, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func pathOf(out plan.MapOutput) string { return string(appendPath(nil, out.ID)) }

func TestHandlerServesRanges(t *testing.T) {
	for _, memory := range []int64{0, 1 << 20} {
		st := openStore(t, store.Config{MemoryBytes: memory})
		out := publish(t, st, outputID(1), 1000, 2000)
		whole := contents(t, st, out)
		base := serve(t, NewHandler(st, allow, HandlerOptions{}))
		size := len(whole)
		cases := []struct {
			header    string
			status    int
			from, end int
		}{
			{"", 200, 0, size},
			{"bytes=0-0", 206, 0, 1},
			{"bytes=10-99", 206, 10, 100},
			{"bytes=10-", 206, 10, size},
			{"bytes=-7", 206, size - 7, size},
			{"bytes=-999999", 206, 0, size},
			{fmt.Sprintf("bytes=%d-%d", size-1, size+5), 206, size - 1, size},
		}
		for _, c := range cases {
			header := []string{"Range", c.header}
			if c.header == "" {
				header = nil
			}
			resp, body := get(t, "GET", base+pathOf(out)+"?digest="+out.Digest, header...)
			if resp.StatusCode != c.status || !bytes.Equal(body, whole[c.from:c.end]) || resp.Header.Get("ETag") != `"`+out.Digest+`"` {
				t.Errorf("Range %q: status %d, %d bytes, ETag %s, want %d and [%d, %d)", c.header, resp.StatusCode, len(body), resp.Header.Get("ETag"), c.status, c.from, c.end)
			}
			if want := contentRange(int64(c.from), int64(c.end), int64(size)); c.status == 206 && resp.Header.Get("Content-Range") != want {
				t.Errorf("Range %q: Content-Range %q, want %q", c.header, resp.Header.Get("Content-Range"), want)
			}
		}
		resp, body := get(t, "HEAD", base+pathOf(out))
		if resp.StatusCode != 200 || len(body) != 0 || resp.ContentLength != int64(size) {
			t.Errorf("HEAD: status %d, %d bytes, length %d, want 200, 0, %d", resp.StatusCode, len(body), resp.ContentLength, size)
		}
	}
}

func TestHandlerErrors(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, store.Config{Dirs: []string{dir}})
	out := publish(t, st, outputID(1), 100)
	short := publish(t, st, outputID(2), 100)
	cut(t, dir, short.ID, 20)
	base := serve(t, NewHandler(st, func(r *http.Request, id plan.JobID) error {
		if id != job {
			return errors.New("not your job")
		}
		return nil
	}, HandlerOptions{}))
	path := pathOf(out)
	other := strings.Replace(path, "ab", "ac", 1)
	cases := []struct {
		name, method, url, rang string
		status                  int
		kind                    fault.Kind
	}{
		{"no such output", "GET", pathOf(plan.MapOutput{ID: outputID(9)}), "", 404, fault.Fetch},
		{"other digest", "GET", path + "?digest=" + strings.Repeat("0", 32), "", 404, fault.Fetch},
		{"digest in capitals", "GET", path + "?digest=" + strings.Repeat("A", 32), "", 400, fault.Invalid},
		{"other query", "GET", path + "?file=x", "", 400, fault.Invalid},
		{"other job", "GET", other, "", 403, fault.Invalid},
		{"other job that is not there", "GET", other + "7", "", 403, fault.Invalid},
		{"other path", "GET", "/metrics", "", 400, fault.Invalid},
		{"root", "GET", "/", "", 400, fault.Invalid},
		{"method", "DELETE", path, "", 405, fault.Invalid},
		{"post to an output", "POST", path, "", 405, fault.Invalid},
		{"get of a job", "GET", root + job.String(), "", 405, fault.Invalid},
		{"empty post", "POST", root + job.String(), "", 400, fault.Invalid},
		{"beyond", "GET", path, "bytes=9999-", 416, fault.Fetch},
		{"several", "GET", path, "bytes=0-1,3-4", 400, fault.Invalid},
		{"unit", "GET", path, "rows=0-1", 400, fault.Invalid},
		{"backwards", "GET", path, "bytes=5-4", 400, fault.Invalid},
		{"cut off", "GET", pathOf(short), "", 500, fault.Corrupt},
	}
	for _, c := range cases {
		var header []string
		if c.rang != "" {
			header = []string{"Range", c.rang}
		}
		resp, body := get(t, c.method, base+c.url, header...)
		var r fault.Report
		err := json.Unmarshal(body, &r)
		if resp.StatusCode != c.status || err != nil || r.Kind != c.kind || r.Message == "" {
			t.Errorf("%s: status %d, %q (%v), want %d and an error of kind %v", c.name, resp.StatusCode, body, err, c.status, c.kind)
		}
	}
	resp, _ := get(t, "GET", serve(t, NewHandler(st, nil, HandlerOptions{}))+path)
	if resp.StatusCode != 403 {
		t.Errorf("without an authorize: status %d, want 403", resp.StatusCode)
	}
}

// cut shortens the file of an output.
func cut(t testing.TB, dir string, id plan.OutputID, size int64) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*", id.String()+".output"))
	if err != nil || len(names) != 1 {
		t.Fatalf("the file of %v: %v, %v", id, names, err)
	}
	if size >= 0 {
		if err := os.Truncate(names[0], size); err != nil {
			t.Fatal(err)
		}
	}
	return names[0]
}

// TestNoPathLeadsOut sends request lines as they are, without what a client
// library makes of them.
func TestNoPathLeadsOut(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 100)
	base := serve(t, NewHandler(st, allow, HandlerOptions{}))
	path := pathOf(out)
	paths := []string{
		"/../../../etc/passwd", "/v1/outputs/../../etc/passwd", "/v1/outputs/..%2f..%2fetc%2fpasswd",
		"/v1/outputs/%2e%2e/%2e%2e/etc/passwd", "/v1/outputs/..%252f..%252fetc%252fpasswd", "/v1/outputs//etc/passwd",
		"//etc/passwd", `/v1/outputs/..\..\etc\passwd`, "/v1/outputs/" + job.String() + "/../../../../../etc/passwd",
		"/v1/outputs/" + job.String() + "/1/1/3/2/4/../../lock", path + "/../lock", path + "/", path + "/.", path + "%00",
		path + "%00.txt", path + ";x", "/v1/outputs/./" + strings.TrimPrefix(path, root), "/x/.." + path, strings.ToUpper(path),
		strings.Replace(path, "/1/", "/01/", 1), strings.Replace(path, "/1/", "/+1/", 1), strings.Replace(path, "/1/", "/-1/", 1),
		strings.Replace(path, "/1/", "/%31/", 1), strings.Replace(path, "/1/", "/18446744073709551617/", 1),
		"/v1/outputs/" + job.String()[:31] + "/1/1/3/2/4", "/v1/outputs/" + job.String() + "0/1/1/3/2/4",
		"/v1/outputs/" + out.ID.String() + ".output", "http://elsewhere" + path + "/..", "*", "file:///etc/passwd",
	}
	for _, p := range paths {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", p)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		if resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("GET %q = status %d, want a refusal", p, resp.StatusCode)
		}
		resp.Body.Close()
		c.Close()
	}
}

// blocking is an output whose reads wait.
type blocking struct {
	Outputs
	entered chan struct{}
	leave   chan struct{}
}

func (b *blocking) Open(ctx context.Context, out plan.MapOutput) (store.Output, error) {
	b.entered <- struct{}{}
	<-b.leave
	return b.Outputs.Open(ctx, out)
}

func TestTooManyRequests(t *testing.T) {
	st := openStore(t, store.Config{})
	out := publish(t, st, outputID(1), 100)
	foreign := out
	foreign.ID.Attempt.Job[0]++
	b := &blocking{Outputs: st, entered: make(chan struct{}), leave: make(chan struct{})}
	h := NewHandler(b, allow, HandlerOptions{Requests: 3, JobRequests: 2})
	done := make(chan int)
	ask := func(out plan.MapOutput) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", pathOf(out), nil))
		return w
	}
	begin := func(out plan.MapOutput) {
		go func() { done <- ask(out).Code }()
		<-b.entered
	}
	refused := func(what string, out plan.MapOutput) {
		if w := ask(out); w.Code != 503 || w.Header().Get("Retry-After") != retryAfter {
			t.Errorf("%s: status %d, Retry-After %q, want 503 and %s", what, w.Code, w.Header().Get("Retry-After"), retryAfter)
		}
	}
	begin(out)
	begin(out)
	refused("a third of the job", out)
	begin(foreign)
	refused("a fourth", foreign)
	close(b.leave)
	codes := map[int]int{}
	for range 3 {
		codes[<-done]++
	}
	if codes[200] != 2 || codes[404] != 1 {
		t.Errorf("statuses %v, want 200 twice and 404", codes)
	}
	go func() { <-b.entered }()
	if w := ask(out); w.Code != 200 {
		t.Errorf("afterwards: status %d, want 200", w.Code)
	}
}

// TestHandlerCutsTheConnection damages a file between the status and the body:
// the client must see that this is not all.
func TestHandlerCutsTheConnection(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, store.Config{Dirs: []string{dir}})
	out := publish(t, st, outputID(1), 9<<20)
	base := serve(t, NewHandler(cutting{st, func() { cut(t, dir, out.ID, 5<<20) }}, allow, HandlerOptions{}))
	transport := &http.Transport{DisableKeepAlives: true}
	r, err := http.NewRequest("GET", base+pathOf(out), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil || n >= out.Bytes {
		t.Errorf("read %d bytes, %v, want fewer and an error", n, err)
	}
}

// cutting calls a function when an output is open.
type cutting struct {
	Outputs
	do func()
}

func (c cutting) Open(ctx context.Context, out plan.MapOutput) (store.Output, error) {
	o, err := c.Outputs.Open(ctx, out)
	c.do()
	return o, err
}

func TestPieces(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, store.Config{Dirs: []string{dir}})
	out, small := publish(t, st, outputID(1), 3<<20), publish(t, st, outputID(2), 100)
	whole, second := contents(t, st, out), contents(t, st, small)
	h := NewHandler(st, allow, HandlerOptions{})
	pieces := []piece{
		{out.ID, out.Digest, 5, 6}, {small.ID, small.Digest, 0, small.Bytes}, {outputID(3), out.Digest, 0, 1},
		{out.ID, out.Digest, 100, 100 + maxPieceBytes}, {small.ID, small.Digest, 1, small.Bytes + 1}, {small.ID, out.Digest, 1, 2},
		{out.ID, out.Digest, out.Bytes - 300_000, out.Bytes},
	}
	want := []struct {
		status uint32
		bytes  []byte
	}{{200, whole[5:6]}, {200, second}, {404, nil}, {200, whole[100 : 100+maxPieceBytes]}, {416, nil}, {404, nil}, {200, whole[len(whole)-300_000:]}}
	var body []byte
	for _, p := range pieces {
		body = p.appendLine(body)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", root+job.String(), bytes.NewReader(body)))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	for i, p := range pieces {
		var header [frameBytes]byte
		if _, err := io.ReadFull(w.Body, header[:]); err != nil {
			t.Fatal(err)
		}
		status, length, ok := parseFrame(header)
		if !ok || status != want[i].status {
			t.Fatalf("piece %d, %+v: status %d, %v, want %d", i, p, status, ok, want[i].status)
		}
		if got := w.Body.Next(int(length)); status == 200 && !bytes.Equal(got, want[i].bytes) {
			t.Errorf("piece %d: %d other bytes", i, len(got))
		} else if status != 200 && !json.Valid(got) {
			t.Errorf("piece %d: error %q", i, got)
		}
	}
	if w.Body.Len() != 0 {
		t.Errorf("%d bytes behind the last frame", w.Body.Len())
	}
}

func TestPiecesRefused(t *testing.T) {
	line := string(piece{outputID(1), strings.Repeat("0", 32), 0, 10}.appendLine(nil))
	long := string(piece{outputID(1), strings.Repeat("0", 32), 0, maxPieceBytes + 1}.appendLine(nil))
	bodies := []string{
		"", "\n", line + "\n", line[:len(line)-1], line + "x", strings.Repeat(line, maxPieces+1), long,
		strings.Replace(line, " ", "  ", 1), strings.Replace(line, "1/1/", "../../", 1), strings.Replace(line, " 0 10", " 10 10", 1),
		strings.Replace(line, " 0 10", " -1 10", 1), strings.Replace(line, "0000", "000g", 1), strings.Repeat("x", maxPieces*maxLineBytes+1),
	}
	h := NewHandler(openStore(t, store.Config{}), allow, HandlerOptions{})
	for _, body := range bodies {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", root+job.String(), strings.NewReader(body)))
		if w.Code != 400 {
			t.Errorf("POST %.80q: status %d, want 400", body, w.Code)
		}
	}
}

func TestServersLimits(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limited := Limit(l, 3, 2)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := limited.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first, second, third := dial(), dial(), dial()
	a, b := <-accepted, <-accepted
	if n, err := third.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("Read of a third connection = %d, %v, want its end", n, err)
	}
	if _, ok := a.(io.ReaderFrom); !ok {
		t.Error("a limited TCP connection is no io.ReaderFrom: files would be copied")
	}
	a.Close()
	a.Close() // counts once
	fourth, fifth := dial(), dial()
	c := <-accepted
	if n, err := fifth.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("Read of a connection above the limit = %d, %v, want its end", n, err)
	}
	for _, conn := range []net.Conn{first, second, third, fourth, fifth, b, c} {
		conn.Close()
	}
	l.Close()
	<-accepted
}

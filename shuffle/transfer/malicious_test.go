package transfer

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/plan"
)

// TestMaliciousServer answers with everything but what was asked for.
func TestMaliciousServer(t *testing.T) {
	out := plan.MapOutput{ID: outputID(1), Executor: executor, Digest: strings.Repeat("a", 32), Bytes: 1000}
	etag := "ETag: \"" + out.Digest + "\"\r\n"
	body := strings.Repeat("x", 1000)
	right := "HTTP/1.1 206 Partial Content\r\n" + etag + "Content-Range: bytes 0-999/1000\r\n"
	cases := []struct {
		name, answer string
		reason       Reason // empty: the answer is right
	}{
		{"right", right + "Content-Length: 1000\r\n\r\n" + body, ""},
		{"right, with more behind", right + "Content-Length: 1000\r\n\r\n" + body + "GARBAGE", ""},
		{"all", strings.Replace(right, "206", "200", 1) + "Content-Length: 1000\r\n\r\n" + body, Garbled},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", Garbled},
		{"redirect", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", Garbled},
		{"shorter range", strings.Replace(right, "0-999", "0-99", 1) + "Content-Length: 100\r\n\r\n" + body[:100], Garbled},
		{"other range", strings.Replace(right, "0-999", "1-1000", 1) + "Content-Length: 1000\r\n\r\n" + body, Garbled},
		{"other size", strings.Replace(right, "/1000", "/999", 1) + "Content-Length: 1000\r\n\r\n" + body, Truncated},
		{"odd range", strings.Replace(right, "bytes 0-999/1000", "bytes */*", 1) + "Content-Length: 1000\r\n\r\n" + body, Garbled},
		{"other digest", strings.Replace(right, "aaaa", "bbbb", 1) + "Content-Length: 1000\r\n\r\n" + body, Garbled},
		{"no length", right + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + body + "\r\n0\r\n\r\n", Garbled},
		{"until the end", right + "Connection: close\r\n\r\n" + body, Garbled},
		{"huge length", right + "Content-Length: 9223372036854775807\r\n\r\n" + body, Garbled},
		{"negative length", right + "Content-Length: -1\r\n\r\n" + body, Unreachable},
		{"two lengths", right + "Content-Length: 1000\r\nContent-Length: 5\r\n\r\n" + body, Unreachable},
		{"shorter body, and again", right + "Content-Length: 1000\r\n\r\n" + body[:999], Garbled},
		{"compressed", right + "Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n" + body, Garbled},
		{"huge header", right + "X: " + strings.Repeat("x", 1<<20) + "\r\nContent-Length: 1000\r\n\r\n" + body, Unreachable},
		{"endless error", "HTTP/1.1 404 Not Found\r\n\r\n" + strings.Repeat("x", 1<<20), Missing},
		{"error that is no error", "HTTP/1.1 500 No\r\nContent-Length: 20\r\n\r\n{\"kind\":\"corrupted\"}", Unreachable},
		{"damaged", "HTTP/1.1 500 No\r\nContent-Length: 34\r\n\r\n{\"kind\":\"corrupt\",\"message\":\"bad\"}", Damaged},
		{"long wait", "HTTP/1.1 503 Busy\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n", Busy},
		{"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", Unreachable},
		{"nothing", "", Unreachable},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			o := quick()
			o.Attempts, o.Timeout = 2, time.Second
			_, err := readAll(newClient(t, answering(t, k.answer), o), out)
			if k.reason == "" {
				if err != nil {
					t.Errorf("read: %v", err)
				}
				return
			}
			wantFailure(t, k.name, err, k.reason.kind(), k.reason)
		})
	}
}

// answering is a server that gives one answer to everything and hangs up.
func answering(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				io.Copy(io.Discard, r.Body)
				io.WriteString(c, answer)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

package transfer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

func TestClientsErrors(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, store.Config{Dirs: []string{dir}})
	good, short := publish(t, st, outputID(1), 1000), publish(t, st, outputID(2), 1000)
	cut(t, dir, short.ID, 100)
	deleted := publish(t, st, outputID(3), 1000)
	if err := os.Remove(cut(t, dir, deleted.ID, -1)); err != nil {
		t.Fatal(err)
	}
	missing, stale, long, foreign := good, good, good, good
	missing.ID = outputID(9)
	stale.Digest = strings.Repeat("0", 32)
	long.Bytes += 1000
	foreign.ID.Attempt.Job[0]++
	base := serve(t, NewHandler(st, func(r *http.Request, id plan.JobID) error {
		if r.Header.Get("Authorization") != "Bearer "+id.Short() {
			return errors.New("no ticket")
		}
		return nil
	}, HandlerOptions{}))
	o := quick()
	o.Sign = func(r *http.Request, id plan.JobID) { r.Header.Set("Authorization", "Bearer "+job.Short()) }
	c := newClient(t, base, o)
	if _, err := readAll(c, good); err != nil {
		t.Errorf("a signed request: %v", err)
	}
	cases := []struct {
		name   string
		out    plan.MapOutput
		kind   fault.Kind
		reason Reason
	}{
		{"missing", missing, fault.Fetch, Missing},
		{"other digest", stale, fault.Fetch, Missing},
		{"file deleted", deleted, fault.Fetch, Missing},
		{"file cut off", short, fault.Corrupt, Damaged},
		{"longer than it is", long, fault.Fetch, Truncated},
		{"refused", foreign, fault.Fetch, Refused},
	}
	for _, k := range cases {
		_, err := readAll(c, k.out)
		wantFailure(t, k.name, err, k.kind, k.reason)
		if err == nil || !strings.Contains(err.Error(), k.out.ID.String()) {
			t.Errorf("%s: error %v does not name the output", k.name, err)
		}
	}
	beyond, err := c.Open(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	_, err = beyond.ReadAt(make([]byte, 10), good.Bytes+1)
	wantFailure(t, "beyond the end", err, fault.Fetch, Truncated)
	beyond.Close()
	stranger := good
	stranger.Executor = "executor-2"
	if _, err := readAll(c, stranger); err == nil || !strings.Contains(err.Error(), "no such executor") {
		t.Errorf("an executor without an address: %v", err)
	}
	for _, bad := range []plan.MapOutput{{ID: good.ID, Executor: executor, Bytes: 1}, {ID: good.ID, Executor: executor, Bytes: -1, Digest: good.Digest}} {
		if _, err := c.Open(t.Context(), bad); fault.KindOf(err) != fault.Internal {
			t.Errorf("Open(%+v) = %v, want kind internal", bad, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Open(ended, good); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a canceled context = %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c := newClient(t, "http://"+l.Addr().String(), quick())
	_, err = readAll(c, plan.MapOutput{ID: outputID(1), Executor: executor, Digest: strings.Repeat("0", 32), Bytes: 100})
	wantFailure(t, "nobody listens", err, fault.Unreachable, Unreachable)
	if err == nil || !strings.Contains(err.Error(), "5 attempts") {
		t.Errorf("error %v does not say how often it was tried", err)
	}
}

func TestFlippedByteIsFoundByTheReader(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, store.Config{Dirs: []string{dir}})
	out := publish(t, st, outputID(1), 1000)
	name := cut(t, dir, out.ID, -1)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, serve(t, NewHandler(st, allow, HandlerOptions{})), quick())
	for at := 1000; at < len(b); at++ {
		b[at] ^= 0x10
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := c.Open(t.Context(), out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.ReadIndex(o, out.Digest); fault.KindOf(err) != fault.Corrupt {
			t.Errorf("byte %d: ReadIndex = %v, want kind corrupt", at, err)
		}
		o.Close()
		b[at] ^= 0x10
	}
}

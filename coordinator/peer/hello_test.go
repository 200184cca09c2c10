package peer

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
)

const clusterID = "0123456789abcdef0123456789abcdef"

func sample(t testing.TB) []byte {
	t.Helper()
	b, err := hello{forProgram, clusterID, "b", "10.0.0.2:7440"}.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestHelloGolden holds the bytes: coordinators of two versions meet while a
// cluster is brought to a newer one.
func TestHelloGolden(t *testing.T) {
	golden.Check(t, filepath.Join("testdata", "hello.golden"), hex.Dump(sample(t)))
}

func TestHello(t *testing.T) {
	for _, h := range []hello{
		{forJournal, clusterID, "a", "127.0.0.1:7440"},
		{forProgram, clusterID, strings.Repeat("n", maxName), strings.Repeat("h", maxAddress)},
		{forJournal, clusterID, "", ""},
	} {
		b, err := h.append(nil)
		if err != nil {
			t.Fatal(err)
		}
		r := bytes.NewReader(append(b, "the rest"...))
		if got, err := readHello(r); err != nil || got != h {
			t.Errorf("readHello(%+v) = %+v, %v", h, got, err)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "the rest" {
			t.Errorf("readHello(%+v) leaves %q, want what follows", h, rest)
		}
	}
	for _, h := range []hello{
		{forJournal, "0123", "a", ""}, {forJournal, strings.Repeat("x", 32), "a", ""},
		{forJournal, clusterID, strings.Repeat("n", maxName+1), ""}, {forJournal, clusterID, "a", strings.Repeat("h", maxAddress+1)},
	} {
		if _, err := h.append(nil); err == nil {
			t.Errorf("append(%+v) = nil, want an error", h)
		}
	}
}

func TestHelloCutShort(t *testing.T) {
	b := sample(t)
	for n := range b {
		if h, err := readHello(bytes.NewReader(b[:n])); err == nil {
			t.Errorf("readHello of %d of %d bytes = %+v, want an error", n, len(b), h)
		}
	}
	for _, foreign := range []string{"GET / HTTP/1.1\r\n", "sheafpr2" + string(b[8:])} {
		if _, err := readHello(strings.NewReader(foreign)); !errors.Is(err, errForeign) {
			t.Errorf("readHello(%q) = %v, want %v", foreign, err, errForeign)
		}
	}
}

func TestAnswer(t *testing.T) {
	for _, tt := range []struct{ said, want string }{
		{"", ""}, {"no", "no"}, {strings.Repeat("x", 2*maxRefusal), strings.Repeat("x", maxRefusal)},
	} {
		err := readAnswer(bytes.NewReader(appendAnswer(nil, tt.said)))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != tt.want) {
			t.Errorf("readAnswer(%q) = %v, want %q", tt.said, err, tt.want)
		}
	}
	if err := readAnswer(strings.NewReader("\xff\xffx")); !errors.Is(err, errForeign) {
		t.Errorf("readAnswer of a long one = %v, want %v", err, errForeign)
	}
}

func FuzzHello(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		h, err := readHello(r)
		if err != nil {
			return
		}
		again, err := h.append(nil)
		if used := data[:len(data)-r.Len()]; err != nil || !bytes.Equal(again, used) {
			t.Errorf("%x reads as %+v, which is %x, %v", used, h, again, err)
		}
	})
}

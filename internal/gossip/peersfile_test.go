package gossip

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/internal/golden"
)

var samplePeers = []peer{
	{netip.MustParseAddrPort("10.0.0.1:7446"), Coordinator},
	{netip.MustParseAddrPort("10.0.0.2:41001"), Executor},
	{netip.MustParseAddrPort("10.0.0.3:41002"), 0},
	{netip.MustParseAddrPort("[2001:db8::4]:7446"), Executor},
}

func TestPeersFileBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers")
	if got, err := readPeers(path, testCluster); err != nil || got != nil {
		t.Errorf("readPeers() of no file = %v, %v, want nobody", got, err)
	}
	if err := writePeers(path, testCluster, samplePeers); err != nil {
		t.Fatal(err)
	}
	got, err := readPeers(path, testCluster)
	if err != nil || !slices.Equal(got, samplePeers) {
		t.Errorf("readPeers() = %v, %v, want %v", got, err, samplePeers)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/peers.golden", written)
	if _, err := readPeers(filepath.Dir(path), testCluster); err == nil {
		t.Error("readPeers() of a directory = nil, want an error")
	}
}

func TestPeersFileDamaged(t *testing.T) {
	whole := string(encodePeers(testCluster, samplePeers))
	for n := range whole {
		// What ends with a line is a file of fewer peers.
		if got, err := decodePeers(testCluster, []byte(whole[:n])); err == nil && !strings.HasSuffix(whole[:n], "\n") {
			t.Errorf("decodePeers of the first %d bytes = %v, want an error", n, got)
		}
	}
	long := []peer{}
	for i := range maxPeers + 1 {
		long = append(long, peer{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 1), Executor})
	}
	if n := len(encodePeers(strings.Repeat("c", maxClusterBytes), long[:maxPeers])); n > maxPeersBytes {
		t.Errorf("%d peers take %d bytes, want at most %d", maxPeers, n, maxPeersBytes)
	}
	head := string(encodePeers(testCluster, nil))
	tests := map[string]string{
		"empty":                "",
		"another version":      strings.Replace(whole, "peers 1", "peers 2", 1),
		"another cluster":      strings.Replace(whole, testCluster, "other", 1),
		"no role":              head + "10.0.0.1:1\n",
		"an unknown role":      head + "baker 10.0.0.1:1\n",
		"a name":               head + "executor host:1\n",
		"port 0":               head + "executor 10.0.0.1:0\n",
		"every address":        head + "executor 0.0.0.0:1\n",
		"a zone":               head + "executor [fe80::1%eth0]:1\n",
		"another spelling":     head + "executor [2001:DB8::1]:1\n",
		"mapped":               head + "executor [::ffff:10.0.0.1]:1\n",
		"twice":                head + "executor 10.0.0.1:1\ncoordinator 10.0.0.1:1\n",
		"an empty line":        head + "\n",
		"the end of a line":    head + "executor 10.0.0.1:1\r\n",
		"too many":             string(encodePeers(testCluster, long)),
		"more than the limit":  head + strings.Repeat("x", maxPeersBytes) + "\n",
		"zeros, after a crash": strings.Repeat("\x00", len(whole)),
	}
	for name, content := range tests {
		if got, err := decodePeers(testCluster, []byte(content)); err == nil {
			t.Errorf("%s: decodePeers() = %v, want an error", name, got)
		}
	}
}

func FuzzPeersFile(f *testing.F) {
	f.Add(encodePeers(testCluster, samplePeers))
	f.Add([]byte(peersHeader))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := decodePeers(testCluster, b)
		if err != nil {
			return
		}
		if again := encodePeers(testCluster, all); !bytes.Equal(b, again) || len(all) > maxPeers {
			t.Errorf("decodePeers(%q) = %v, which is encoded as %q", b, all, again)
		}
	})
}

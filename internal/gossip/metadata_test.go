package gossip

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/memberlist"

	"github.com/sheafdata/sheaf/internal/golden"
)

var sample = metadata{digestOf(testCluster), Executor, "10.0.0.7:7450"}

func TestMetadata(t *testing.T) {
	golden.Check(t, "testdata/metadata.golden", sample.encode())
	longest := metadata{digestOf("c"), Coordinator, strings.Repeat("h", maxHostBytes) + ":65535"}
	if n := len(longest.encode()); n != metadataMax {
		t.Errorf("the longest metadata have %d bytes, want %d", n, metadataMax)
	}
	for _, m := range []metadata{sample, longest, {role: 77, address: "[2001:db8::1]:1"}} {
		if got, err := decodeMetadata(m.encode()); err != nil || got != m {
			t.Errorf("decodeMetadata(encode(%v)) = %v, %v", m, got, err)
		}
		// What a later version adds.
		if got, err := decodeMetadata(append(m.encode(), "more"...)); err != nil || got != m {
			t.Errorf("decodeMetadata(encode(%v) and more) = %v, %v", m, got, err)
		}
	}
}

func TestMetadataDamaged(t *testing.T) {
	whole := sample.encode()
	for n := range whole {
		if m, err := decodeMetadata(whole[:n]); err == nil {
			t.Errorf("decodeMetadata of the first %d bytes = %v, want an error", n, m)
		}
	}
	for i := range len(whole) * 8 {
		damaged := bytes.Clone(whole)
		damaged[i/8] ^= 1 << (i % 8)
		if m, err := decodeMetadata(damaged); err == nil && m == sample {
			t.Errorf("decodeMetadata with bit %d changed gives what was encoded", i)
		}
	}
	for _, address := range []string{"", ":7450", "host", "host:0", "host:07", "host:65536", "a b:7450", "a\n:7450", "[::]:7450", "[fe80::1%eth0]:7450", "host:7450:1"} {
		m := sample
		m.address = address
		if got, err := decodeMetadata(m.encode()); err == nil {
			t.Errorf("decodeMetadata with the address %q = %v, want an error", address, got)
		}
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add(nodeName(Executor, "a"), sample.encode())
	f.Add("coordinator/", []byte{metadataVersion})
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		m, err := decodeMetadata(b)
		if err != nil {
			return
		}
		if again := m.encode(); !bytes.HasPrefix(b, again) || len(again) > memberlist.MetaMaxSize {
			t.Errorf("decodeMetadata(%x) = %v, which is encoded as %x", b, m, again)
		}
		if member, err := memberOf(name, m); err == nil && (nodeName(member.Role, member.Name) != name || !member.Role.known() && member.Role != m.role) {
			t.Errorf("memberOf(%q, %v) = %v", name, m, member)
		}
	})
}

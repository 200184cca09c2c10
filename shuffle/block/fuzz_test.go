package block

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

func FuzzReadHeader(f *testing.F) {
	f.Add(forge(Header{Codec: S2, Rows: 10, RawBytes: 100, StoredBytes: 50}, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ReadHeader(b)
		if err != nil {
			wantCorrupt(t, "ReadHeader", err)
			return
		}
		again := make([]byte, HeaderBytes)
		h.put(again, nil)
		copy(again[atPayload:], b[atPayload:atUnused])
		binary.LittleEndian.PutUint32(again[atHeader:], crc32.Checksum(again[:atHeader], castagnoli))
		if !bytes.Equal(again, b[:HeaderBytes]) {
			t.Errorf("ReadHeader(%x) = %+v, which writes as %x", b[:HeaderBytes], h, again)
		}
	})
}

// FuzzDecode puts right checksums on arbitrary payloads, so that the
// decompressors see them.
func FuzzDecode(f *testing.F) {
	for _, c := range allCodecs {
		b := mustAppend(f, c, nil, sample(), 8)
		f.Add(byte(c), uint32(8), uint32(len(sample())), b[HeaderBytes:])
	}
	f.Fuzz(func(t *testing.T, codec byte, rows, rawBytes uint32, payload []byte) {
		h := Header{Codec: Codec(codec), Rows: rows, RawBytes: rawBytes, StoredBytes: uint32(len(payload))}
		if h.check() == nil && rawBytes > 4*MaxRawBytes {
			return // allowed, but slow to allocate again and again
		}
		raw, got, err := NewDecoder().Decode(nil, forge(h, payload))
		if err != nil {
			wantCorrupt(t, "Decode", err)
			return
		}
		if got != h || len(raw) != int(rawBytes) {
			t.Errorf("Decode(%+v) = %d bytes, %+v", h, len(raw), got)
		}
	})
}

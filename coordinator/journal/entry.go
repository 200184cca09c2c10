package journal

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	entryVersion = 1
	// entryHeader is a version byte and the checksum of what follows.
	entryHeader = 1 + 4

	// MaxRecordBytes bounds one record. A reader refuses an entry that promises
	// more before it allocates.
	MaxRecordBytes = 32 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendEntry appends an entry of records to dst.
func appendEntry(dst []byte, records [][]byte) []byte {
	at := len(dst)
	dst = append(dst, entryVersion, 0, 0, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	for _, r := range records {
		dst = binary.AppendUvarint(dst, uint64(len(r)))
		dst = append(dst, r...)
	}
	binary.LittleEndian.PutUint32(dst[at+1:], checksum(dst[at:]))
	return dst
}

// checksum covers an entry without the checksum itself.
func checksum(entry []byte) uint32 {
	return crc32.Update(crc32.Checksum(entry[:1], castagnoli), castagnoli, entry[entryHeader:])
}

// parseEntry returns the records of an entry, as views. Anything but what
// appendEntry makes is an error of kind fault.Corrupt.
func parseEntry(entry []byte) ([][]byte, error) {
	switch {
	case len(entry) < entryHeader:
		return nil, fault.New(fault.Corrupt, "%d bytes are too few for an entry", len(entry))
	case entry[0] != entryVersion:
		return nil, fault.New(fault.Corrupt, "version %d of entries is not known: a newer Sheaf wrote it, or it is damaged", entry[0])
	case binary.LittleEndian.Uint32(entry[1:]) != checksum(entry):
		return nil, fault.New(fault.Corrupt, "the checksum of %d bytes is wrong", len(entry))
	}
	rest := entry[entryHeader:]
	count, n := binary.Uvarint(rest)
	// A record takes at least the byte of its length.
	if n <= 0 || count > uint64(len(rest)-n) {
		return nil, fault.New(fault.Corrupt, "an entry of %d bytes cannot hold its records", len(entry))
	}
	rest = rest[n:]
	records := make([][]byte, 0, count)
	for range count {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > MaxRecordBytes || size > uint64(len(rest)-n) {
			return nil, fault.New(fault.Corrupt, "record %d of %d is cut off", len(records), count)
		}
		records = append(records, rest[n:n+int(size):n+int(size)])
		rest = rest[n+int(size):]
	}
	if len(rest) > 0 {
		return nil, fault.New(fault.Corrupt, "%d bytes follow the last record", len(rest))
	}
	return records, nil
}

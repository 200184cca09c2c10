// Package kept is the files in which a session keeps datasets between its jobs:
// blocks of column frames between a head that names the row type and a foot that
// counts rows, so that a file of another type, a cut or a damaged one is an error
// and never other rows. docs/format/kept.md describes them. They are for the
// program that wrote them and no format to exchange data with. The package owns
// no goroutine.
package kept

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	// Suffix ends the names of the files.
	Suffix = ".kept"

	headMagic = "SHKH"
	footMagic = "SHKF"
	version   = 1

	headBytes = 16 // before the text of the type
	footBytes = 24
	// maxTypeBytes bounds the text of a row type: no struct that a person writes
	// comes near it.
	maxTypeBytes = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendHead appends the head of a file of rows of a type, by its text.
func appendHead(dst []byte, typ string) []byte {
	at := len(dst)
	dst = append(dst, headMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, version)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(typ)))
	dst = append(dst, 0, 0, 0, 0)
	dst = append(dst, typ...)
	binary.LittleEndian.PutUint32(dst[at+12:], headSum(dst[at:]))
	return dst
}

// headSum is the checksum of a head, in which its own place counts as zeros.
func headSum(head []byte) uint32 {
	sum := crc32.Checksum(head[:12], castagnoli)
	return crc32.Update(sum, castagnoli, head[headBytes:])
}

// typeBytes checks the fixed part of a head and returns the length of the type's text.
func typeBytes(head []byte) (int, error) {
	if string(head[:4]) != headMagic {
		return 0, damaged("no kept dataset begins here: magic %q, want %q", head[:4], headMagic)
	}
	if v := binary.LittleEndian.Uint32(head[4:]); v != version {
		return 0, damaged("version %d, this program reads version %d", v, version)
	}
	n := binary.LittleEndian.Uint32(head[8:])
	if n > maxTypeBytes {
		return 0, damaged("a row type of %d bytes, the limit is %d", n, maxTypeBytes)
	}
	return int(n), nil
}

// appendFoot appends the foot of a file with so many rows in so many blocks.
func appendFoot(dst []byte, rows, blocks uint64) []byte {
	at := len(dst)
	dst = append(dst, footMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, rows)
	dst = binary.LittleEndian.AppendUint64(dst, blocks)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// readFoot returns what a foot says.
func readFoot(foot []byte) (rows, blocks uint64, err error) {
	if string(foot[:4]) != footMagic {
		return 0, 0, damaged("no end of a kept dataset is here: magic %q, want %q", foot[:4], footMagic)
	}
	if want, got := binary.LittleEndian.Uint32(foot[20:]), crc32.Checksum(foot[:20], castagnoli); want != got {
		return 0, 0, damaged("checksum of the end %08x, want %08x", got, want)
	}
	return binary.LittleEndian.Uint64(foot[4:]), binary.LittleEndian.Uint64(foot[12:]), nil
}

// damaged is an error of a file's content. It fails the job: there is no other
// copy to read.
func damaged(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

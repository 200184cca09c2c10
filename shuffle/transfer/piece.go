package transfer

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/internal/plan"
)

// A client that wants small pieces of many outputs of one executor asks for
// them by one request, a line a piece, and gets them in one answer, a frame
// each: below some hundred kilobytes a request costs more than its bytes.

const (
	// maxPieces and maxPieceBytes bound one request for pieces: at most 16 MiB.
	maxPieces     = 64
	maxPieceBytes = 1 << 20
	// maxLineBytes is above the longest line: five numbers, a digest, two offsets.
	maxLineBytes = 192

	frameMagic = "SHPC"
	frameBytes = 16
)

// piece is a range of an output with a digest.
type piece struct {
	id        plan.OutputID
	digest    string
	from, end int64
}

func (p piece) bytes() int { return int(p.end - p.from) }

// appendLine appends "stage/task/epoch/attempt/exchange digest from end\n".
func (p piece) appendLine(b []byte) []byte {
	b = appendNumbers(b, p.id)
	b = append(append(b, ' '), p.digest...)
	b = strconv.AppendInt(append(b, ' '), p.from, 10)
	b = strconv.AppendInt(append(b, ' '), p.end, 10)
	return append(b, '\n')
}

// parsePieces reads the body of a request for pieces of a job.
func parsePieces(job plan.JobID, body []byte) ([]piece, error) {
	if n := bytes.Count(body, []byte("\n")); n == 0 || n > maxPieces {
		return nil, invalid("%d lines, there may be 1 to %d, each with its end", n, maxPieces)
	}
	var pieces []piece
	for line := range strings.Lines(string(body)) {
		p := piece{id: plan.OutputID{Attempt: plan.AttemptID{Job: job}}}
		if !p.parse(strings.TrimSuffix(line, "\n")) || len(line) > maxLineBytes {
			return nil, invalid("line %d is not \"<stage>/<task>/<epoch>/<attempt>/<exchange> <digest> <from> <end>\" with at most %d bytes between from and end", len(pieces)+1, maxPieceBytes)
		}
		pieces = append(pieces, p)
	}
	return pieces, nil
}

func (p *piece) parse(line string) bool {
	fields := strings.Split(line, " ")
	if len(fields) != 4 || !parseNumbers(fields[0], &p.id) || !isDigest(fields[1]) {
		return false
	}
	var ok, too bool
	p.digest = fields[1]
	p.from, ok = parseNumber(fields[2])
	p.end, too = parseNumber(fields[3])
	return ok && too && p.from < p.end && p.end-p.from <= maxPieceBytes
}

// appendFrame appends the header of a frame: magic, status as in HTTP, length of
// what follows.
func appendFrame(b []byte, status int, length int64) []byte {
	b = append(b, frameMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(status))
	return binary.LittleEndian.AppendUint64(b, uint64(length))
}

// parseFrame reads a frame's header.
func parseFrame(b [frameBytes]byte) (status uint32, length uint64, ok bool) {
	return binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:]), string(b[:4]) == frameMagic
}

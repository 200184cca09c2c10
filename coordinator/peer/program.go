package peer

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"time"

	"github.com/sheafdata/sheaf/internal/fault"
)

const (
	// pieceBytes is how much of a program goes at once.
	pieceBytes = 1 << 20
	// pieceTimeout bounds how long that may take.
	pieceTimeout = 30 * time.Second
	// copyTimeout bounds how long a peer may take to copy a program: a gigabyte, on a
	// network that is busy.
	copyTimeout = 2 * time.Minute
	// nameBytes is the size of a sha256.
	nameBytes = 32
)

// give hands a program to a peer that asks for it.
func (p *Port) give(conn net.Conn) error {
	var request [nameBytes + 8]byte
	if _, err := io.ReadFull(conn, request[:]); err != nil {
		return err
	}
	name := hex.EncodeToString(request[:nameBytes])
	offset := int64(binary.BigEndian.Uint64(request[nameBytes:]))
	file, size, err := p.cfg.Program(name)
	if err == nil {
		defer file.Close() // only read
		if offset < 0 || offset > size {
			err = fault.New(fault.Invalid, "offset: is %d of %d bytes", offset, size)
		}
	}
	if err != nil {
		_, writeErr := conn.Write(appendAnswer(nil, err.Error()))
		return writeErr // that it is not here is no news
	}
	if _, err := conn.Write(binary.BigEndian.AppendUint64(appendAnswer(nil, ""), uint64(size))); err != nil {
		return err
	}
	for piece := io.NewSectionReader(file, offset, size-offset); ; {
		if err := conn.SetDeadline(time.Now().Add(pieceTimeout)); err != nil {
			return err
		}
		if _, err := io.CopyN(conn, piece, pieceBytes); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// ReadProgram reads a program of a peer from an offset on and hands it to use in
// pieces, each with its offset and the size of the whole, until it is all there or
// use fails. What comes is not checked.
func (p *Port) ReadProgram(ctx context.Context, name, sha256 string, offset int64, use func(data []byte, offset, total int64) error) error {
	request, err := hex.DecodeString(sha256)
	if err != nil || len(request) != nameBytes {
		return fault.New(fault.Invalid, "program %q is not named by a sha256", sha256)
	}
	conn, err := p.dial(ctx, name, forProgram)
	if err != nil {
		return err
	}
	defer conn.Close() // only read
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(pieceTimeout)); err != nil {
		return err
	}
	if _, err := conn.Write(binary.BigEndian.AppendUint64(request, uint64(offset))); err != nil {
		return err
	}
	if err := readAnswer(conn); err != nil {
		return err
	}
	var size [8]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	return readPieces(conn, offset, int64(binary.BigEndian.Uint64(size[:])), use)
}

func readPieces(conn net.Conn, offset, total int64, use func(data []byte, offset, total int64) error) error {
	if total < offset {
		return fault.New(fault.Invalid, "a program of %d bytes, of which %d are here", total, offset)
	}
	piece := make([]byte, min(pieceBytes, total-offset))
	for offset < total {
		if err := conn.SetDeadline(time.Now().Add(pieceTimeout)); err != nil {
			return err
		}
		n, err := io.ReadFull(conn, piece[:min(pieceBytes, total-offset)])
		if err != nil {
			return err
		}
		if err := use(piece[:n], offset, total); err != nil {
			return err
		}
		offset += int64(n)
	}
	return nil
}

// AskCopy asks a peer to have a program that this coordinator has, and waits until
// it does.
func (p *Port) AskCopy(ctx context.Context, name, sha256 string) error {
	request, err := hex.DecodeString(sha256)
	if err != nil || len(request) != nameBytes {
		return fault.New(fault.Invalid, "program %q is not named by a sha256", sha256)
	}
	conn, err := p.dial(ctx, name, forCopy)
	if err != nil {
		return err
	}
	defer conn.Close() // the answer is all that counts
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(copyTimeout)); err != nil {
		return err
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	return readAnswer(conn)
}

// copied fetches a program from the peer that asks for it. It goes on when that one
// does not wait any longer: it will be needed here all the same.
func (p *Port) copied(conn net.Conn, from string) error {
	var request [nameBytes]byte
	if _, err := io.ReadFull(conn, request[:]); err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(copyTimeout)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(p.ctx, copyTimeout)
	defer cancel()
	text := ""
	if err := p.cfg.Copy(ctx, hex.EncodeToString(request[:]), from); err != nil {
		text = err.Error()
	}
	_, err := conn.Write(appendAnswer(nil, text))
	return err
}

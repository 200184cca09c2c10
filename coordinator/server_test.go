package coordinator

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/coordinator/artifact"
)

// TestCompression: programs go to executors as they are, whatever they accept.
func TestCompression(t *testing.T) {
	c := start(t, testConfig(t.TempDir()))
	text := bytes.Repeat([]byte("zeros "), 1<<14)
	sum := sha256.Sum256(text)
	name := hex.EncodeToString(sum[:])
	if _, _, err := c.programs.Write(artifact.Chunk{Name: name, Total: int64(len(text)), Data: text}, func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	ask, err := proto.Marshal(&pb.FetchArtifactRequest{Sha256: name})
	if err != nil {
		t.Fatal(err)
	}
	envelope := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(ask))), ask...)
	req, err := http.NewRequestWithContext(within(t), http.MethodPost, "http://"+c.Address()+sheafv1connect.ExecutorServiceFetchArtifactProcedure, bytes.NewReader(envelope))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/connect+proto")
	req.Header.Set("Connect-Accept-Encoding", "gzip")
	resp, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	head := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, head); err != nil {
		t.Fatal(err)
	}
	if n := binary.BigEndian.Uint32(head[1:]); head[0]&1 != 0 || int(n) < len(text) {
		t.Errorf("a program of %d bytes comes in an envelope of %d with flags %d, want it as it is", len(text), n, head[0])
	}
}

// TestManyConnections: idle ones are bounded and keep nobody else out for ever.
func TestManyConnections(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Limits.Connections = 2
	c := start(t, cfg)
	for range 2 {
		conn, err := net.Dial("tcp", c.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	began := time.Now()
	if _, err := calls(t, c.Address()).GetVersion(within(t), connect.NewRequest(&pb.GetVersionRequest{})); err != nil {
		t.Errorf("GetVersion behind idle connections = %v, want an answer once they are cut off", err)
	}
	if waited := time.Since(began); waited < headerTimeout/2 {
		t.Errorf("a third connection was served after %v beside two idle ones, which are the limit", waited)
	}
}

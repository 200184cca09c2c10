package coordinator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"connectrpc.com/connect"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
	"github.com/sheafdata/sheaf/internal/wire"
)

func TestArtifacts(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.Limits.ArtifactBytes = 3 << 20
	c := start(t, cfg)
	cluster := calls(t, c.Address())
	program := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/2/16)
	sum := sha256.Sum256(program)
	name := hex.EncodeToString(sum[:])
	send := func(from, to int, data []byte) (*pb.UploadArtifactResponse, error) {
		got, err := cluster.UploadArtifact(within(t), connect.NewRequest(&pb.UploadArtifactRequest{
			Sha256: name, TotalBytes: int64(len(program)), Offset: int64(from), Data: data[from:to],
		}))
		if err != nil {
			return nil, err
		}
		return got.Msg, nil
	}
	if _, err := send(0, 1<<20, program); err != nil {
		t.Fatal(err)
	}
	_, err := send(2<<20, len(program), program)
	wantCode(t, "UploadArtifact behind a gap", err, connect.CodeInvalidArgument, "only 1048576 bytes are there")
	stat, err := cluster.StatArtifact(within(t), connect.NewRequest(&pb.StatArtifactRequest{Sha256: name}))
	if err != nil || stat.Msg.GetBytes() != 1<<20-1 || stat.Msg.GetComplete() {
		t.Fatalf("StatArtifact = %v, %v, want 1 MiB without its last byte", stat, err)
	}
	damaged := bytes.Clone(program)
	damaged[len(damaged)-1]++
	if _, err := send(1<<20, 2<<20, program); err != nil {
		t.Fatal(err)
	}
	_, err = send(2<<20, len(program), damaged)
	wantCode(t, "UploadArtifact with damage", err, connect.CodeDataLoss, "upload it again")
	for off := 0; off < len(program); off += 1 << 20 {
		if _, err := send(off, min(off+1<<20, len(program)), program); err != nil {
			t.Fatal(err)
		}
	}
	_, err = cluster.UploadArtifact(within(t), connect.NewRequest(&pb.UploadArtifactRequest{Sha256: name, TotalBytes: 4 << 20, Data: program[:1]}))
	wantCode(t, "UploadArtifact of 4 MiB", err, connect.CodeResourceExhausted, "at most 3145728")
	_, err = cluster.StatArtifact(within(t), connect.NewRequest(&pb.StatArtifactRequest{Sha256: "../../etc/passwd"}))
	wantCode(t, "StatArtifact(../../etc/passwd)", err, connect.CodeInvalidArgument, "hexadecimal digits")
	for _, from := range []int{0, 1, 1 << 20, len(program)} {
		if got := fetch(t, c, name, from); !bytes.Equal(got, program[from:]) {
			t.Errorf("FetchArtifact from %d gives %d other bytes", from, len(got))
		}
	}
}

func fetch(t *testing.T, c *Coordinator, name string, from int) []byte {
	t.Helper()
	service := sheafv1connect.NewExecutorServiceClient(client(t), "http://"+c.Address(), connect.WithCodec(wire.Codec{}))
	stream, err := service.FetchArtifact(within(t), connect.NewRequest(&pb.FetchArtifactRequest{Sha256: name, Offset: int64(from)}))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var got []byte
	for stream.Receive() {
		if m := stream.Msg(); int(m.GetOffset()) != from+len(got) {
			t.Fatalf("a piece at %d after %d bytes from %d", m.GetOffset(), len(got), from)
		}
		got = append(got, stream.Msg().GetData()...)
	}
	if err := stream.Err(); err != nil {
		t.Fatalf("FetchArtifact(%s, %d) = %v", name, from, err)
	}
	return got
}

package client

import (
	"context"
	"io"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/api/sheaf/v1/sheafv1connect"
)

// chunkBytes is the size of a chunk: the most that the service takes.
const chunkBytes = 1 << 20

// maxUploads bounds how often an upload begins again, at a coordinator that leads
// now and has less of the program, or had to throw away what it had.
const maxUploads = 4

// Upload brings a program to the cluster unless it is there. What arrived before
// a connection broke, in this upload or an older one, is not sent again. sent,
// which may be nil, gets how much is there.
func (c *Client) Upload(ctx context.Context, sha256 string, total int64, program io.ReaderAt, sent func(bytes int64)) error {
	stat, err := call(ctx, c, sheafv1connect.ClusterServiceClient.StatArtifact, &pb.StatArtifactRequest{Sha256: sha256})
	if err != nil {
		return err
	}
	have, complete := stat.GetBytes(), stat.GetComplete()
	buffer := make([]byte, chunkBytes)
	// A chunk may be lost with its answer, so that the coordinator's answer alone
	// says where to go on; each must bring progress.
	for begun := 1; !complete; {
		if sent != nil {
			sent(have)
		}
		if have < 0 || have >= total {
			return refused(Failed, "coordinator at %s: it says that %d of %d bytes of the program are there, but that it is not complete", c.Address(), have, total)
		}
		n, err := program.ReadAt(buffer[:min(chunkBytes, total-have)], have)
		if n == 0 {
			return refused(Failed, "read the program: %w", err)
		}
		response, err := call(ctx, c, sheafv1connect.ClusterServiceClient.UploadArtifact,
			&pb.UploadArtifactRequest{Sha256: sha256, TotalBytes: total, Offset: have, Data: buffer[:n]})
		if err != nil {
			now, _ := call(ctx, c, sheafv1connect.ClusterServiceClient.StatArtifact, &pb.StatArtifactRequest{Sha256: sha256})
			if begun++; now == nil || now.GetBytes() >= have || begun > maxUploads {
				return err
			}
			have, complete = now.GetBytes(), now.GetComplete()
			continue
		}
		if complete = response.GetComplete(); !complete && response.GetBytes() <= have {
			return refused(Failed, "coordinator at %s: the upload of the program makes no progress: %d of %d bytes are there", c.Address(), response.GetBytes(), total)
		}
		have = response.GetBytes()
	}
	if sent != nil {
		sent(total)
	}
	return nil
}

package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

// EncodeJobSpec makes the message of a job's specification.
func EncodeJobSpec(s *plan.JobSpec) *pb.JobSpec {
	job := s.Job
	return &pb.JobSpec{
		Job: job[:], Name: s.Name, ArtifactSha256: s.ArtifactSHA256, ArtifactBytes: s.ArtifactBytes,
		Args: s.Args, Fingerprint: s.Fingerprint, Overwrite: s.Overwrite, Options: EncodeOptions(&s.Options),
		WorkingDirectory: s.WorkingDirectory, Graph: s.Graph, SubmittedUnixNanos: s.SubmittedUnixNanos,
	}
}

// DecodeJobSpec checks a job's specification.
func DecodeJobSpec(m *pb.JobSpec) (plan.JobSpec, error) { return decode("job_spec", m, readJobSpec) }

func readJobSpec(c *checker, m *pb.JobSpec) plan.JobSpec {
	return plan.JobSpec{
		Job:            readJobID(c, "job", m.GetJob()),
		Name:           c.name("name", m.GetName()),
		ArtifactSHA256: c.digest("artifact_sha256", m.GetArtifactSha256(), artifactDigestBytes),
		ArtifactBytes:  c.quantity("artifact_bytes", m.GetArtifactBytes()),
		Args:           c.text("args", m.GetArgs(), maxText),
		Fingerprint:    c.name("fingerprint", m.GetFingerprint()),
		Overwrite:      m.GetOverwrite(),
		Options:        one(c, "options", m.GetOptions(), readOptions),

		WorkingDirectory: c.name("working_directory", m.GetWorkingDirectory()),
		Graph:            c.texts("graph", m.GetGraph(), maxText),

		SubmittedUnixNanos: c.quantity("submitted_unix_nanos", m.GetSubmittedUnixNanos()),
	}
}

// artifactDigestBytes is the size of a sha256.
const artifactDigestBytes = 32

// EncodeOptions makes the message of the engine's settings.
func EncodeOptions(o *plan.Options) *pb.EngineOptions {
	return &pb.EngineOptions{
		TaskMemoryBytes: o.TaskMemoryBytes, Codec: o.Codec, BatchRows: narrow(o.BatchRows), BatchBytes: o.BatchBytes,
		ChunkRows: narrow(o.ChunkRows), MaxRowBytes: o.MaxRowBytes, SessionDirectory: o.SessionDirectory,
		VerifyPerMillion: narrow(o.VerifyPerMillion),
	}
}

// DecodeOptions checks the engine's settings; none are the defaults. Whether a
// codec of that name exists is for the worker to say.
func DecodeOptions(m *pb.EngineOptions) (plan.Options, error) {
	if m == nil {
		return plan.Options{}, nil
	}
	return decode("options", m, readOptions)
}

func readOptions(c *checker, m *pb.EngineOptions) plan.Options {
	return plan.Options{
		TaskMemoryBytes: c.quantity("task_memory_bytes", m.GetTaskMemoryBytes()),
		Codec:           c.name("codec", m.GetCodec()),
		BatchRows:       c.number("batch_rows", m.GetBatchRows()),
		BatchBytes:      c.quantity("batch_bytes", m.GetBatchBytes()),
		ChunkRows:       c.number("chunk_rows", m.GetChunkRows()),
		MaxRowBytes:     c.quantity("max_row_bytes", m.GetMaxRowBytes()),

		SessionDirectory: c.name("session_directory", m.GetSessionDirectory()),
		VerifyPerMillion: c.number("verify_per_million", m.GetVerifyPerMillion()),
	}
}

package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

var (
	works = map[pb.Work]plan.Work{
		pb.Work_WORK_ENUMERATE: plan.Enumerate,
		pb.Work_WORK_RUN:       plan.Run,
		pb.Work_WORK_PUBLISH:   plan.Publish,
		pb.Work_WORK_DISCARD:   plan.Discard,
	}
	workNumbers = inverse(works)
)

// EncodeAssignment makes the message of an assignment. It shares keys and other
// bytes with it.
func EncodeAssignment(a *plan.Assignment) *pb.Assignment {
	m := &pb.Assignment{
		Attempt: encodeAttemptID(&a.Attempt), Work: workNumbers[a.Work],
		Splits:  messages(a.Splits, encodeSplit),
		Files:   messages(a.Files, encodeStagedFile),
		Suspect: EncodeRowRange(a.Suspect),
		Deadly:  messages(a.Deadly, encodeDeadlyRow),
		Sides:   messages(a.Sides, encodePartition),
	}
	if a.Partition != nil {
		m.Partition = encodePartition(a.Partition)
	}
	return m
}

// DecodeAssignment checks an assignment. It shares bytes with the message.
func DecodeAssignment(m *pb.Assignment) (plan.Assignment, error) {
	return decode("assignment", m, readAssignment)
}

func readAssignment(c *checker, m *pb.Assignment) plan.Assignment {
	return plan.Assignment{
		Attempt:   one(c, "attempt", m.GetAttempt(), readAttemptID),
		Work:      known(c, "work", m.GetWork(), works),
		Splits:    list(c, "splits", m.GetSplits(), readSplit),
		Partition: maybe(c, "partition", m.GetPartition(), readPartition),
		Files:     list(c, "files", m.GetFiles(), readStagedFile),
		Suspect:   maybe(c, "suspect", m.GetSuspect(), readRowRange),
		Deadly:    list(c, "deadly", m.GetDeadly(), readDeadlyRow),
		Sides:     list(c, "sides", m.GetSides(), readPartition),
	}
}

func encodeSplit(s *plan.Split) *pb.Split {
	m := &pb.Split{
		Offset: s.Offset, Length: s.Length, Size: s.Size, ModNanos: s.ModNanos, Inode: s.Inode,
		Cuttable: s.Cuttable, Align: s.Align,
	}
	if s.Path != "" {
		m.Path = []byte(s.Path)
	}
	return m
}

func readSplit(c *checker, m *pb.Split) plan.Split {
	return plan.Split{
		Path:     c.name("path", string(m.GetPath())),
		Offset:   c.quantity("offset", m.GetOffset()),
		Length:   c.quantity("length", m.GetLength()),
		Size:     c.quantity("size", m.GetSize()),
		ModNanos: m.GetModNanos(),
		Inode:    m.GetInode(),
		Cuttable: m.GetCuttable(),
		Align:    c.quantity("align", m.GetAlign()),
	}
}

func encodePartition(p *plan.Partition) *pb.Partition {
	return &pb.Partition{
		Exchange: narrow(p.Exchange), Index: narrow(p.Index),
		FirstBucket: narrow(p.FirstBucket), EndBucket: narrow(p.EndBucket),
		// A nil ToKey is no bound; an empty one bounds, and stays.
		FromKey: p.FromKey, ToKey: p.ToKey,
		Outputs: messages(p.Outputs, encodeMapOutput),
	}
}

func readPartition(c *checker, m *pb.Partition) plan.Partition {
	return plan.Partition{
		Exchange:    plan.ExchangeID(c.number("exchange", m.GetExchange())),
		Index:       c.number("index", m.GetIndex()),
		FirstBucket: c.number("first_bucket", m.GetFirstBucket()),
		EndBucket:   c.number("end_bucket", m.GetEndBucket()),
		FromKey:     m.GetFromKey(),
		ToKey:       m.GetToKey(),
		Outputs:     list(c, "outputs", m.GetOutputs(), readMapOutput),
	}
}

func encodeMapOutput(o *plan.MapOutput) *pb.MapOutput {
	return &pb.MapOutput{
		Id: encodeOutputID(&o.ID), Executor: string(o.Executor), Digest: o.Digest, Bytes: o.Bytes, Rows: o.Rows,
		BucketBytes: o.BucketBytes, Samples: messages(o.Samples, encodeKeySample),
		RowDigest: o.RowDigest, Partial: o.Partial, RawBytes: o.RawBytes,
		Keys: messages(o.Keys, encodeKeyWeight), MissedBytes: o.MissedBytes,
	}
}

func readMapOutput(c *checker, m *pb.MapOutput) plan.MapOutput {
	return plan.MapOutput{
		ID:          one(c, "id", m.GetId(), readOutputID),
		Executor:    plan.ExecutorID(c.name("executor", m.GetExecutor())),
		Digest:      c.digestOrNone("digest", m.GetDigest(), digestBytes),
		Bytes:       c.quantity("bytes", m.GetBytes()),
		Rows:        c.quantity("rows", m.GetRows()),
		BucketBytes: c.quantities("bucket_bytes", m.GetBucketBytes()),
		Samples:     list(c, "samples", m.GetSamples(), readKeySample),
		RowDigest:   c.digestOrNone("row_digest", m.GetRowDigest(), digestBytes),
		Partial:     m.GetPartial(),
		RawBytes:    c.quantity("raw_bytes", m.GetRawBytes()),
		Keys:        list(c, "keys", m.GetKeys(), readKeyWeight),
		MissedBytes: c.quantity("missed_bytes", m.GetMissedBytes()),
	}
}

func encodeKeySample(s *plan.KeySample) *pb.KeySample {
	return &pb.KeySample{Key: s.Key, Bytes: s.Bytes}
}

func readKeySample(c *checker, m *pb.KeySample) plan.KeySample {
	return plan.KeySample{Key: m.GetKey(), Bytes: c.quantity("bytes", m.GetBytes())}
}

func encodeStagedFile(f *plan.StagedFile) *pb.StagedFile {
	return &pb.StagedFile{
		Sink: narrow(f.Sink), Attempt: encodeAttemptID(&f.Attempt), Name: f.Name,
		Bytes: f.Bytes, Rows: f.Rows, Xxh3: f.XXH3, Quarantine: f.Quarantine,
	}
}

func readStagedFile(c *checker, m *pb.StagedFile) plan.StagedFile {
	return plan.StagedFile{
		Sink:       plan.SinkID(c.number("sink", m.GetSink())),
		Attempt:    one(c, "attempt", m.GetAttempt(), readAttemptID),
		Name:       c.name("name", m.GetName()),
		Bytes:      c.quantity("bytes", m.GetBytes()),
		Rows:       c.quantity("rows", m.GetRows()),
		XXH3:       c.digestOrNone("xxh3", m.GetXxh3(), digestBytes),
		Quarantine: m.GetQuarantine(),
	}
}

// digestBytes is the size of an xxh3-128.
const digestBytes = 16

package wire

import (
	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/plan"
)

func encodeKeyWeight(k *plan.KeyWeight) *pb.KeyWeight {
	return &pb.KeyWeight{Hash: uint64(k.Hash), Key: k.Key, Text: k.Text, Rows: k.Rows, Bytes: k.Bytes}
}

func readKeyWeight(c *checker, m *pb.KeyWeight) plan.KeyWeight {
	if n := len(m.GetKey()); n > plan.MaxKeyBytes {
		c.fail("key", "%d bytes, at most %d", n, plan.MaxKeyBytes)
	}
	return plan.KeyWeight{
		Hash: plan.KeyHash(m.GetHash()), Key: m.GetKey(), Text: c.text("text", m.GetText(), plan.MaxKeyTextBytes),
		Rows: c.quantity("rows", m.GetRows()), Bytes: c.quantity("bytes", m.GetBytes()),
	}
}

// EncodeHotKeys makes the messages of hot keys.
func EncodeHotKeys(keys []plan.HotKey) []*pb.HotKey {
	return messages(keys, func(k *plan.HotKey) *pb.HotKey {
		return &pb.HotKey{
			Operator: k.Operator, At: k.At, Key: k.Key, Hash: uint64(k.Hash), Rows: k.Rows, Bytes: k.Bytes,
			MissedBytes: k.MissedBytes, TotalBytes: k.TotalBytes,
		}
	})
}

// DecodeHotKeys checks hot keys.
func DecodeHotKeys(in []*pb.HotKey) ([]plan.HotKey, error) {
	var c checker
	keys := list(&c, "hot_keys", in, readHotKey)
	return keys, c.err
}

func readHotKey(c *checker, m *pb.HotKey) plan.HotKey {
	return plan.HotKey{
		Operator: c.name("operator", m.GetOperator()), At: c.name("at", m.GetAt()),
		Key: c.text("key", m.GetKey(), plan.MaxKeyTextBytes), Hash: plan.KeyHash(m.GetHash()),
		Rows: c.quantity("rows", m.GetRows()), Bytes: c.quantity("bytes", m.GetBytes()),
		MissedBytes: c.quantity("missed_bytes", m.GetMissedBytes()), TotalBytes: c.quantity("total_bytes", m.GetTotalBytes()),
	}
}

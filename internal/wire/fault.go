package wire

import (
	"strings"

	pb "github.com/sheafdata/sheaf/api/sheaf/v1"
	"github.com/sheafdata/sheaf/internal/fault"
)

var (
	kinds = map[pb.FaultKind]fault.Kind{
		pb.FaultKind_FAULT_KIND_UNKNOWN:     fault.Unknown,
		pb.FaultKind_FAULT_KIND_INVALID:     fault.Invalid,
		pb.FaultKind_FAULT_KIND_USER:        fault.User,
		pb.FaultKind_FAULT_KIND_TRANSIENT:   fault.Transient,
		pb.FaultKind_FAULT_KIND_LOST:        fault.Lost,
		pb.FaultKind_FAULT_KIND_FETCH:       fault.Fetch,
		pb.FaultKind_FAULT_KIND_CORRUPT:     fault.Corrupt,
		pb.FaultKind_FAULT_KIND_RESOURCE:    fault.Resource,
		pb.FaultKind_FAULT_KIND_DISK:        fault.Disk,
		pb.FaultKind_FAULT_KIND_CANCELED:    fault.Canceled,
		pb.FaultKind_FAULT_KIND_INTERNAL:    fault.Internal,
		pb.FaultKind_FAULT_KIND_UNREACHABLE: fault.Unreachable,
	}
	kindNumbers = inverse(kinds)
)

// maxMessage bounds the line of a report, maxDetail what follows: a failure must
// be told, so that longer ones are cut instead of refused.
const (
	maxMessage = 64 << 10
	maxDetail  = maxText
)

// EncodeReport makes the message of a failure. Texts that are too long are cut,
// and bytes that are no text are replaced.
func EncodeReport(r *fault.Report) *pb.FaultReport {
	return &pb.FaultReport{Kind: kindNumbers[r.Kind], Message: clip(r.Message, maxMessage), Detail: clip(r.Detail, maxDetail)}
}

// DecodeReport checks a failure.
func DecodeReport(m *pb.FaultReport) (fault.Report, error) { return decode("failure", m, readReport) }

func readReport(c *checker, m *pb.FaultReport) fault.Report {
	return fault.Report{
		Kind:    known(c, "kind", m.GetKind(), kinds),
		Message: c.text("message", m.GetMessage(), maxMessage),
		Detail:  c.text("detail", m.GetDetail(), maxDetail),
	}
}

// cut ends a text that was cut.
const cut = " … (cut)"

// clip returns text of at most limit bytes in UTF-8.
func clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit-len(cut)], "") + cut
}

package transfer

import (
	"math"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/plan"
)

const (
	// root begins the path of every request.
	root = "/v1/outputs/"
	// digestQuery is the only query there is.
	digestQuery = "digest="

	jobDigits    = 32
	digestDigits = 32
	// maxDigits is how long a number may be: no 64-bit one overflows.
	maxDigits = 18
)

// appendPath appends the path of an output: root, job, and five numbers.
func appendPath(b []byte, id plan.OutputID) []byte {
	b = append(b, root...)
	b = append(b, id.Attempt.Job.String()...)
	b = append(b, '/')
	return appendNumbers(b, id)
}

// appendNumbers appends what follows the job: stage/task/epoch/attempt/exchange.
func appendNumbers(b []byte, id plan.OutputID) []byte {
	b = strconv.AppendInt(b, int64(id.Attempt.Task.Stage), 10)
	b = strconv.AppendInt(append(b, '/'), int64(id.Attempt.Task.Index), 10)
	b = strconv.AppendUint(append(b, '/'), uint64(id.Attempt.Epoch), 10)
	b = strconv.AppendInt(append(b, '/'), int64(id.Attempt.Number), 10)
	return strconv.AppendInt(append(b, '/'), int64(id.Exchange), 10)
}

// parsePath reads the path of a request: a job, or one of its output too. An id
// has exactly one path.
func parsePath(path string) (id plan.OutputID, whole bool, err error) {
	rest, found := strings.CutPrefix(path, root)
	if !found {
		return id, false, invalid("there is nothing at this path: outputs are at %s<job>/<stage>/<task>/<epoch>/<attempt>/<exchange>", root)
	}
	job, rest, whole := strings.Cut(rest, "/")
	if len(job) != jobDigits || !isHex(job) {
		return plan.OutputID{}, false, invalid("the job is not %d lower-case hexadecimal digits", jobDigits)
	}
	if err := id.Attempt.Job.UnmarshalText([]byte(job)); err != nil {
		return plan.OutputID{}, false, invalid("%w", err)
	}
	if whole && !parseNumbers(rest, &id) {
		return plan.OutputID{}, false, invalid("behind the job come five plain numbers: <stage>/<task>/<epoch>/<attempt>/<exchange>")
	}
	return id, whole, nil
}

// parseNumbers reads what appendNumbers writes into id.
func parseNumbers(text string, id *plan.OutputID) bool {
	limits := [5]int64{math.MaxInt32, math.MaxInt32, math.MaxUint32, math.MaxInt32, math.MaxInt32}
	var n [5]int64
	for i := range n {
		field, rest, more := strings.Cut(text, "/")
		if more != (i < len(n)-1) {
			return false
		}
		var ok bool
		if n[i], ok = parseNumber(field); !ok || n[i] > limits[i] {
			return false
		}
		text = rest
	}
	id.Attempt.Task = plan.TaskID{Stage: plan.StageID(n[0]), Index: int(n[1])}
	id.Attempt.Epoch, id.Attempt.Number = uint32(n[2]), int(n[3])
	id.Exchange = plan.ExchangeID(n[4])
	return true
}

// parseNumber reads digits, without a sign or a zero in front.
func parseNumber(s string) (int64, bool) {
	if s == "" || len(s) > maxDigits || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int64(s[i]-'0')
	}
	return n, true
}

// parseQuery reads the digest of a request; empty if it does not ask for one.
func parseQuery(query string) (digest string, err error) {
	if query == "" {
		return "", nil
	}
	digest, found := strings.CutPrefix(query, digestQuery)
	if !found || !isDigest(digest) {
		return "", invalid("the query is not %s and %d lower-case hexadecimal digits", digestQuery, digestDigits)
	}
	return digest, nil
}

func isDigest(s string) bool { return len(s) == digestDigits && isHex(s) }

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

func invalid(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

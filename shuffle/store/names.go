package store

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/sheafdata/sheaf/internal/plan"
)

// Names of files are made of ids and nothing else, so that nobody needs to be
// told one, and no request can hold one.

const outputSuffix = ".output"

func outputName(id plan.OutputID) string { return id.String() + outputSuffix }

// writingName is the name of a map output that is not published. The number
// keeps two writers of one id apart until one of them may publish.
func writingName(id plan.OutputID, turn uint64) string {
	return fmt.Sprintf("%v.%d.writing", id, turn)
}

// parseOutputName reads what outputName writes, and nothing else.
func parseOutputName(name string) (plan.OutputID, bool) {
	var id plan.OutputID
	text, found := strings.CutSuffix(name, outputSuffix)
	digits := hex.EncodedLen(len(id.Attempt.Job))
	if !found || len(text) < digits || id.Attempt.Job.UnmarshalText([]byte(text[:digits])) != nil {
		return plan.OutputID{}, false
	}
	numbers := numberParser{rest: text[digits:]}
	id.Attempt.Task.Stage = plan.StageID(numbers.next("-s"))
	id.Attempt.Task.Index = numbers.next("-t")
	id.Attempt.Epoch = uint32(numbers.next("-e"))
	id.Attempt.Number = numbers.next("-a")
	id.Exchange = plan.ExchangeID(numbers.next("-x"))
	// An id has one name: this refuses signs, zeros in front and numbers cut to fit.
	return id, numbers.rest == "" && outputName(id) == name
}

// numberParser reads numbers behind their marks from the front of rest.
type numberParser struct{ rest string }

func (p *numberParser) next(mark string) int {
	text, found := strings.CutPrefix(p.rest, mark)
	if !found {
		p.rest = "?"
		return 0
	}
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || end == 0 && text[end] == '-') {
		end++
	}
	n, err := strconv.Atoi(text[:end])
	p.rest = text[end:]
	if err != nil {
		p.rest = "?"
	}
	return n
}

package powerloss

import "fmt"

// op is one change, with paths below the root of the trace.
type op struct {
	kind     opKind
	path, to string
	offset   int64 // of a write; the size to truncate to
	data     []byte
	flags    opFlags
}

type opKind string

const (
	opCreate   opKind = "create" // where nothing is
	opWrite    opKind = "write"
	opTruncate opKind = "truncate"
	opExtend   opKind = "extend" // to at least a size
	opSync     opKind = "sync"
	opRename   opKind = "rename"
	opExchange opKind = "exchange"
	opMkdir    opKind = "mkdir"
	opUnlink   opKind = "unlink"
	opRmdir    opKind = "rmdir"
	opLink     opKind = "link"
	opSay      opKind = "say" // to standard output, which is no file
)

type opFlags struct {
	noReplace bool // of a rename
	append    bool // of a write
}

// String describes an operation for a failure of a test.
func (o *op) String() string {
	switch o.kind {
	case opSay:
		return fmt.Sprintf("say %.40q", o.data)
	case opWrite:
		return fmt.Sprintf("write %d bytes at %d of %s", len(o.data), o.offset, o.path)
	case opTruncate, opExtend:
		return fmt.Sprintf("%s %s to %d", o.kind, o.path, o.offset)
	case opRename, opExchange, opLink:
		return fmt.Sprintf("%s %s, %s", o.kind, o.path, o.to)
	}
	return fmt.Sprintf("%s %s", o.kind, o.path)
}

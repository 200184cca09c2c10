// Package format is the base that every file format stands on. It lists the
// files of an input, opens a piece of one pinned to the version that was
// listed, undoes gzip and zstd, and feeds windows of plain bytes to the
// format's Decoder, which only cuts rows. For output it turns a function that
// appends a row to a buffer into a graph.Format.
//
// Programs use the packages below it (text, fixed, ...); whoever adds a format
// uses New and NewFormat here, and proves it with formattest. The package owns
// no goroutine. Batches are garbage collected; window buffers are pooled and
// never escape.
package format

import (
	"context"

	"github.com/apache/arrow/go/v15/arrow"

	"github.com/sheafdata/sheaf/internal/graph"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/internal/storage"
)

// Config says what a format is to its base.
type Config struct {
	// Format names the format in plans and messages: "text".
	Format string
	// Input is what to read: files, directories and globs, by comma.
	Input string
	// Schema is the schema of every batch.
	Schema *arrow.Schema
	// NewDecoder makes the decoder of one piece.
	NewDecoder func(Piece) (Decoder, error)
	// Lines says that rows end with "\n" and that no "\n" is inside a row, so
	// that any byte range of a plain file can be read alone.
	Lines bool
	// Begin, when set, returns where the first row begins that a piece at an
	// offset above 0 of a plain file gives: the first one behind a row that ends
	// at offset-1 or later, or the file's size if there is none. It is for
	// formats in which a "\n" may be inside a row, and makes plain files such
	// that any byte range can be read alone. It is called by several goroutines
	// at once.
	Begin func(ctx context.Context, piece Piece) (int64, error)
	// RowBytes, when above 0, says that every row has exactly that many bytes,
	// so that a plain file can be cut at its multiples. Without Lines, Begin
	// and RowBytes files are read whole.
	RowBytes int64
	// SuffixOnly trusts the file's name alone to say that it is compressed. It
	// is for binary formats, whose first row may begin with any bytes.
	SuffixOnly bool
	// Err, when set, is what Err, Enumerate and Open return: a wrong argument
	// of the format's constructor, which has no error result of its own.
	Err error
}

// Files is a source of rows in files: the base of every file format. It
// implements graph.Source and may be used by several goroutines at once.
type Files struct{ config Config }

var _ graph.Source = (*Files)(nil)

// New returns a source of rows in files.
func New(config Config) *Files { return &Files{config} }

// Name implements graph.Source: "text books/*.txt".
func (f *Files) Name() string { return f.config.Format + " " + f.config.Input }

// Err returns what is wrong with the source's arguments, so that whoever builds
// a graph can report it before anything runs.
func (f *Files) Err() error { return f.config.Err }

// Schema implements graph.Source.
func (f *Files) Schema() *arrow.Schema { return f.config.Schema }

// Enumerate implements graph.Source: every file whole, in input order. It
// opens none of them, since an input may have very many, and so goes by suffix
// to say which can be cut.
func (f *Files) Enumerate(ctx context.Context) ([]plan.Split, error) {
	if f.config.Err != nil {
		return nil, f.config.Err
	}
	splits, err := List(ctx, f.config.Input)
	if err != nil {
		return nil, err
	}
	for i := range splits {
		s := &splits[i]
		s.Cuttable = f.config.cuttable() && bySuffix(s.Path) == None
		if s.Cuttable {
			s.Align = f.config.RowBytes
		}
	}
	return splits, nil
}

// List finds the files of an input and gives each as one split that cannot be
// cut: the enumeration of formats that do not read by windows.
func List(ctx context.Context, input string) ([]plan.Split, error) {
	files, err := storage.Expand(ctx, input)
	if err != nil {
		return nil, err
	}
	splits := make([]plan.Split, len(files))
	for i, file := range files {
		splits[i] = plan.Split{Path: file.Path, Length: file.Size, Size: file.Size, ModNanos: file.ModNanos, Inode: file.Inode}
	}
	return splits, nil
}

// Open implements graph.Source. Its errors are fault.Invalid where the file is
// not what was listed or not what its name or format promises.
func (f *Files) Open(ctx context.Context, split plan.Split, opts graph.ReadOptions) (graph.BatchReader, error) {
	if f.config.Err != nil {
		return nil, f.config.Err
	}
	return openReader(ctx, &f.config, split, bounded(opts))
}

func (c *Config) cuttable() bool { return c.Lines || c.Begin != nil || c.RowBytes > 0 }

// maxWindowBytes keeps every window, and so every batch made of one, within
// the int32 offsets of Arrow's strings.
const maxWindowBytes = 1<<31 - 1

// bounded fills in the defaults and bounds what would overflow offsets.
func bounded(o graph.ReadOptions) graph.ReadOptions {
	o = o.WithDefaults()
	o.BatchBytes = min(o.BatchBytes, maxWindowBytes)
	o.MaxRowBytes = min(o.MaxRowBytes, maxWindowBytes-lineEndBytes)
	return o
}

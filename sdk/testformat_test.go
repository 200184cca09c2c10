package sdk

import "io"

// lineFormat writes strings as lines: the least of formats, for tests here.
type lineFormat struct{}

func (lineFormat) Name() string   { return "lines" }
func (lineFormat) Suffix() string { return ".txt" }

func (lineFormat) NewWriter(w io.Writer) (RowWriter[string], error) { return lineWriter{w}, nil }

type lineWriter struct{ w io.Writer }

func (w lineWriter) Write(rows []string) error {
	for _, r := range rows {
		if _, err := io.WriteString(w.w, r+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func (lineWriter) Close() error { return nil }

package format

import (
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
)

func TestOneOf(t *testing.T) {
	zstd := WriteOptions{Compression: "zstd"}
	for _, test := range []struct {
		name  string
		given []WriteOptions
		want  WriteOptions
		err   string
	}{
		{"none", nil, WriteOptions{}, ""},
		{"one", []WriteOptions{zstd}, zstd, ""},
		{"two", []WriteOptions{zstd, zstd}, WriteOptions{}, "write csv: 2 sets of options given: give at most one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := OneOf("write csv", test.given)
			if test.err != "" {
				if fault.KindOf(err) != fault.Invalid || err.Error() != test.err {
					t.Errorf("OneOf(%+v) = %v, want the invalid %q", test.given, err, test.err)
				}
				return
			}
			if got != test.want || err != nil {
				t.Errorf("OneOf(%+v) = %+v, %v, want %+v", test.given, got, err, test.want)
			}
		})
	}
}

func TestNewFormatRefusesUnknownCompression(t *testing.T) {
	if f, err := NewFormat(Rows[int]{Format: "numbers", Compression: "rar"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("NewFormat with compression rar = %v, %v, want an invalid error", f, err)
	}
}

package block

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/sheafdata/sheaf/internal/fault"
)

func TestAppendHeader(t *testing.T) {
	for _, pieces := range [][]string{{}, {""}, {"a"}, {"abc", "", "defg"}, {string(bytes.Repeat([]byte("x"), 3<<20)), "y"}} {
		var list [][]byte
		for _, p := range pieces {
			list = append(list, []byte(p))
		}
		raw := bytes.Join(list, nil)
		want, err := NewEncoder(None).Append([]byte("before"), raw, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := AppendHeader([]byte("before"), list)
		if got = append(got, raw...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("AppendHeader of %d pieces, %d bytes = %v, or other bytes than Append's", len(list), len(raw), err)
		}
	}
	if _, err := AppendHeader(nil, [][]byte{make([]byte, MaxRowBytes), {1}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("AppendHeader above the limit = %v, want kind Invalid", err)
	}
}

// TestCheckAt compares CheckAt with Check on whole, cut and damaged blocks.
func TestCheckAt(t *testing.T) {
	raw := bytes.Repeat([]byte("0123456789"), 9)
	for _, codec := range allCodecs {
		stored, err := NewEncoder(codec).Append(nil, raw, 1)
		if err != nil {
			t.Fatal(err)
		}
		scratch := make([]byte, HeaderBytes)
		check := func(what string, b []byte) {
			want, wantErr := Check(b)
			got, err := CheckAt(bytes.NewReader(append([]byte("xy"), b...)), 2, scratch)
			if got != want || (err == nil) != (wantErr == nil) || err != nil && fault.KindOf(err) != fault.Corrupt {
				t.Fatalf("%v, %s: CheckAt = %v, %v, want %v, %v", codec, what, got, err, want, wantErr)
			}
			owned, h, err := new(Decoder).DecodeOwned(bytes.Clone(b))
			if (err == nil) != (wantErr == nil) || err == nil && (h != want || !bytes.Equal(owned, raw)) {
				t.Fatalf("%v, %s: DecodeOwned = %q, %v, %v, want header %v, error %v", codec, what, owned, h, err, want, wantErr)
			}
		}
		check("whole", stored)
		for n := range len(stored) {
			check("cut off", stored[:n])
		}
		for bit := range 8 * len(stored) {
			b := bytes.Clone(stored)
			b[bit/8] ^= 1 << (bit % 8)
			check("a flipped bit", b)
		}
	}
}

type brokenReader struct{}

func (brokenReader) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestCheckAtPassesErrorsOn(t *testing.T) {
	if _, err := CheckAt(brokenReader{}, 0, make([]byte, 100)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("CheckAt of a file that cannot be read = %v, want its error", err)
	}
}

package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/sheafdata/sheaf/internal/fault"
	"github.com/sheafdata/sheaf/internal/golden"
	"github.com/sheafdata/sheaf/internal/plan"
)

// stream returns the frames of messages one after the other.
func stream(t *testing.T, all ...Message) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, m := range all {
		if err := w.Write(m); err != nil {
			t.Fatalf("Write(%+v): %v", m, err)
		}
	}
	return out.Bytes()
}

// drain reads all messages of a stream.
func drain(r io.Reader) (all []Message, err error) {
	reader := NewReader(r)
	for {
		m, err := reader.Read()
		if err != nil {
			return all, err
		}
		all = append(all, m)
	}
}

func TestStreamComesThrough(t *testing.T) {
	data := stream(t, samples()...)
	for name, r := range map[string]io.Reader{
		"at once":     bytes.NewReader(data),
		"byte wise":   iotest.OneByteReader(bytes.NewReader(data)),
		"end at data": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		got, err := drain(r)
		if err != io.EOF {
			t.Errorf("%s: stream ends with %v, want EOF", name, err)
		}
		if diff := cmp.Diff(samples(), got); diff != "" {
			t.Errorf("%s: messages (-want +got):\n%s", name, diff)
		}
	}
}

// TestFrameBytes holds that what older programs wrote stays what it is.
func TestFrameBytes(t *testing.T) {
	var lines []string
	for _, m := range samples() {
		lines = append(lines, fmt.Sprintf("%s %s", reflect.TypeOf(m).Name(), hex.EncodeToString(stream(t, m))))
	}
	golden.CheckLines(t, "testdata/frames_v1.golden", lines)
}

func TestTruncatedStream(t *testing.T) {
	for _, m := range samples() {
		data := stream(t, m)
		for n := range len(data) {
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF
			}
			if got, err := drain(bytes.NewReader(data[:n])); !errors.Is(err, want) || len(got) > 0 {
				t.Errorf("%T cut after %d of %d bytes: %d messages, %v, want none and %v", m, n, len(data), len(got), err, want)
			}
		}
	}
}

// TestDamagedStream holds that damage never panics, and that what passes the
// checks in spite of it is a message like any other. Frames have no checksum:
// they do not leave the machine.
func TestDamagedStream(t *testing.T) {
	for _, m := range samples() {
		data := stream(t, m)
		for bit := range 8 * len(data) {
			damaged := bytes.Clone(data)
			damaged[bit/8] ^= 1 << (bit % 8)
			all, err := drain(bytes.NewReader(damaged))
			if err == nil || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%T with bit %d flipped ends with %v, want an end or kind Invalid", m, bit, err)
			}
			for _, got := range all {
				again, err := drain(bytes.NewReader(stream(t, got)))
				if diff := cmp.Diff([]Message{got}, again); diff != "" {
					t.Fatalf("%T with bit %d flipped: read(write(x)) (-want +got), %v:\n%s", m, bit, err, diff)
				}
			}
		}
	}
}

// allocated returns the bytes that f allocates: the least of a number of runs,
// since the runtime and what other tests left behind allocate as well.
func allocated(runs int, f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range runs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

func TestHeaderAllocatesNothing(t *testing.T) {
	for _, tc := range []struct {
		name   string
		length uint32
		want   string
	}{
		{"above the cap", MaxFrameBytes + 1, "frame of 67108865 bytes, at most 67108864"},
		{"highest", 1<<32 - 1, "frame of 4294967295 bytes, at most 67108864"},
		{"cap, then nothing", MaxFrameBytes, "frame of 67108864 bytes: unexpected EOF"},
	} {
		data := append(binary.BigEndian.AppendUint32(nil, tc.length), "some bytes"...)
		var err error
		bytesTaken := allocated(1, func() { _, err = NewReader(bytes.NewReader(data)).Read() })
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: Read() = %v, want %s", tc.name, err, tc.want)
		}
		if bytesTaken > 4*stepBytes {
			t.Errorf("%s: Read() allocates %d bytes, want at most %d", tc.name, bytesTaken, 4*stepBytes)
		}
	}
}

func TestLargestFrame(t *testing.T) {
	empty := stream(t, Finished{Attempt: sampleAttempt, Result: plan.Result{Rows: []plan.CollectedRows{{Blocks: [][]byte{make([]byte, 1<<25)}}}}})
	room := MaxFrameBytes - (len(empty) - headerBytes)
	message := func(extra int) Message {
		blocks := [][]byte{make([]byte, 1<<25+room+extra)}
		return Finished{Attempt: sampleAttempt, Result: plan.Result{Rows: []plan.CollectedRows{{Blocks: blocks}}}}
	}
	var out bytes.Buffer
	w := NewWriter(&out)
	if err := w.Write(message(1)); fault.KindOf(err) != fault.Invalid || out.Len() > 0 {
		t.Errorf("Write(1 byte too many) = %v and %d bytes, want kind Invalid and none", err, out.Len())
	}
	if err := w.Write(message(0)); err != nil {
		t.Fatalf("Write(largest) = %v", err)
	}
	if got := out.Len() - headerBytes; got != MaxFrameBytes {
		t.Errorf("largest frame has %d bytes, want %d", got, MaxFrameBytes)
	}
	if err := w.Write(CancelAttempt{sampleAttempt}); err != nil {
		t.Fatalf("Write(after the largest) = %v", err)
	}
	if cap(w.buf) > keepBytes {
		t.Errorf("the writer keeps %d bytes, want at most %d", cap(w.buf), keepBytes)
	}
	got, err := drain(&out)
	if len(got) != 2 || err != io.EOF {
		t.Errorf("read %d messages, %v, want 2 and EOF", len(got), err)
	}
}

// broken is a writer that takes a number of frames, then a part of one, and then
// all again.
type broken struct{ left int }

var errBroken = errors.New("pipe is broken")

func (b *broken) Write(p []byte) (int, error) {
	b.left--
	if b.left == -1 {
		return len(p) / 2, errBroken
	}
	return len(p), nil
}

func TestWriterStaysBroken(t *testing.T) {
	w := NewWriter(&broken{left: 1})
	for i, want := range []error{nil, errBroken, errBroken} {
		if err := w.Write(CancelAttempt{sampleAttempt}); !errors.Is(err, want) {
			t.Errorf("Write %d = %v, want %v", i, err, want)
		}
	}
}

func TestWriterRefusesTextThatIsNone(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	if err := w.Write(Hello{Protocol: Versions{1, 1}, BuildVersion: "\xff"}); fault.KindOf(err) != fault.Invalid || out.Len() > 0 {
		t.Errorf("Write(text of no UTF-8) = %v and %d bytes, want kind Invalid and none", err, out.Len())
	}
	// A failure must be told whatever user code put into it.
	text := strings.Repeat("\xff", 2*maxDetail) + strings.Repeat("ß", maxDetail)
	if err := w.Write(Failed{sampleAttempt, fault.Report{Kind: fault.User, Message: text, Detail: text}, nil, nil}); err != nil {
		t.Fatalf("Write(failure with odd text) = %v", err)
	}
	got, err := drain(&out)
	if len(got) != 1 || err != io.EOF {
		t.Fatalf("read %d messages, %v, want 1 and EOF", len(got), err)
	}
	if r := got[0].(Failed).Failure; len(r.Message) > maxMessage || !strings.HasSuffix(r.Message, cut) || !strings.HasPrefix(r.Message, "\uFFFD") {
		t.Errorf("message came through as %d bytes %.20q, want a cut one", len(r.Message), r.Message)
	}
}

func TestWriterIsSafeForConcurrentUse(t *testing.T) {
	const writers, each = 4, 50
	var out bytes.Buffer
	w := NewWriter(&out)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				for _, m := range samples() {
					if err := w.Write(m); err != nil {
						t.Errorf("Write(%T) = %v", m, err)
					}
				}
			}
		})
	}
	wg.Wait()
	if got, err := drain(&out); err != io.EOF || len(got) != writers*each*len(samples()) {
		t.Errorf("read %d messages, %v, want %d and EOF", len(got), err, writers*each*len(samples()))
	}
}

func FuzzStream(f *testing.F) {
	for _, m := range samples() {
		frame, err := appendFrame(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
		f.Add(append(frame, frame...))
	}
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := drain(bytes.NewReader(data))
		if err == nil {
			t.Fatal("a stream without an end")
		}
		again, err := drain(bytes.NewReader(stream(t, all...)))
		if diff := cmp.Diff(all, again); diff != "" || err != io.EOF {
			t.Fatalf("read(write(x)) (-want +got), %v:\n%s", err, diff)
		}
	})
}

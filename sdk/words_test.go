package sdk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unsafe"
)

func checkWords(t *testing.T, s string) {
	t.Helper()
	if got, want := slices.Collect(Words(s)), strings.Fields(s); !slices.Equal(got, want) {
		t.Fatalf("Words(%q) = %q, want %q", s, got, want)
	}
	if got, want := AppendWords([]string{"before"}, s), append([]string{"before"}, strings.Fields(s)...); !slices.Equal(got, want) {
		t.Fatalf("AppendWords(%q) = %q, want %q", s, got, want)
	}
}

func TestWords(t *testing.T) {
	for _, s := range []string{
		"", " ", "a", " a", "a ", "to be or not to be", "\t\n\v\f\r a \x00b\x1f \x08",
		"eightlet eightlet", "seven77 1234567 ", strings.Repeat(" ", 100), strings.Repeat("x", 100),
		"a\u0085b\u00a0c\u1680d\u2000e\u200af\u200bg\u2028h\u2029i\u202fj\u205fk\u3000l\ufeffm",
		"слово за словом", "吾輩は猫である。\u3000名前はまだ無い。", "\xe2\x80", "\xe2\x80\xc2\xa0x", "\xc2", "\xe3\x80\xe3\x80\x80z", "\xe2 \x80\x80",
	} {
		checkWords(t, s)
	}
}

// TestWordsEverySpace puts every white space and its neighbours at every place
// of a word of eight bytes.
func TestWordsEverySpace(t *testing.T) {
	for r := rune(0); r <= 0x3100; r++ {
		near := unicode.IsSpace(r) || unicode.IsSpace(r-1) || unicode.IsSpace(r+1) || r < 0x100
		for pad := 0; near && pad < 9; pad++ {
			checkWords(t, strings.Repeat("x", pad)+string(r)+"y")
			checkWords(t, strings.Repeat("x", pad)+string(r))
		}
	}
}

func TestWordsRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	alphabet := []byte(" \t\nab\x00\x1f\x7f\x80\x81\x85\x8a\x9a\x9f\xa0\xa8\xaf\xc2\xe1\xe2\xe3\xff")
	for range 200_000 {
		b := make([]byte, rng.IntN(30))
		for i := range b {
			b[i] = alphabet[rng.IntN(len(alphabet))]
		}
		checkWords(t, string(b))
	}
}

func TestWordsStops(t *testing.T) {
	s := "a b c d e f g h i j k"
	for limit := 1; limit <= 11; limit++ {
		n := 0
		for range Words(s) {
			if n++; n == limit {
				break
			}
		}
		if n != limit {
			t.Errorf("Words gave %d words before a break, want %d", n, limit)
		}
	}
}

func TestWordsAllocatesNothing(t *testing.T) {
	s := "the quick brown fox\u00a0jumps over the lazy dog"
	n := 0
	if got := testing.AllocsPerRun(100, func() {
		for w := range Words(s) {
			n += len(w)
		}
	}); got != 0 {
		t.Errorf("Words allocates %v times, want 0", got)
	}
}

// TestWordsReadsNoFurther lets strings end where readable memory ends.
func TestWordsReadsNoFurther(t *testing.T) {
	page := syscall.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, 2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("map two pages: %v", err)
	}
	defer syscall.Munmap(memory)
	if err := syscall.Mprotect(memory[page:], syscall.PROT_NONE); err != nil {
		t.Fatalf("protect the second page: %v", err)
	}
	for n := range 140 {
		b := memory[page-n : page]
		for i := range b {
			b[i] = "ab \xe2c\xc2"[i%6]
		}
		s := unsafe.String(unsafe.SliceData(b), n)
		if got, want := slices.Collect(Words(s)), strings.Fields(s); !slices.Equal(got, want) {
			t.Fatalf("Words(%q) = %q, want %q", s, got, want)
		}
	}
}

// checkMarks compares spaceMarks with its portable form at every place of s.
func checkMarks(t *testing.T, s string) {
	t.Helper()
	for at := range len(s) {
		spaces, others := spaceMarks(s, at)
		if wantSpaces, wantOthers := spaceMarksGo(s, at); spaces != wantSpaces || others != wantOthers {
			t.Fatalf("spaceMarks(%q, %d) = %#x, %#x, want %#x, %#x", s, at, spaces, others, wantSpaces, wantOthers)
		}
	}
}

func TestSpaceMarks(t *testing.T) {
	var every []byte
	for i := range 256 {
		every = append(every, byte(i))
	}
	checkMarks(t, string(every))
	checkMarks(t, strings.Repeat("ascii only, ", 20)+"\n")
	for place := range 64 {
		line := []byte(strings.Repeat("x", 64))
		line[place] = ' '
		if spaces, others := spaceMarks(string(line), 0); spaces != 1<<place || others != 0 {
			t.Errorf("spaceMarks of a space at %d = %#x, %#x, want %#x, 0", place, spaces, others, uint64(1)<<place)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "a b", "a\u3000b", "\xe2\x80\x80", "x\xc2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkWords(t, s)
		checkMarks(t, s)
	})
}

func ExampleWords() {
	for w := range Words("  to be,\tor not\u00a0to be ") {
		fmt.Printf("%q ", w)
	}
	// Output: "to" "be," "or" "not" "to" "be"
}

func BenchmarkWords(b *testing.B) {
	samples := []struct{ name, text string }{
		{"english", strings.Repeat("The family of Dashwood had long been settled in Sussex. Their estate was large, ", 12)},
		{"russian", strings.Repeat("Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива ", 12)},
		{"line", "The family of Dashwood had long been settled in Sussex. Their estate was"},
		{"short", "to be or not to be"},
	}
	var buf []string
	for _, s := range samples {
		for _, f := range []struct {
			name string
			run  func() int
		}{
			{"Words", func() (n int) {
				for w := range Words(s.text) {
					n += len(w)
				}
				return n
			}},
			{"AppendWords", func() int {
				buf = AppendWords(buf[:0], s.text)
				return len(buf)
			}},
			{"FieldsSeq", func() (n int) {
				for w := range strings.FieldsSeq(s.text) {
					n += len(w)
				}
				return n
			}},
			{"Fields", func() (n int) {
				for _, w := range strings.Fields(s.text) {
					n += len(w)
				}
				return n
			}},
		} {
			b.Run(s.name+"/"+f.name, func(b *testing.B) {
				b.SetBytes(int64(len(s.text)))
				for b.Loop() {
					f.run()
				}
			})
		}
	}
}

package scalar

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestEveryDate(t *testing.T) {
	for at := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 10_000; at = at.AddDate(0, 0, 1) {
		text := at.Format(time.DateOnly)
		if got, ok := Date([]byte(text)); !ok || got != at.Unix() {
			t.Fatalf("Date(%s) = %d, %v, want %d", text, got, ok, at.Unix())
		}
	}
}

func TestNoDate(t *testing.T) {
	for _, text := range []string{
		"", "2024", "2024-02-3", "2024-02-030", "2024/02/03", "2023-02-29", "1900-02-29", "2024-00-01", "2024-13-01",
		"2024-04-31", "2024-04-00", "2024-0a-01", "-024-04-01", "2024-04-1 ", "２024-04",
	} {
		if got, ok := Date([]byte(text)); ok {
			t.Errorf("Date(%q) = %d, true, want false", text, got)
		}
	}
}

func TestRandomTimes(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		zone := time.FixedZone("", (rng.IntN(2*24*60-1)-24*60+1)*60)
		at := time.Unix(rng.Int64N(1<<38)-1<<35, 0).In(zone).Add(time.Duration(rng.IntN(1e9) / []int{1, 1e3, 1e8, 1e9}[rng.IntN(4)]))
		text := at.Format(time.RFC3339Nano)
		seconds, nanos, ok := RFC3339([]byte(text))
		if !ok || seconds != at.Unix() || nanos != int64(at.Nanosecond()) {
			t.Fatalf("seed %d: RFC3339(%s) = %d, %d, %v, want %d, %d", seed, text, seconds, nanos, ok, at.Unix(), at.Nanosecond())
		}
	}
}

// TestDamagedTimes changes every byte of a time into every other: what is still
// one must be the one that package time reads.
func TestDamagedTimes(t *testing.T) {
	for _, sample := range []string{"2024-02-29T12:30:00Z", "1969-12-31T23:59:59.25+01:00", "2000-01-01T00:00:00.123456789-23:59"} {
		for i := range sample {
			for c := range 256 {
				text := []byte(sample)
				text[i] = byte(c)
				checkTime(t, text)
			}
			checkTime(t, []byte(sample[:i]))
		}
		checkTime(t, []byte(sample+"0"))
	}
}

func checkTime(t *testing.T, text []byte) {
	t.Helper()
	seconds, nanos, ok := RFC3339(text)
	want, err := time.Parse(time.RFC3339, string(text))
	if ok && (err != nil || seconds != want.Unix() || nanos != int64(want.Nanosecond())) {
		t.Errorf("RFC3339(%q) = %d, %d, true, want %v, %v", text, seconds, nanos, want, err)
	}
}

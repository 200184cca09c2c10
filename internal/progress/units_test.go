package progress

import (
	"testing"
	"time"
)

func TestRates(t *testing.T) {
	tests := []struct {
		x     float64
		rows  string
		bytes string
	}{
		{0, "0 rows/s", "0 B/s"},
		{0.4, "0 rows/s", "0 B/s"},
		{999, "999 rows/s", "999 B/s"},
		{999.6, "1.0 k rows/s", "1.0 KiB/s"},
		{1234, "1.2 k rows/s", "1.2 KiB/s"},
		{99_949, "99.9 k rows/s", "97.6 KiB/s"},
		{99_960, "100 k rows/s", "97.6 KiB/s"},
		{1_200_000, "1.2 M rows/s", "1.1 MiB/s"},
		{1 << 30, "1.1 G rows/s", "1.0 GiB/s"},
		{1020 << 20, "1.1 G rows/s", "1.0 GiB/s"},
		{1e18, "1000000 T rows/s", "909495 TiB/s"},
	}
	for _, test := range tests {
		if got := rowRate(test.x); got != test.rows {
			t.Errorf("rowRate(%v) = %q, want %q", test.x, got, test.rows)
		}
		if got := byteRate(test.x); got != test.bytes {
			t.Errorf("byteRate(%v) = %q, want %q", test.x, got, test.bytes)
		}
	}
}

func TestDurations(t *testing.T) {
	tests := []struct {
		d          time.Duration
		age, guess string
	}{
		{0, "0.0s", "1s left"},
		{12340 * time.Millisecond, "12.3s", "12s left"},
		{59949 * time.Millisecond, "59.9s", "1m00s left"},
		{59950 * time.Millisecond, "1m00s", "1m00s left"},
		{65 * time.Second, "1m05s", "1m05s left"},
		{59*time.Minute + 59600*time.Millisecond, "1h00m", "1h00m left"},
		{26*time.Hour + 10*time.Minute, "26h10m", "26h10m left"},
	}
	for _, test := range tests {
		if got := seconds(test.d); got != test.age {
			t.Errorf("seconds(%v) = %q, want %q", test.d, got, test.age)
		}
		if got := left(test.d); got != test.guess {
			t.Errorf("left(%v) = %q, want %q", test.d, got, test.guess)
		}
	}
}

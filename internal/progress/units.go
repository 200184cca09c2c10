package progress

import (
	"fmt"
	"time"
)

// scaled writes a figure with three digits and the unit that fits: "85.3 Mi".
func scaled(x, step float64, units []string) string {
	i := 0
	// 999.5 would be written as "1000": it belongs to the next unit.
	for x >= min(step-0.5, 999.5) && i < len(units)-1 {
		x /= step
		i++
	}
	switch {
	case i == 0 || x >= 99.95:
		return fmt.Sprintf("%.0f %s", x, units[i])
	default:
		return fmt.Sprintf("%.1f %s", x, units[i])
	}
}

// rowRate writes rows a second: "1.2 M rows/s".
func rowRate(perSecond float64) string {
	s := scaled(perSecond, 1000, []string{"", "k ", "M ", "G ", "T "})
	return s + "rows/s"
}

// byteRate writes bytes a second: "85.3 MiB/s".
func byteRate(perSecond float64) string {
	return scaled(perSecond, 1024, []string{"B", "KiB", "MiB", "GiB", "TiB"}) + "/s"
}

// seconds writes the age of a job or stage: "12.3s", "1m05s", "2h10m".
func seconds(d time.Duration) string {
	if tenths := d.Round(time.Second / 10); tenths < time.Minute {
		return fmt.Sprintf("%.1fs", tenths.Seconds())
	}
	return long(d)
}

// left writes a guess, to the second: "10s left".
func left(d time.Duration) string {
	// "0s left" would be untrue for as long as it can be seen.
	if whole := max(d.Round(time.Second), time.Second); whole < time.Minute {
		return fmt.Sprintf("%ds left", int(whole.Seconds()))
	}
	return long(d) + " left"
}

func long(d time.Duration) string {
	d = d.Round(time.Second)
	if d < time.Hour {
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// plural writes a count with its noun: "1 task", "2 tasks".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

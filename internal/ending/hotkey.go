package ending

import (
	"fmt"
	"math"

	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
)

// HotKey says in words what is known of a hot key, and then what can be done.
func HotKey(k *plan.HotKey) (fact, advice string) {
	share := int64(math.Round(100 * k.Share()))
	fact = fmt.Sprintf("%s of %s: %s rows, %s, %d %% of what moves there, all for one task",
		Printable(k.Name()), Printable(k.Place()), Thousands(k.Rows), memory.FormatSize(k.Bytes), share)
	return fact, k.Advice()
}

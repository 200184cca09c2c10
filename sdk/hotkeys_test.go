package sdk_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sheafdata/sheaf/sdk"
)

type pages = sdk.Dataset[sdk.KV[string, string]]

const (
	hotVisits   = 1800 // of one shop: more than the 1 MiB that a task should have
	otherVisits = 600  // of shops with one each
)

// shopPages mixes those of a hot shop with others, a KiB each that no codec makes
// smaller; without a hot shop all are alike.
func shopPages(p *sdk.Pipeline, hot bool) pages {
	r := rand.New(rand.NewPCG(1, 1))
	rows := make([]sdk.KV[string, string], 0, hotVisits+otherVisits)
	for i := range hotVisits + otherVisits {
		page := make([]byte, 1<<10)
		for k := range page {
			page[k] = byte(r.Uint32())
		}
		shop := fmt.Sprintf("shop %d", i)
		if hot && i%4 != 0 {
			shop = "the\tmall"
		}
		rows = append(rows, sdk.KV[string, string]{Key: shop, Value: string(page)})
	}
	return sdk.Values(p, rows...)
}

// countVisits is a function of groups.
func countVisits(shop string, pages iter.Seq[string], emit sdk.Emit[sdk.KV[string, int]]) {
	n := 0
	for range pages {
		n++
	}
	emit(sdk.KV[string, int]{Key: shop, Value: n})
}

func longer(a, b string) string { return max(a, b) }

// verbs end jobs of visits by each verb that moves rows by key.
var verbs = map[string]func(in pages){
	"GroupByKey": func(in pages) { sdk.Return(sdk.GroupByKey(in, countVisits), "rows") },
	"GroupSorted": func(in pages) {
		sdk.Return(sdk.GroupSorted(in, countVisits, sdk.By(func(page string) string { return page })), "rows")
	},
	"MapReduce": func(in pages) { reduceVisits(in, nil) },
	"Sort": func(in pages) {
		sorted := sdk.Sort(in, sdk.By(func(v sdk.KV[string, string]) string { return v.Key }).Descending())
		sdk.Return(sdk.Map(sorted, func(v sdk.KV[string, string]) string { return v.Key }), "rows")
	},
	"Join": func(in pages) {
		right := sdk.Map(in, func(v sdk.KV[string, string]) sdk.KV[string, int] { return sdk.KV[string, int]{Key: v.Key + "!"} })
		sdk.Return(sdk.Join(in, right, func(shop string, page string, n int) string { return shop }), "rows")
	},
	"CoGroup": func(in pages) {
		sdk.Return(sdk.CoGroup(in, in, func(shop string, a, b iter.Seq[string], emit sdk.Emit[string]) { emit(shop) }), "rows")
	},
	"Reduce": func(in pages) {
		sdk.Return(sdk.Map(sdk.Reduce(in, longer), func(v sdk.KV[string, string]) string { return v.Key }), "rows")
	},
	"MapReduce combined": func(in pages) { reduceVisits(in, longer) },
	"TopKByKey": func(in pages) {
		sdk.Return(sdk.Map(sdk.TopKByKey(in, 2), func(v sdk.KV[string, string]) string { return v.Key }), "rows")
	},
}

func reduceVisits(in pages, combine func(a, b string) string) {
	sdk.Return(sdk.MapReduce(in, func(v sdk.KV[string, string], emit func(string, string)) { emit(v.Key, v.Value) }, combine, countVisits), "rows")
}

type hotArgs struct {
	Verb      string
	Hot, Hide bool
}

var visitsJob = sdk.Define("visits", func(p *sdk.Pipeline, a hotArgs) error {
	if a.Hide {
		sdk.HideKeys(p)
	}
	verbs[a.Verb](shopPages(p, a.Hot))
	return nil
})

// TestHotKeys names the key that has most rows of each verb that moves all rows, and
// none where rows are folded or left out before, or no key is hot.
func TestHotKeys(t *testing.T) {
	for verb := range verbs {
		for _, a := range []hotArgs{{verb, true, false}, {verb, true, true}, {verb, false, false}} {
			if a.Hide && verb != "GroupByKey" && verb != "Sort" || !a.Hot && verb != "Join" {
				continue
			}
			t.Run(fmt.Sprintf("%+v", a), func(t *testing.T) {
				res, err := sdk.Run(t.Context(), visitsJob, a, sdk.Options{Parallelism: 2, MemoryBytes: 32 << 20, Tmp: []string{t.TempDir()}})
				if err != nil {
					t.Fatal(err)
				}
				checkHot(t, a, res)
			})
		}
	}
}

func checkHot(t *testing.T, a hotArgs, res *sdk.Result) {
	t.Helper()
	if !a.Hot || a.Verb == "Reduce" || a.Verb == "MapReduce combined" || a.Verb == "TopKByKey" {
		if len(res.HotKeys) > 0 {
			t.Errorf("HotKeys = %+v, want none", res.HotKeys)
		}
		return
	}
	if len(res.HotKeys) != 1 {
		t.Fatalf("HotKeys = %+v, want one", res.HotKeys)
	}
	k, rows, name := res.HotKeys[0], int64(hotVisits), `"the\tmall"`
	if a.Verb == "CoGroup" {
		rows *= 2
	}
	if a.Hide {
		name = ""
	}
	if strings.TrimSuffix(k.Operator, ".reduce") != a.Verb || !strings.HasPrefix(k.At, "sdk/hotkeys_test.go:") || k.Key != name || k.Rows != rows || k.Hash == 0 {
		t.Errorf("HotKeys[0] = %+v, want key %s of %s at sdk/hotkeys_test.go with %d rows", k, name, a.Verb, rows)
	}
	if share := k.Share(); share < 0.65 || share > 0.9 || k.MissedBytes > k.TotalBytes/8 {
		t.Errorf("HotKeys[0] = %+v with a share of %.2f, want 0.65 to 0.9, known to an eighth of all", k, share)
	}
}

// TestDriverKnowsHotKeys holds that a driver tells the hot keys of its jobs.
func TestDriverKnowsHotKeys(t *testing.T) {
	a := hotArgs{Verb: "GroupByKey", Hot: true}
	driver := sdk.Drive("hot", func(s *sdk.Session, _ struct{}) error {
		res, err := sdk.RunIn(s, visitsJob, a)
		if err == nil {
			checkHot(t, a, res)
		}
		return err
	}, visitsJob)
	res, err := sdk.RunDriver(t.Context(), driver, struct{}{}, sdk.Options{Tmp: []string{t.TempDir()}, Parallelism: 2})
	if err != nil {
		t.Fatal(err)
	}
	checkHot(t, a, res)
}

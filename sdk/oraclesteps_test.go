package sdk_test

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/agg"
)

// pairOfIDs is the result of joins.
type pairOfIDs struct{ Left, Right *int64 }

func idOf(s *trade) *int64 {
	if s == nil {
		return nil
	}
	return &s.ID
}

// tradeKey is a key of two fields that can be null.
type tradeKey struct {
	Group *string
	Key   *int64
}

func tradeKeyOf(s trade) tradeKey { return tradeKey{s.Group, s.Key} }
func tradeNumber(s trade) *int64  { return s.Key }
func tradeGroup(s trade) *string  { return s.Group }
func tradeID(s trade) int64       { return s.ID }
func tradeN(s trade) int64        { return s.N }
func tradeRatio(s trade) float64  { return s.Ratio }
func hasMaybe(s trade) bool       { return s.Maybe != nil }
func maybeOf(s trade) float64     { return *s.Maybe }
func bestOf(a, b trade) int {
	return cmp.Or(cmp.Compare(b.Ratio, a.Ratio), cmp.Compare(a.N, b.N), cmp.Compare(a.ID, b.ID))
}

// known is the value of a result that may be missing.
func known[V any](m agg.Maybe[V]) *V {
	if !m.OK {
		return nil
	}
	return &m.Value
}

// notNaN is nil for what is not a number, where SQL has null.
func notNaN(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// perGroup aggregates the trades of a group and shows the results by row.
func perGroup[A, R, T any](d sdk.Dataset[trade], of sdk.Aggregator[trade, A, R], row func(group *string, r R) T) sdk.Dataset[T] {
	return sdk.Map(sdk.Aggregate(sdk.KeyBy(d, tradeGroup), of), func(kv sdk.KV[*string, R]) T { return row(kv.Key, kv.Value) })
}

// idList writes ids as SQL's string_agg does.
func idList(ids iter.Seq[int64]) string {
	var texts []string
	for id := range ids {
		texts = append(texts, fmt.Sprint(id))
	}
	return strings.Join(texts, ",")
}

func idsOf(trades iter.Seq[trade]) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for s := range trades {
			if !yield(s.ID) {
				return
			}
		}
	}
}

type groupedText struct {
	Group *string
	Text  string
}

type textPair struct{ First, Second string }

// comparisons are what TestEqualToDuckDB compares.
var comparisons = []comparison{
	comparing("right join by two columns", "SELECT l.id, r.id FROM l RIGHT JOIN r ON l.grp = r.grp AND l.key = r.key", func(l, r sdk.Dataset[trade]) sdk.Dataset[pairOfIDs] {
		return sdk.RightJoin(sdk.KeyBy(l, tradeKeyOf), sdk.KeyBy(r, tradeKeyOf), func(_ tradeKey, l *trade, r trade) pairOfIDs { return pairOfIDs{idOf(l), &r.ID} })
	}),
	comparing("full join", "SELECT l.id, r.id FROM l FULL JOIN r ON l.key = r.key", func(l, r sdk.Dataset[trade]) sdk.Dataset[pairOfIDs] {
		return sdk.FullJoin(sdk.KeyBy(l, tradeNumber), sdk.KeyBy(r, tradeNumber), func(_ *int64, l, r *trade) pairOfIDs { return pairOfIDs{idOf(l), idOf(r)} })
	}),
	comparing("join with itself", "SELECT a.id, b.id FROM l a JOIN l b ON a.key = b.n % 20", func(l, _ sdk.Dataset[trade]) sdk.Dataset[pairOfIDs] {
		byN := sdk.KeyBy(l, func(s trade) *int64 { return new(s.N % 20) })
		return sdk.Join(sdk.KeyBy(l, tradeNumber), byN, func(_ *int64, l, r trade) pairOfIDs { return pairOfIDs{&l.ID, &r.ID} })
	}),
	comparing("cross join", "SELECT l.id, r.id FROM l, r WHERE l.n % 7 = 0 AND r.n % 7 = 1", func(l, r sdk.Dataset[trade]) sdk.Dataset[pairOfIDs] {
		l = sdk.Filter(l, func(s trade) bool { return s.N%7 == 0 })
		r = sdk.Filter(r, func(s trade) bool { return s.N%7 == 1 })
		return sdk.CrossJoin(l, r, func(l, r trade) pairOfIDs { return pairOfIDs{&l.ID, &r.ID} })
	}),
	comparing("union", "SELECT * FROM l WHERE flag UNION ALL SELECT * FROM r UNION ALL SELECT * FROM l", func(l, r sdk.Dataset[trade]) sdk.Dataset[trade] {
		return sdk.Union(sdk.Filter(l, func(s trade) bool { return s.Flag }), r, l)
	}),
	comparing("distinct", "SELECT DISTINCT grp, key FROM l", func(l, _ sdk.Dataset[trade]) sdk.Dataset[tradeKey] { return sdk.Distinct(sdk.Map(l, tradeKeyOf)) }),
	comparing("count", "SELECT grp, key, count(*) FROM l GROUP BY ALL", func(l, _ sdk.Dataset[trade]) sdk.Dataset[sdk.KV[tradeKey, int64]] {
		return sdk.Count(sdk.Map(l, tradeKeyOf))
	}),
	comparing("reduce", "SELECT grp, max(n) FROM l GROUP BY grp", func(l, _ sdk.Dataset[trade]) sdk.Dataset[sdk.KV[*string, int64]] {
		return sdk.Reduce(sdk.Map(l, func(s trade) sdk.KV[*string, int64] { return sdk.KV[*string, int64]{Key: s.Group, Value: s.N} }), func(a, b int64) int64 { return max(a, b) })
	}),
	comparing("group by key", "SELECT grp, string_agg(id, ',' ORDER BY id) FROM l GROUP BY grp", func(l, _ sdk.Dataset[trade]) sdk.Dataset[groupedText] {
		return sdk.GroupByKey(sdk.KeyBy(l, tradeGroup), func(g *string, trades iter.Seq[trade], emit sdk.Emit[groupedText]) {
			emit(groupedText{g, idList(slices.Values(slices.Sorted(idsOf(trades))))})
		})
	}),
	comparing("group sorted", "SELECT grp, string_agg(id, ',' ORDER BY ratio DESC, key NULLS FIRST, id) FROM l GROUP BY grp", func(l, _ sdk.Dataset[trade]) sdk.Dataset[groupedText] {
		return sdk.GroupSorted(sdk.KeyBy(l, tradeGroup), func(g *string, trades iter.Seq[trade], emit sdk.Emit[groupedText]) {
			emit(groupedText{g, idList(idsOf(trades))})
		}, sdk.By(tradeRatio).Descending(), sdk.By(tradeNumber), sdk.By(tradeID))
	}),
	comparing("cogroup", `
		WITH a AS (SELECT grp, string_agg(id, ',' ORDER BY id) ids FROM l GROUP BY grp), b AS (SELECT grp, string_agg(id, ',' ORDER BY id) ids FROM r GROUP BY grp)
		SELECT coalesce(a.ids, ''), coalesce(b.ids, '') FROM a FULL JOIN b ON a.grp IS NOT DISTINCT FROM b.grp`, func(l, r sdk.Dataset[trade]) sdk.Dataset[textPair] {
		return sdk.CoGroup(sdk.KeyBy(l, tradeGroup), sdk.KeyBy(r, tradeGroup), func(_ *string, l, r iter.Seq[trade], emit sdk.Emit[textPair]) {
			first := idList(slices.Values(slices.Sorted(idsOf(l))))
			emit(textPair{first, idList(slices.Values(slices.Sorted(idsOf(r))))})
		})
	}),
	orderly(comparing("sort", "SELECT id FROM l ORDER BY grp NULLS FIRST, key DESC NULLS LAST, flag, day DESC, id", func(l, _ sdk.Dataset[trade]) sdk.Dataset[int64] {
		return sdk.Map(sdk.Sort(l, sdk.By(tradeGroup), sdk.By(tradeNumber).Descending(), sdk.By(func(s trade) bool { return s.Flag }),
			sdk.By(func(s trade) int64 { return s.Day.Unix() }).Descending(), sdk.By(tradeID)), tradeID)
	})),
	orderly(comparing("top k", "SELECT id FROM l ORDER BY ratio DESC, maybe NULLS FIRST, id LIMIT 17", func(l, _ sdk.Dataset[trade]) sdk.Dataset[int64] {
		return sdk.Map(sdk.TopK(l, 17, sdk.By(tradeRatio).Descending(), sdk.By(func(s trade) *float64 { return s.Maybe }), sdk.By(tradeID)), tradeID)
	})),
}

// joins compares the joins that run in two forms, in one of them.
func joins(form string, opts ...sdk.JoinOption) []comparison {
	return []comparison{
		comparing(form+" join", "SELECT l.id, r.id FROM l JOIN r ON l.key = r.key", func(l, r sdk.Dataset[trade]) sdk.Dataset[pairOfIDs] {
			return sdk.Join(sdk.KeyBy(l, tradeNumber), sdk.KeyBy(r, tradeNumber), func(_ *int64, l, r trade) pairOfIDs { return pairOfIDs{&l.ID, &r.ID} }, opts...)
		}),
		comparing(form+" join by two columns", "SELECT l.id, r.id FROM l JOIN r ON l.grp = r.grp AND l.key = r.key", func(l, r sdk.Dataset[trade]) sdk.Dataset[pairOfIDs] {
			return sdk.Join(sdk.KeyBy(l, tradeKeyOf), sdk.KeyBy(r, tradeKeyOf), func(_ tradeKey, l, r trade) pairOfIDs { return pairOfIDs{&l.ID, &r.ID} }, opts...)
		}),
		comparing(form+" left join", "SELECT l.id, r.id FROM l LEFT JOIN r ON l.key = r.key", func(l, r sdk.Dataset[trade]) sdk.Dataset[pairOfIDs] {
			return sdk.LeftJoin(sdk.KeyBy(l, tradeNumber), sdk.KeyBy(r, tradeNumber), func(_ *int64, l trade, r *trade) pairOfIDs { return pairOfIDs{&l.ID, idOf(r)} }, opts...)
		}),
		comparing(form+" semi join", "SELECT id FROM l WHERE EXISTS (SELECT * FROM r WHERE r.key = l.key)", func(l, r sdk.Dataset[trade]) sdk.Dataset[int64] {
			return sdk.Map(sdk.SemiJoin(sdk.KeyBy(l, tradeNumber), sdk.KeyBy(r, tradeNumber), opts...), func(kv sdk.KV[*int64, trade]) int64 { return kv.Value.ID })
		}),
		comparing(form+" anti join", "SELECT id FROM l WHERE NOT EXISTS (SELECT * FROM r WHERE r.grp = l.grp AND r.key = l.key)", func(l, r sdk.Dataset[trade]) sdk.Dataset[int64] {
			return sdk.Map(sdk.AntiJoin(sdk.KeyBy(l, tradeKeyOf), sdk.KeyBy(r, tradeKeyOf), opts...), func(kv sdk.KV[tradeKey, trade]) int64 { return kv.Value.ID })
		}),
	}
}

func init() {
	comparisons = append(comparisons, joins("broadcast", sdk.Broadcast())...)
	comparisons = append(comparisons, joins("sorted", sdk.SortMerge())...)
}

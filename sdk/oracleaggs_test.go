package sdk_test

import (
	"slices"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/agg"
)

type countsRow struct {
	Group                  *string
	Rows, Known, Different int64
	Least, Most            *float64
}

type sumsRow struct {
	Group          *string
	Whole          int64
	Real           float64
	Mean, Var, Dev *float64
}

type leadersRow struct {
	Group                          *string
	First, Last, LeastN, GreatestN int64
}

func init() {
	comparisons = append(comparisons,
		comparing("counts and extremes", "SELECT grp, count(*), count(maybe), count(DISTINCT key), min(maybe), max(maybe) FROM l GROUP BY grp",
			func(l, _ sdk.Dataset[trade]) sdk.Dataset[countsRow] {
				counts := agg.Triple(agg.Count[trade](), agg.If(hasMaybe, agg.Count[trade]()),
					agg.If(func(s trade) bool { return s.Key != nil }, agg.On(func(s trade) int64 { return *s.Key }, agg.CountDistinct[int64](1000))))
				ends := agg.If(hasMaybe, agg.On(maybeOf, agg.Pair(agg.Min[float64](), agg.Max[float64]())))
				type result = agg.Two[agg.Three[int64, int64, int64], agg.Two[agg.Maybe[float64], agg.Maybe[float64]]]
				return perGroup(l, agg.Pair(counts, ends), func(g *string, r result) countsRow {
					return countsRow{g, r.First.First, r.First.Second, r.First.Third, known(r.Second.First), known(r.Second.Second)}
				})
			}),
		comparing("sums and spreads", "SELECT grp, sum(n), sum(ratio), avg(maybe), var_samp(maybe), stddev_samp(maybe) FROM l GROUP BY grp",
			func(l, _ sdk.Dataset[trade]) sdk.Dataset[sumsRow] {
				totals := agg.Pair(agg.On(tradeN, agg.Sum[int64]()), agg.On(tradeRatio, agg.SumFloat[float64]()))
				spread := agg.If(hasMaybe, agg.On(maybeOf, agg.Triple(agg.Mean[float64](), agg.Variance[float64](), agg.StdDev[float64]())))
				type result = agg.Two[agg.Two[int64, float64], agg.Three[float64, float64, float64]]
				return perGroup(l, agg.Pair(totals, spread), func(g *string, r result) sumsRow {
					return sumsRow{g, r.First.First, r.First.Second, notNaN(r.Second.First), notNaN(r.Second.Second), notNaN(r.Second.Third)}
				})
			}),
		comparing("leaders", `SELECT grp, first(id ORDER BY ratio DESC, n, id), last(id ORDER BY ratio DESC, n, id), first(id ORDER BY n, id), first(id ORDER BY n DESC, id)
			FROM l GROUP BY grp`,
			func(l, _ sdk.Dataset[trade]) sdk.Dataset[leadersRow] {
				ends := agg.Pair(agg.First(bestOf), agg.Last(bestOf))
				byN := agg.Pair(agg.ArgMin(tradeN), agg.ArgMax(tradeN))
				type two = agg.Two[agg.Maybe[trade], agg.Maybe[trade]]
				return perGroup(l, agg.Pair(ends, byN), func(g *string, r agg.Two[two, two]) leadersRow {
					return leadersRow{g, r.First.First.Value.ID, r.First.Second.Value.ID, r.Second.First.Value.ID, r.Second.Second.Value.ID}
				})
			}),
		comparing("first distinct values", "SELECT string_agg(n, ',' ORDER BY n) FROM (SELECT DISTINCT n % 30 AS n FROM l ORDER BY n LIMIT 9)",
			func(l, _ sdk.Dataset[trade]) sdk.Dataset[*string] {
				set := agg.On(func(s trade) int64 { return s.N % 30 }, agg.CollectSet[int64](9))
				return sdk.Map(sdk.AggregateAll(l, set), func(r agg.List[int64]) *string {
					if len(r.Rows) == 0 {
						return nil
					}
					return new(idList(slices.Values(r.Rows)))
				})
			}),
		comparing("aggregate of all", "SELECT count(*), coalesce(sum(n), 0) FROM l WHERE ratio > 3.5", func(l, _ sdk.Dataset[trade]) sdk.Dataset[agg.Two[int64, int64]] {
			few := sdk.Filter(l, func(s trade) bool { return s.Ratio > 3.5 })
			return sdk.AggregateAll(few, agg.Pair(agg.Count[trade](), agg.On(tradeN, agg.Sum[int64]())))
		}),
	)
}

// Command pagerank ranks the pages of a web by the links between them. It is a
// driver: it runs one job after the other until the ranks stand still.
//
//	go run ./examples/pagerank --links links.tsv --output ranks
package main

import (
	"fmt"
	"iter"
	"math"
	"strings"

	"github.com/sheafdata/sheaf/sdk"
	"github.com/sheafdata/sheaf/sdk/format/text"
)

// Args are the driver's flags.
type Args struct {
	Links     string  `flag:"links" help:"files with a link a line: from<TAB>to" required:"true"`
	Output    string  `flag:"output" help:"directory to write the ranks to, a page<TAB>rank a line, highest first" required:"true"`
	Damping   float64 `flag:"damping" help:"how likely a reader follows a link instead of going anywhere" default:"0.85"`
	Tolerance float64 `flag:"tolerance" help:"end when the ranks of a round differ from those before by less than this, all together" default:"1e-9"`
	Rounds    int     `flag:"rounds" help:"end after so many rounds in any case" default:"200"`
}

// Page is a page with its rank, as a multiple of the average.
type Page struct {
	Name  string
	Rank  float64
	Links []string
}

// StartArgs are what the first job takes.
type StartArgs struct {
	Links string
	Pages sdk.Kept[Page]
}

// start reads the links and gives every page the average rank.
var start = sdk.Define("start", func(p *sdk.Pipeline, a StartArgs) error {
	links := sdk.FlatMapErr(text.Read(p, a.Links), func(_ *sdk.Context, line string, emit sdk.Emit[sdk.KV[string, string]]) error {
		from, to, ok := strings.Cut(line, "\t")
		if !ok || from == "" || to == "" {
			return fmt.Errorf("%q is no link: want from<TAB>to", line)
		}
		emit(sdk.KV[string, string]{Key: from, Value: to})
		emit(sdk.KV[string, string]{Key: to}) // a page, even if nothing leads on from it
		return nil
	})
	// Sorted, so that the sums of a page's shares have one order.
	pages := sdk.GroupByKey(sdk.Sort(sdk.Distinct(links)), func(name string, to iter.Seq[string], emit sdk.Emit[moved]) {
		page := Page{Name: name, Rank: 1}
		for t := range to {
			if t != "" {
				page.Links = append(page.Links, t)
			}
		}
		emit(moved{Page: page})
	})
	keep(pages, a.Pages)
	return nil
})

// RoundArgs are what a round takes.
type RoundArgs struct {
	From, To sdk.Kept[Page]
	Damping  float64
	Totals   Totals // of From
}

// vote is what a page gets: of itself its links and its rank, of others a share.
type vote struct {
	Self  bool
	Rank  float64
	Links []string
}

// round lets every page share its rank among the pages that it links to.
var round = sdk.Define("round", func(p *sdk.Pipeline, a RoundArgs) error {
	votes := sdk.FlatMap(sdk.Persisted(p, a.From), func(page Page, emit sdk.Emit[sdk.KV[string, vote]]) {
		emit(sdk.KV[string, vote]{Key: page.Name, Value: vote{Self: true, Rank: page.Rank, Links: page.Links}})
		for _, to := range page.Links {
			emit(sdk.KV[string, vote]{Key: to, Value: vote{Rank: page.Rank / float64(len(page.Links))}})
		}
	})
	// Who reads a page without links goes anywhere.
	everywhere := 1 - a.Damping + a.Damping*a.Totals.Stranded/float64(a.Totals.Pages)
	pages := sdk.GroupByKey(votes, func(name string, votes iter.Seq[vote], emit sdk.Emit[moved]) {
		m := moved{Page: Page{Name: name}}
		var before, shares float64
		for v := range votes {
			if v.Self {
				before, m.Page.Links = v.Rank, v.Links
			} else {
				shares += v.Rank
			}
		}
		m.Page.Rank = everywhere + a.Damping*shares
		m.Change = math.Abs(m.Page.Rank - before)
		emit(m)
	})
	keep(pages, a.To)
	return nil
})

// moved is a page, and by how much its rank changed.
type moved struct {
	Page   Page
	Change float64
}

// Totals are sums over all pages.
type Totals struct {
	Pages    int64
	Stranded float64 // the rank of pages without links
	Change   float64
}

// keep keeps pages for the next round, and returns their totals.
func keep(pages sdk.Dataset[moved], as sdk.Kept[Page]) {
	sdk.Persist(sdk.Map(pages, func(m moved) Page { return m.Page }), as)
	all := sdk.Map(pages, func(m moved) sdk.KV[bool, Totals] {
		t := Totals{Pages: 1, Change: m.Change}
		if len(m.Page.Links) == 0 {
			t.Stranded = m.Page.Rank
		}
		return sdk.KV[bool, Totals]{Value: t}
	})
	sum := sdk.Reduce(all, func(a, b Totals) Totals {
		return Totals{Pages: a.Pages + b.Pages, Stranded: a.Stranded + b.Stranded, Change: a.Change + b.Change}
	})
	sdk.Return(sum, "totals")
}

// totals are what keep returned. A web without pages has none.
func totals(res *sdk.Result) (Totals, error) {
	rows, err := sdk.Returned[sdk.KV[bool, Totals]](res, "totals")
	if err != nil || len(rows) == 0 {
		return Totals{}, err
	}
	return rows[0].Value, nil
}

// RanksArgs are what the last job takes.
type RanksArgs struct {
	Pages  sdk.Kept[Page]
	Output string
}

// ranks writes the ranks, the highest first.
var ranks = sdk.Define("ranks", func(p *sdk.Pipeline, a RanksArgs) error {
	pages := sdk.Sort(sdk.Persisted(p, a.Pages),
		sdk.By(func(p Page) float64 { return p.Rank }).Descending(), sdk.By(func(p Page) string { return p.Name }))
	text.Write(sdk.Map(pages, func(p Page) string { return fmt.Sprintf("%s\t%.6f", p.Name, p.Rank) }), a.Output)
	return nil
})

func drive(s *sdk.Session, a Args) error {
	pages := sdk.Keep[Page](s, "pages-0")
	res, err := sdk.RunIn(s, start, StartArgs{Links: a.Links, Pages: pages})
	if err != nil {
		return err
	}
	for n := 1; n <= a.Rounds; n++ {
		t, err := totals(res)
		if err != nil {
			return err
		}
		if t.Pages == 0 || n > 1 && t.Change < a.Tolerance*float64(t.Pages) {
			break
		}
		next := sdk.Keep[Page](s, fmt.Sprintf("pages-%d", n))
		if res, err = sdk.RunIn(s, round, RoundArgs{From: pages, To: next, Damping: a.Damping, Totals: t}); err != nil {
			return err
		}
		if err := sdk.Forget(s, pages); err != nil {
			return err
		}
		pages = next
	}
	_, err = sdk.RunIn(s, ranks, RanksArgs{Pages: pages, Output: a.Output})
	return err
}

var pagerank = sdk.Drive("pagerank", drive, start, round, ranks).
	Doc("Rank the pages of a web by the links between them.")

func main() { sdk.Main(pagerank) }

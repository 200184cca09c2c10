package sdk_test

import (
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/sheafdata/sheaf/internal/oracle"
	"github.com/sheafdata/sheaf/sdk"
	sheafcsv "github.com/sheafdata/sheaf/sdk/format/csv"
	"github.com/sheafdata/sheaf/sdk/sheaftest"
)

var (
	oracleSeed   = flag.Uint64("oracle.seed", 0, "compare with DuckDB on the rows of this seed alone")
	oracleRounds = flag.Int("oracle.rounds", 4, "how many random tables to compare with DuckDB on")
)

// trade is the row of both tables that jobs and DuckDB read. Ratio is a number of
// eighths, of which both know every sum exactly.
type trade struct {
	ID    int64    `csv:"id"` // differs in every row of a table
	Group *string  `csv:"grp"`
	Key   *int64   `csv:"key"`
	N     int64    `csv:"n"`
	Ratio float64  `csv:"ratio"`
	Maybe *float64 `csv:"maybe"`
	Day   time.Time
	Flag  bool
}

const tradeColumns = "{id: 'BIGINT', grp: 'VARCHAR', key: 'BIGINT', n: 'BIGINT', ratio: 'DOUBLE', maybe: 'DOUBLE', day: 'DATE', flag: 'BOOLEAN'}"

// comparison is what a job makes of two tables, and the SQL that says the same of
// l and r.
type comparison struct {
	name, sql string
	ordered   bool
	rows      func(t *testing.T, left, right string) [][]string
}

func comparing[T any](name, sql string, build func(l, r sdk.Dataset[trade]) sdk.Dataset[T]) comparison {
	return comparison{name: name, sql: sql, rows: func(t *testing.T, left, right string) [][]string {
		rows := sheaftest.Rows(t, func(p *sdk.Pipeline) sdk.Dataset[T] {
			return build(sheafcsv.Read[trade](p, left), sheafcsv.Read[trade](p, right))
		})
		var cells [][]string
		for _, row := range rows {
			cells = append(cells, oracle.Cells(row))
		}
		return cells
	}}
}

func orderly(c comparison) comparison {
	c.ordered = true
	return c
}

// TestEqualToDuckDB gives random tables to jobs of one verb each and to DuckDB.
func TestEqualToDuckDB(t *testing.T) {
	db := oracle.Start(t)
	rounds := *oracleRounds
	if testing.Short() || *oracleSeed != 0 {
		rounds = 1
	}
	for range rounds {
		seed := *oracleSeed
		if seed == 0 {
			seed = rand.Uint64()
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		dir := t.TempDir()
		left, right := writeTrades(t, rng, dir, "l"), writeTrades(t, rng, dir, "r")
		for name, files := range map[string]string{"l": left, "r": right} {
			db.Query(t, fmt.Sprintf("CREATE OR REPLACE TABLE %s AS SELECT * FROM read_csv('%s', header = true, quote = '\"', escape = '\"', allow_quoted_nulls = false, columns = %s)", name, files, tradeColumns))
		}
		for _, c := range comparisons {
			compare := oracle.CompareUnordered
			if c.ordered {
				compare = oracle.Compare
			}
			what := fmt.Sprintf("%s, -oracle.seed %d", c.name, seed)
			compare(t, what, c.rows(t, left, right), db.Query(t, c.sql))
		}
	}
}

// writeTrades writes a random table as CSV files, so that there are several tasks,
// and returns their glob.
func writeTrades(t *testing.T, rng *rand.Rand, dir, table string) string {
	t.Helper()
	const files = 3
	rows := rng.IntN(400)
	if rng.IntN(10) == 0 {
		rows = rng.IntN(3)
	}
	for f := range files {
		lines := [][]string{{"id", "grp", "key", "n", "ratio", "maybe", "Day", "Flag"}}
		for id := f; id < rows; id += files {
			lines = append(lines, randomTrade(rng, id))
		}
		file, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%d.csv", table, f)))
		if err != nil {
			t.Fatal(err)
		}
		if err := csv.NewWriter(file).WriteAll(lines); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, table+"-*.csv")
}

func randomTrade(rng *rand.Rand, id int) []string {
	orNull := func(text string) string {
		if rng.IntN(6) == 0 {
			return ""
		}
		return text
	}
	names := []string{"a", "b, c", "B", "é", "say \"hi\"", " ", "\u20ac", "two\nlines", "zz"}
	return []string{
		strconv.Itoa(id), orNull(names[rng.IntN(len(names))]), orNull(strconv.Itoa(rng.IntN(60) - 20)), strconv.Itoa(rng.IntN(2000) - 1000),
		fmt.Sprint(float64(rng.IntN(64)-32) / 8), orNull(fmt.Sprint(float64(rng.IntN(800)-400) / 8)),
		time.Date(1990, 1, 1+rng.IntN(5000), 0, 0, 0, 0, time.UTC).Format(time.DateOnly), strconv.FormatBool(rng.IntN(2) == 0),
	}
}

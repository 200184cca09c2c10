"""Does one workload by DuckDB: run_duckdb.py words|id1|id3 INPUT OUTPUT."""

import os
import sys

import duckdb

QUERIES = {
    # A separator that is in no line makes each line one column.
    "words": """
        SELECT word, count(*) FROM (
            SELECT unnest(string_split(line, ' ')) AS word
            FROM read_csv(?, columns = {'line': 'VARCHAR'}, delim = '\x01', quote = '', escape = '', header = false, auto_detect = false)
        ) WHERE word <> '' GROUP BY word""",
    "id1": "SELECT id1, sum(v1)::BIGINT FROM read_csv(?) GROUP BY id1",
    "id3": "SELECT id3, sum(v1)::BIGINT, sum(v2)::BIGINT FROM read_csv(?) GROUP BY id3",
}


def main(work, source, target):
    db = duckdb.connect()
    db.execute(f"SET threads = {os.cpu_count()}")
    db.execute(
        f"CREATE TABLE result AS {QUERIES[work]}",
        [source],
    )
    db.execute(f"COPY result TO '{target}' (FORMAT csv, DELIMITER '\t', HEADER false, QUOTE '')")


if __name__ == "__main__":
    main(*sys.argv[1:])

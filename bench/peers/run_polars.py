"""Does one workload by Polars: run_polars.py words|id1|id3 INPUT OUTPUT."""

import sys

import polars as pl


def words(source):
    # A separator that is in no line makes each line one column.
    lines = pl.scan_csv(source, has_header=False, new_columns=["word"], separator="\x01", quote_char=None)
    each = lines.select(pl.col("word").str.split(" ").explode()).filter(pl.col("word") != "")
    return each.group_by("word").agg(pl.len())


def sums(key, columns):
    def plan(source):
        return pl.scan_csv(source).group_by(key).agg(pl.col(columns).sum())

    return plan


PLANS = {"words": words, "id1": sums("id1", ["v1"]), "id3": sums("id3", ["v1", "v2"])}


def main(work, source, target):
    PLANS[work](source).sink_csv(target, include_header=False, separator="\t", quote_style="never")


if __name__ == "__main__":
    main(*sys.argv[1:])

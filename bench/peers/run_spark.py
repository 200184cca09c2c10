"""Does one workload by Spark in local mode: spark-submit run_spark.py words|id1|id3 INPUT OUTPUT."""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def words(spark, source):
    each = spark.read.text(source).select(f.explode(f.split("value", " ")).alias("word"))
    return each.where("word <> ''").groupBy("word").count()


def sums(key, columns):
    def plan(spark, source):
        # Without a schema Spark would read the file twice.
        schema = "id1 STRING, id2 STRING, id3 STRING, id4 INT, id5 INT, id6 INT, v1 INT, v2 INT, v3 DOUBLE"
        rows = spark.read.csv(source, header=True, schema=schema)
        return rows.groupBy(key).agg(*[f.sum(c) for c in columns])

    return plan


PLANS = {"words": words, "id1": sums("id1", ["v1"]), "id3": sums("id3", ["v1", "v2"])}


def main(work, source, target):
    spark = (
        SparkSession.builder.master("local[*]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "4g")
        .getOrCreate()
    )
    PLANS[work](spark, source).write.csv(target, sep="\t", quote="")
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])

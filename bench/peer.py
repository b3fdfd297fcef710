#!/usr/bin/env python3
"""One peer, one file: the sum of sessionDuration per userId, as CSV on stdout.

    peer.py duckdb|polars|chdb|pandas FILE
"""
import sys


def duckdb(path):
    import duckdb as engine

    engine.sql(
        f"""COPY (SELECT userId, sum(sessionDuration) FROM read_json('{path}',
            format='newline_delimited',
            columns={{userId: 'VARCHAR', sessionDuration: 'BIGINT'}})
            GROUP BY userId ORDER BY userId) TO '/dev/stdout' (FORMAT csv, HEADER)"""
    )


def polars(path):
    import polars as engine

    schema = {"userId": engine.String, "sessionDuration": engine.Int64}
    print(
        engine.scan_ndjson(path, schema=schema)
        .group_by("userId")
        .agg(engine.col("sessionDuration").sum())
        .sort("userId")
        .collect(engine="streaming")
        .write_csv(),
        end="",
    )


def chdb(path):
    import chdb as engine

    print(
        engine.query(
            f"""SELECT userId, sum(sessionDuration) AS sessionDuration
                FROM file('{path}', 'JSONEachRow', 'userId String, sessionDuration Int64')
                GROUP BY userId ORDER BY userId FORMAT CSVWithNames"""
        ),
        end="",
    )


def pandas(path):
    import pandas as engine

    frame = engine.read_json(path, lines=True)
    print(frame.groupby("userId")["sessionDuration"].sum().to_csv(), end="")


{"duckdb": duckdb, "polars": polars, "chdb": chdb, "pandas": pandas}[sys.argv[1]](sys.argv[2])

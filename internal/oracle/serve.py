"""Answers SQL: a JSON string a line comes in, a JSON object a line goes out.

A cell is null, a number for what SQL counts as a float, or else text, so that
integers and decimals keep all their digits.
"""

import datetime
import decimal
import json
import sys

import duckdb


def cell(value):
    if value is None or isinstance(value, (float, str)):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"a cell of type {type(value).__name__}: cast it to a type that serve.py knows")


db = duckdb.connect()
db.execute("SET threads = 2")
for line in sys.stdin:
    try:
        answer = {"rows": [[cell(v) for v in row] for row in db.execute(json.loads(line)).fetchall()]}
    except Exception as e:
        answer = {"error": str(e)}
    print(json.dumps(answer), flush=True)

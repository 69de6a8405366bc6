"""Runs the program's own queries (sql/queries/NAME.sql) through psql, with their parameters.

    rows = run_query(database, "station_gaps_find", "text, int, text", "'', 100, NULL")
"""

import os

QUERIES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "sql", "queries")


def run_query(database, name, types, values, before="", explain=""):
    """`types` and `values` as PREPARE and EXECUTE take them; rows as psql gives them."""
    with open(os.path.join(QUERIES, name + ".sql"), encoding="utf-8") as file:
        text = file.read().rstrip().rstrip(";")
    return database.sql(f"{before}\nPREPARE query ({types}) AS {text};\n{explain} EXECUTE query ({values});")

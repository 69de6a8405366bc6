#!/usr/bin/env python3
"""Writes fold_tables.c: what the SQL functions cql2_casefold and cql2_unaccent make of every character.

    fold_tables.py CONNINFO >server/cql2/fold_tables.c

CONNINFO names a migrated database. Run it again when a new PostgreSQL or ICU knows more characters:
tests/unit/cql2/cql2_sql_test.c then says that the two differ.
"""

import subprocess
import sys


def ask(conninfo, function):
    """{code point: text} of all characters that the function changes."""
    query = f"""SELECT i, encode(convert_to(wardwatch.{function}(chr(i)), 'UTF8'), 'hex') FROM generate_series(1, 1114111) i
                WHERE i NOT BETWEEN 55296 AND 57343 AND wardwatch.{function}(chr(i)) <> chr(i) ORDER BY i"""
    done = subprocess.run(["psql", "-XAt", "-F", " ", "-d", conninfo, "-c", query], check=True, stdout=subprocess.PIPE, text=True)
    rows = (line.split(" ") for line in done.stdout.splitlines())
    return {int(row[0]): bytes.fromhex(row[1]).decode() for row in rows}


def runs(changes):
    """Characters that move by the same distance, one after another or every second one: (first, last, step, distance)."""
    found = []
    for c, text in changes.items():
        distance = ord(text) - c
        if found and found[-1][3] == distance:
            first, last, step, _ = found[-1]
            if c - last == step or (first == last and c - last in (1, 2)):
                found[-1] = (first, c, c - last, distance)
                continue
        found.append((c, c, 1, distance))
    return found


def rows(items, per_line):
    for i in range(0, len(items), per_line):
        print("    " + ", ".join(items[i:i + per_line]) + ",")


def texts(changes):
    quoted = ("".join(f"\\{byte:03o}" if byte > 126 or byte < 32 or chr(byte) in '"\\?' else chr(byte) for byte in t.encode()) for t in changes.values())
    return [f'{{0x{c:X}, "{q}"}}' for c, q in zip(changes, quoted)]


folds, accents = ask(sys.argv[1], "cql2_casefold"), ask(sys.argv[1], "cql2_unaccent")
single = {c: t for c, t in folds.items() if len(t) == 1}
longer = {c: t for c, t in folds.items() if len(t) != 1}
marks = {c for c in range(0x300, 0x370)}
assert all(accents.get(c) == "" for c in marks)
accents = {c: t for c, t in accents.items() if c not in marks}
assert max(len(t.encode()) for t in [*longer.values(), *accents.values()]) < 8

print("""/* Made by fold_tables.py from PostgreSQL 15 with ICU 72; not to be changed by hand. Sorted by character.
 * Facts of the Unicode Character Database and of PostgreSQL's unaccent.rules. */
#include "server/cql2/fold_tables.h"

/* clang-format off */
const struct ww_cql2_run ww_cql2_fold_runs[] = {""")
rows([f"{{0x{a:X}, 0x{b:X}, {s}, {d}}}" for a, b, s, d in runs(single)], 4)
print(f"""}};
const size_t ww_cql2_n_fold_runs = sizeof ww_cql2_fold_runs / sizeof *ww_cql2_fold_runs;

const struct ww_cql2_change ww_cql2_folds[] = {{""")
rows(texts(longer), 5)
print("""};
const size_t ww_cql2_n_folds = sizeof ww_cql2_folds / sizeof *ww_cql2_folds;

const struct ww_cql2_change ww_cql2_accents[] = {""")
rows(texts(accents), 7)
print("""};
const size_t ww_cql2_n_accents = sizeof ww_cql2_accents / sizeof *ww_cql2_accents;
/* clang-format on */""")

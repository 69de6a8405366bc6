"""The query that the judging state is rebuilt from, called as the program calls it."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Datastream 1: the 2nd is corrected twice, the last but one is a calibration that came late. 2: one reading. 3: none.
ROWS = """
INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, version, flag)
SELECT d, timestamptz '2026-05-01 00:00Z' + minute * interval '1 minute', message, value, 0, version, flag::"char"
FROM (VALUES (1, 0, 1, 10, 'N', 1), (1, 1, 1, 11, 'N', 1), (1, 1, 2, 12, 'N', 5), (1, 1, 3, 13, 'N', 6), (1, 2, 1, 14, 'N', 2),
             (1, 3, 1, 15, 'C', 4), (1, 4, 1, 16, 'N', 3), (2, 0, 1, 20, 'N', 1)) v (d, minute, version, value, flag, message)"""


def query(name="recent_readings"):
    with open(os.path.join(ROOT, "sql", "queries", f"{name}.sql"), encoding="utf-8") as file:
        return file.read()


def recent(database, readings, span_us, prefix="", known=2**63 - 1):
    call = f"'{{1,2,3}}', '{{{readings},{readings},{readings}}}', '{{{span_us},{span_us},{span_us}}}', '{{N,N,N}}', {known}"
    text = f"PREPARE recent (bigint[], int[], bigint[], text[], bigint) AS {query()};\nSET jit = off;\n{query('walks_begin')};\n{prefix} EXECUTE recent({call})"
    return database.sql(text)


def test_enough_valid_readings_are_read_in_the_order_in_which_they_came_in(new_database):
    database = new_database()
    database.sql("SELECT ensure_partition('2026-05-01Z')")
    database.sql(ROWS)

    def values(readings, span_us=0, **known):
        """(place, value, older ones are left out?)"""
        return [(row[0], row[3], row[5] != "") for row in recent(database, readings, span_us, **known) if len(row) == 6]

    # Three valid ones reach over the calibration and count the corrected value once; what came in comes as it came in:
    # the late one after its elders, the corrections after what they correct.
    assert values(3) == [("1", "11", True), ("1", "14", True), ("1", "16", True), ("1", "15", True), ("1", "12", True), ("1", "13", True),
                         ("2", "20", False)]  # fmt: skip
    assert values(9)[:2] == [("1", "10", False), ("1", "11", False)]
    # One valid one, but two minutes at least.
    assert values(1, 120_000_000)[:3] == [("1", "14", True), ("1", "16", True), ("1", "15", True)]
    # As it was known when the second message was the last.
    assert values(2, known=2) == [("1", "11", True), ("1", "14", True), ("2", "20", False)]


def test_the_plan_grows_with_the_partitions_and_not_with_their_square(new_database):
    database = new_database()
    database.sql("SELECT ensure_partition(timestamptz '1990-01-01Z' + m * interval '1 month') FROM generate_series(1, 60) m")
    partitions = int(database.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'observation'::regclass"))
    plan = "\n".join(row[0] for row in recent(database, 3, 0, "EXPLAIN"))
    scans = len(re.findall(r"Scan(?: Backward)?(?: using \S+)? on observation_\d{4}_\d\d(?:_pkey)? ", plan))
    assert 0 < scans <= 2 * 3 * partitions  # three walks; a bitmap counts twice
    assert not re.search(r"Anti Join|Hash Join|Merge Join", plan)


def test_only_the_newest_rows_are_touched_however_many_there_are(new_database):
    database = new_database()
    database.sql("SELECT ensure_partition('2026-05-01Z')")
    database.sql(
        """INSERT INTO observation (datastream_id, phenomenon_time, raw_message_id, value, interval_s, version, flag)
           SELECT d, timestamptz '2026-05-01Z' + n * interval '1 minute', n, n, 0, 1, 'N'
           FROM generate_series(1, 10000) n, generate_series(1, 5) d"""
    )
    database.sql("ANALYZE observation")
    plan = "\n".join(row[0] for row in recent(database, 3, 0, "EXPLAIN (ANALYZE, TIMING off)"))
    assert not re.search(r"Bitmap|Seq Scan on observation|Hash Join|Merge Join", plan), plan
    assert plan.count("Sort Key") == 1, plan  # of the result
    most = max(int(rows) for rows in re.findall(r"on observation\S* .*actual rows=(\d+)", plan))
    assert most < 10, plan

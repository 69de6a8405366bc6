"""Alerts about senders, computed again from the bytes as they came in: silence of a thing and of a feed, a clock that is off,
a server that was away meanwhile."""

import json
import subprocess
import time

import pytest

from conftest import find_program, wait_until
from test_health import Sending, Talking, World


@pytest.fixture
def world(new_database, serve, scratch):
    made = World(new_database(), serve, scratch)
    yield made
    made.server.stop()


def replay(world, alert, *arguments):
    command = [find_program(), "explain", str(alert), "--replay", *(arguments or ["--json"]), "--db", world.database.conninfo]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout if arguments else json.loads(done.stdout)["replay"] if done.stdout else done.stderr


def assert_same(world, alert):
    status, done = replay(world, alert)
    assert status == 0 and done["same"] and done["differences"] == [], done
    assert done["compared"] > 20 and done["readings"] > 3


def raised(world, **filters):
    return wait_until(lambda: world.alerts(**filters), f"an alert {filters}")[0]["id"]


def cleared(world, alert):
    wait_until(lambda: world.database.value(f"SELECT state FROM alert WHERE id = {alert}") == "cleared", "it to clear")


def learned(world, key):
    wait_until(lambda: (world.health(key) or {}).get("expected_from") == "learned", f"the rhythm of {key}")


def test_a_silent_thing(world):
    sending = Sending(world, "web", ["W1"])
    learned(world, "W1")
    sending.stop()
    alert = raised(world, rule="quiet")
    assert_same(world, alert)
    sending = Sending(world, "web", ["W1"])
    cleared(world, alert)
    sending.stop()
    assert_same(world, alert)
    status, words = replay(world, alert, "--lang", "zh")
    assert status == 0 and "重新计算：一致" in words and "静默判定" in words

    kept = world.database.value(f"SELECT explanation FROM alert WHERE id = {alert}")
    world.database.sql(f"UPDATE alert SET explanation = jsonb_set(explanation, '{{observed,value}}', '99') WHERE id = {alert}")
    status, done = replay(world, alert)
    assert status == 3 and [d["path"] for d in done["differences"]] == ["explanation.observed.value"]
    world.database.sql(f"UPDATE alert SET explanation = :'kept', opened_at = opened_at - interval '1 hour' WHERE id = {alert}", kept=kept)
    status, done = replay(world, alert)
    assert status == 3 and [d["path"] for d in done["differences"]] == ["opened_at"]


def test_a_silence_in_which_the_server_was_away(world):
    sending = Sending(world, "web", ["W1"])
    learned(world, "W1")
    sending.stop()
    world.server.stop()
    time.sleep(1)
    world.start()
    alert = raised(world, rule="quiet")
    assert world.database.value(f"SELECT explanation ? 'not_listening' FROM alert WHERE id = {alert}") == "t"
    assert_same(world, alert)


def test_a_silent_feed(world):
    things = [f"M{i}" for i in range(5)]
    sending = Sending(world, "many", things)
    for thing in things:
        learned(world, thing)
    sending.stop()
    alert = raised(world, rule="quiet")
    assert world.database.value(f"SELECT subject_kind FROM alert WHERE id = {alert}") == "feed"
    assert_same(world, alert)
    sending = Sending(world, "many", things)
    cleared(world, alert)
    sending.stop()
    assert_same(world, alert)


def test_a_clock_that_is_off(world):
    talking = Talking(world, offset_s=120)
    alert = raised(world, rule="clock")
    assert_same(world, alert)
    talking.stop()
    quiet = raised(world, rule="station-quiet")
    assert_same(world, quiet)


def test_bytes_that_are_not_kept_are_said(world):
    sending = Sending(world, "web", ["W1"])
    learned(world, "W1")
    sending.stop()
    alert = raised(world, rule="quiet")
    world.database.sql("UPDATE raw_message SET body_zstd = NULL")
    status, complaint = replay(world, alert)
    assert status == 1 and "not kept" in complaint

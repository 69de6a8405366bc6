"""docs/guides/feeds.md keeps its word: each configuration in it loads as a feed, and each body beside one is stored whole."""

import json
import os
import re

import pytest

from conftest import ROOT, wait_until

with open(os.path.join(ROOT, "docs", "guides", "feeds.md"), encoding="utf-8") as guide:
    TEXT = guide.read()
# A configuration is a block marked json; an unmarked block right behind it is a message for it.
EXAMPLES = [(json.loads(config), body) for config, body in re.findall(r"```json\n(.*?)```\n(?:```\n(.*?)```)?", TEXT, re.S)]
TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson", "text": "text/plain"}


def title(example):
    config, _ = example
    return f"{config.get('protocol', 'http')}-{config.get('format', '')}"


@pytest.fixture(scope="module")
def clients(database, serve):
    tokens = {role: database.add_account(role, role) for role in ("feed", "admin")}
    server = serve(database, "--no-outward")  # the endpoints of the guide are nobody's
    return {role: server.client(token) for role, token in tokens.items()}


def test_the_guide_has_an_example_of_each_protocol_and_format():
    assert {c.get("protocol", "http") for c, _ in EXAMPLES} == {"http", "pull", "hj212", "mqtt", "mqtt_client"}
    sent = {c["format"] for c, body in EXAMPLES if body}
    assert sent == {"csv", "ndjson", "json", "geojson", "sensorthings", "ngsi-ld", "text"}


@pytest.mark.parametrize("number", range(len(EXAMPLES)), ids=[f"{n}-{title(e)}" for n, e in enumerate(EXAMPLES)])
def test_an_example_of_the_guide_loads_and_its_message_is_stored(clients, number):
    config, body = EXAMPLES[number]
    answer = clients["admin"].post("/api/v1/feeds", {"name": f"guide-{number}", "config": config})
    assert answer.status == 201, answer.text
    if body:
        kind = TYPES.get(config["format"], "application/json")

        def send():  # the server hears of a new feed in its own time
            answer = clients["feed"].ingest(f"guide-{number}", body, kind)
            return answer if answer.status != 404 else None

        sent = wait_until(send, "the feed to be known")
        assert sent.status == 200, sent.text
        letters = clients["admin"].get(f"/api/v1/dead-letters?feed=guide-{number}").json["items"]
        assert sent.json["stored"] == sent.json["received"] > 0, (sent.text, [letter["reason"] for letter in letters])


def members(section):
    """What a table of the guide documents: the codes at the start of its rows."""
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.M)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_the_guide_documents_each_member_of_a_pulled_feed():
    documented = members(TEXT[TEXT.index("## Endpoints that are asked") :])
    assert documented >= set("url every_s headers username password timeout_s max_bytes ca_file paging".split())
    everything = members(TEXT)
    assert everything >= set(
        "format records thing property properties value unit statistic values time interval_s series_interval place quality keep "
        "missing time_zone datum mode register thing_class keep_raw".split()
    )

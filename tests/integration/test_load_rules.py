"""`wardwatch load limits` and `load rules`: what is checked before a rule can be silent for ever."""

import json
import os

import pytest

LIMIT = {"property": "so2", "standard_no": "TEST 1", "class": "ambient", "averaging": "1h", "upper": 75, "unit": "ppb",
         "valid_from": "2020-01-01T00:00:00Z", "status": "check", "source": "this test"}
RULE = {"code": "so2-1h", "name_zh": "二氧化硫", "name_en": "SO2", "severity": 2,
        "config": {"property": "so2", "standard": "TEST 1", "averaging": "1h", "limit_class": "ambient"}}


@pytest.fixture
def load(database, tmp_path):
    """Loads a list as a file; the command's error text fails the test that does not expect it."""

    def run(kind, items):
        path = os.path.join(tmp_path, f"{kind}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(items, file)
        return database.wardwatch("load", kind, path)

    return run


def test_a_limit_is_loaded_once_and_a_rule_finds_it(database, load):
    assert load("limits", [LIMIT]) == "loaded 1 limits"
    assert load("limits", [LIMIT]) == "loaded 1 limits"
    assert database.sql("SELECT upper, unit, jurisdiction, valid_to FROM limit_value WHERE standard_no = 'TEST 1'") == [
        ["75", "ppb", "CN", "infinity"]]
    assert load("rules", [RULE]) == "loaded 1 rules"
    assert database.sql("SELECT code, version, severity FROM rule WHERE detector = 'limit'") == [["so2-1h", "1", "2"]]


@pytest.mark.parametrize("change, said", [
    ({"upper": 80}, "item 2: TEST 1 already has another limit for so2 at that time"),
    ({"property": "so9"}, "item 2: there is no property so9"),
    ({"unit": "mph"}, 'item 2: the unit "mph" cannot become the property\'s unit'),
    ({"uper": 1}, "item 2: unknown member uper"),
])
def test_a_wrong_limit_is_named_and_none_of_the_file_is_stored(database, load, change, said):
    load("limits", [LIMIT])
    before = database.value("SELECT count(*) FROM limit_value")
    with pytest.raises(RuntimeError) as error:
        load("limits", [{**LIMIT, "standard_no": "TEST 2"}, {**LIMIT, **change}])
    assert said in str(error.value)
    assert database.value("SELECT count(*) FROM limit_value") == before


@pytest.mark.parametrize("rule, config, said", [
    ({}, {"property": "so9"}, "item 1, so2-1h: there is no property so9"),
    ({}, {"averaging": "24h"}, "item 1, so2-1h: there is no limit for this property, standard, averaging and class"),
    ({"severity": 9}, {}, 'item 1, so2-1h: "severity" must be 1, 2, 3 or 4'),
])
def test_a_rule_that_could_never_fire_is_refused(database, load, rule, config, said):
    load("limits", [LIMIT])
    before = database.sql("SELECT code, version, config FROM rule")
    with pytest.raises(RuntimeError) as error:
        load("rules", [{**RULE, **rule, "config": {**RULE["config"], **config}}])
    assert said in str(error.value)
    assert database.sql("SELECT code, version, config FROM rule") == before

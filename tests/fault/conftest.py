"""The fixtures of tests/integration, on a cluster that keeps fsync on: here power cuts are meant.

Test modules import what those fixtures are made of from `ww_fixtures`.
"""

import importlib.util
import os
import sys

import pytest

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration", "conftest.py")
spec = importlib.util.spec_from_file_location("ww_fixtures", PATH)
ww_fixtures = importlib.util.module_from_spec(spec)
sys.modules["ww_fixtures"] = ww_fixtures
spec.loader.exec_module(ww_fixtures)

scratch = ww_fixtures.scratch
new_database = ww_fixtures.new_database
database = ww_fixtures.database
serve = ww_fixtures.serve


@pytest.fixture(scope="session")
def cluster(scratch):
    before = os.environ.get("PG_CLUSTER_DURABLE")
    os.environ["PG_CLUSTER_DURABLE"] = "1"
    made = ww_fixtures.Cluster(os.path.join(scratch, "pg"))
    if before is None:
        del os.environ["PG_CLUSTER_DURABLE"]
    yield made
    made.run("remove")

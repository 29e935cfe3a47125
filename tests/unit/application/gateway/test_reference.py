"""`docs/http.md` names everything there is."""

from pathlib import Path

import pytest

from modelnet.application.gateway.meter import Meter
from modelnet.application.gateway.openai import reading
from modelnet.application.gateway.route import routes_of
from modelnet.core.identity import NodeId
from modelnet.resource.directory import Directory

REFERENCE = (Path(__file__).parents[4] / "docs" / "http.md").read_text(encoding="utf-8")

REFUSED = {
    **reading._REFUSED_IN_CHAT,
    **reading._REFUSED_IN_COMPLETION,
    **reading._REFUSED_IN_EMBEDDING,
}


class Nobody:
    """A network without models."""

    def answer(self, task):
        raise AssertionError(task)

    directory = Directory(NodeId("did:key:z6MkNobody"))

    def offers(self):
        return ()


@pytest.mark.parametrize("route", sorted(routes_of(Nobody(), Meter(), lambda: 0.0)))
def test_every_route(route: tuple[str, str]):
    assert f"| `{' '.join(route)}` |" in REFERENCE


@pytest.mark.parametrize("field", sorted(REFUSED))
def test_every_field_that_is_refused(field: str):
    assert f"`{field}`" in REFERENCE


def test_every_metric():
    exposition = Meter().exposition()[0].decode()
    names = {line.split()[2] for line in exposition.splitlines() if line.startswith("# TYPE")}
    ours = {name for name in names if name.startswith("modelnet_")} - {
        name for name in names if name.endswith("_created")
    }
    assert len(ours) == 6
    for name in ours:
        assert f"| `{name}` |" in REFERENCE

"""Anybody's model: families with their published chat templates and their kind of tokenizer, trained here."""

import pytest
from families import FAMILIES, REAL
from going import TALKS, FamilyTests, go


@pytest.fixture(scope="module", params=[name for name in FAMILIES if name not in REAL])
def run(request, tmp_path_factory):
    return request.param, go(request.param, tmp_path_factory.mktemp("family")), TALKS


class TestFamilies(FamilyTests):
    """Every family of the table but those with a real vocabulary, which the other file has."""

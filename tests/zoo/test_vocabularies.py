"""Anybody's vocabulary: families with the real one, out of a wheel. A softmax over 150,000 tokens takes its time: two talks."""

import pytest
from families import REAL
from going import TALKS, FamilyTests, go

TWO = [TALKS[1], TALKS[-1]]


@pytest.fixture(scope="module", params=REAL)
def run(request, tmp_path_factory):
    return request.param, go(request.param, tmp_path_factory.mktemp("family"), TWO), TWO


class TestVocabularies(FamilyTests):
    """Qwen's, Llama 2's, Mistral's and SmolLM2's."""

"""Families whose vocabulary is the real one, from the wheels that carry it.

They are a file of their own so that two processes share the work. A softmax over 150,000 tokens takes its time: two talks,
which are learned sooner than four.
"""

import pytest
from families import REAL
from going import TALKS, FamilyTests, go


@pytest.fixture(scope="module", params=REAL)
def run(request, tmp_path_factory):
    talks = [TALKS[1], TALKS[-1]]
    return request.param, go(request.param, tmp_path_factory.mktemp("family"), talks, epochs=30), talks


class TestRealVocabularies(FamilyTests):
    """Qwen's, Llama 2's, Mistral's and SmolLM2's tokens."""

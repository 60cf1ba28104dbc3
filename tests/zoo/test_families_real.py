"""Families whose vocabulary is the real one, from the wheels that carry it, and families that reason.

They are a file of their own so that two processes share the work. A softmax over 150,000 tokens takes its time: two talks.
"""

import pytest
from families import REAL, REASONING
from going import TALKS, FamilyTests, go


@pytest.fixture(scope="module", params=[*REAL, *REASONING])
def run(request, tmp_path_factory):
    talks = [TALKS[1], TALKS[-1]] if request.param in REAL else TALKS
    return request.param, go(request.param, tmp_path_factory.mktemp("family"), talks), talks


class TestRealVocabulariesAndReasoning(FamilyTests):
    """Qwen's, Llama 2's, Mistral's and SmolLM2's tokens; Qwen 3.5, DeepSeek R1, Nemotron and gpt-oss."""

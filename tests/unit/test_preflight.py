"""Chat templates are tried before the first stage runs: by `align check` without torch, by `align run` with the tokenizer."""

import json
import re
import shutil

import pytest

from align import Recipe
from align.cli import main
from align.core.artifacts import RunFolder
from align.core.errors import RecipeError
from align.preflight import rehearse

SFT = "  s: {kind: sft, model: base, data: [rows]%s}\n"
DPO = "  d: {kind: dpo, model: s, data: [rows]%s}\n"


@pytest.fixture
def folder(tmp_path, tiny):
    """A recipe's folder with rows, and `bare`: the tiny model whose tokenizer has no chat template."""
    shutil.copytree(tiny, tmp_path / "bare", ignore=shutil.ignore_patterns("chat_template*"))
    config = json.loads((tmp_path / "bare" / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (tmp_path / "bare" / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "tiny").symlink_to(tiny)
    (tmp_path / "rows.jsonl").write_text(
        '{"prompt": "a", "chosen": "b", "rejected": "c"}\n{"prompt": "a", "completion": "b"}\n'
    )
    return tmp_path


def written(folder, base, stages, generators=""):
    rows = "  rows: {kind: load, path: rows.jsonl}\n"
    (folder / "r.yaml").write_text(f"name: x\nbase: ./{base}\n{generators}stages:\n{rows}{stages}")
    return folder / "r.yaml"


@pytest.mark.parametrize(
    ("base", "stages", "said"),
    [
        ("bare", SFT % "", r"r.yaml:5: stages.s.model: the tokenizer of .*bare has no chat template; give `chat_template:`"),
        (
            "bare",
            SFT % ", chat_template: '{{ messages[0].content }}'",
            "stages.s.chat_template: .* does not show what the assistant",
        ),
        ("tiny", SFT % ", chat_template: '{{ messages | nothing }}'", "stages.s.chat_template: .*No filter named 'nothing'"),
        ("tiny", SFT % ", train_on: generation_marks", "stages.s.model: train_on: generation_marks"),
        ("bare", SFT % ", chat_template: qwen2_5" + DPO % ", chat_template: '{{ 1 }}'", r"r.yaml:6: stages.d.chat_template: "),
    ],
)
def test_check_says_which_chat_template_cannot_be_trained(folder, capsys, base, stages, said):
    assert main(["check", str(written(folder, base, stages))]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line), line


def test_a_stage_takes_the_chat_template_that_an_earlier_one_will_have_given(folder):
    recipe = written(folder, "bare", SFT % ", chat_template: qwen2_5" + DPO % "")
    rehearse(Recipe.load(recipe), RunFolder(folder / "run", folder), load=True)
    assert main(["check", str(recipe)]) == 0


def test_a_run_looks_for_experts_before_its_first_stage(folder):
    recipe = written(folder, "tiny", SFT % ", training_args: {router_aux_loss_coef: 0.01}")
    with pytest.raises(
        RecipeError, match=r"stages\.s\.training_args\.router_aux_loss_coef: qwen2 has no experts; leave it out"
    ):
        rehearse(Recipe.load(recipe), RunFolder(folder / "run", folder), load=True)


def test_a_run_loads_tokenizers_before_its_first_stage(folder):
    recipe = written(folder, "tiny", SFT % "" + DPO % ", eos_token: '<no such token>'")
    assert main(["check", str(recipe)]) == 0
    with pytest.raises(RecipeError, match=r"r.yaml:6: stages.d.eos_token: eos_token '<no such token>' is not one token"):
        Recipe.load(recipe).run(folder / "run")
    assert not list((folder / "run").glob("0*"))


@pytest.mark.parametrize(
    ("device", "said"),
    [("gpu", "'gpu' is no device; torch's names are cpu, cuda"), ("cuda:9", "there is no 'cuda:9' here"), ("cpu", None)],
)
def test_check_looks_for_the_device_of_a_generator(folder, capsys, device, said):
    recipe = written(folder, "tiny", "", f"generators: {{g: {{kind: transformers, model: base, device: '{device}'}}}}\n")
    assert main(["check", str(recipe)]) == (2 if said else 0)
    assert (said or "") in capsys.readouterr().err


def test_a_run_is_not_made_from_what_it_overwrites(folder, monkeypatch):
    """Two recipes of one name share a run folder: the second would replace what the first made, its own base too."""
    monkeypatch.chdir(folder)
    first = Recipe.load(written(folder, "tiny", ""))
    runs = RunFolder(folder / "runs" / "x", first.folder)
    runs.path.mkdir(parents=True)
    runs.record(first)
    shutil.copytree(folder / "tiny", runs.path / "07-s")
    (folder / "other").mkdir()
    shutil.copy(folder / "rows.jsonl", folder / "other")
    (folder / "other" / "r.yaml").write_text(written(folder, "../runs/x/07-s", SFT % "").read_text().replace("././", "./"))
    written(folder, "tiny", "")
    other = Recipe.load(folder / "other" / "r.yaml", set={"base": "../runs/x/07-s"})
    with pytest.raises(RecipeError) as refused:
        rehearse(other, RunFolder(runs.path, other.folder))
    assert re.search(r"r.yaml:2: base: '../runs/x/07-s' lies in .*runs/x, which this run writes", str(refused.value))
    assert re.search(r"r.yaml:1: name: .*runs/x is the run folder of another recipe, .*r.yaml; give", str(refused.value))
    rehearse(other, RunFolder(folder / "runs" / "y", other.folder))

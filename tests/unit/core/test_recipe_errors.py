"""A wrong recipe is refused before anything runs: every mistake at once, each with its line and what to do about it."""

import json
import subprocess
import sys

import pytest

from align.cli import main
from align.core import tables, yaml_reader
from align.core.recipe import Recipe
from align.core.rows import Prompt
from align.core.wiring import Ref

HEAD = """\
name: x
base: ./m
generators:
  g: {kind: scripted}
stages:
  problems: {kind: load, path: problems.jsonl}
  right: {kind: rejection_sampling, prompts: problems, generator: g, reward: {kind: math}}
"""
TAIL = "stages: {problems: {kind: load, path: problems.jsonl}}\n"
MODULES = {
    "plug_ends": "import sys\nsys.exit(0)\n",
    "plug_raises": "import json\njson.loads('{')\n",
    "plug_imports": "import no_such_library\n",
    "plug_good": "class Shorter:\n    pass\n",
    "plug_lazy": "from data_synthesis import Synthesizer\nclass Lazy(Synthesizer):\n    '''Does nothing.'''\n",
    "plug_plain": "from align import Reward\nclass Plain(Reward):\n    def score(self, prompt, completions): return []\n",
    "plug_picky": (
        "from align import Reward\n"
        "class Picky(Reward):\n"
        "    async def score(self, prompt, completions): return []\n"
        "    def problems(self, folder): yield 'kind', 'needs a library that is not here'\n"
    ),
    "plug_meant": """
from typing import Annotated, Literal
from pydantic import Field, field_validator, model_validator
from align import Reward, Stage
from align.core.config import Config
from align.core.wiring import File, Ref

class Local(Config):
    type: Literal["local"] = "local"
    model: Annotated[str, Ref("model")]

class Remote(Config):
    type: Literal["remote"]
    model: str
    token: str

class Unions(Stage):
    "What a plug-in may declare."
    where: Local | Remote | None = None
    tagged: Annotated[Local | Remote, Field(discriminator="type")] | None = None
    many: dict[str, Local] = {}
    names: dict[str, Annotated[str, Ref("model")]] = {}
    table: dict[str, int]
    files: Annotated[list[str], File()] = []
    other: Annotated[str | None, File()] = Field(None, alias="file")
    pair: tuple[int, int] = (1, 2)
    mode: Literal["a", "b", None] = None
    number: int | None = None

    def run(self, run): pass

    def problems(self, folder):
        if self.table["x"] < 0:  # a table without x raises
            yield "table.x", "is below 0"
        if self.number == 7:
            yield "number", "is 7"
        if self.mode == "a" and self.pair[0] == 1:
            yield "pair", "mode a needs another"

class Rules(Stage):
    "Has rules of its own, which are not written for values that somebody makes up."
    a: int = 0
    b: int = 5
    data: Annotated[str, Ref("demonstrations")] = "right"
    code: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")] = "00000000"
    every: int = 10
    names: set[Annotated[str, Ref("demonstrations")]] = set()
    both: tuple[Annotated[str, Ref("demonstrations")], Annotated[str, File()]] | None = None
    rewards: Reward | list[Reward] | None = None
    numbers: list[int] = []
    one: Literal[1, 2] = 1

    def run(self, run): pass

    @field_validator("every")
    @classmethod
    def _divides(cls, value):
        if 100 % value:
            raise ValueError("must divide 100")
        return value

    @model_validator(mode="after")
    def _order(self):
        if self.a > self.b:
            raise ValueError("a must not exceed b")
        return self

class Before(Stage):
    "Its validator raises."
    def run(self, run): pass

    @model_validator(mode="before")
    @classmethod
    def _take(cls, data):
        return data["a"]

class Odd(Stage):
    "Says too little."
    def run(self, run): pass
    def problems(self, folder): yield ("a",)

class Raises(Stage):
    "Has a mistake in it."
    def run(self, run): pass
    def problems(self, folder): raise KeyError("oh")
""",
}

# `#!` marks the line that the message must name
BROKEN = {
    "merge of a word": (HEAD + "  more: {<<: problems} #!\n", "stages.more.<<: `<<` takes in another mapping, by its anchor"),
    "merge of itself": (HEAD + "  more: &more {<<: *more} #!\n", "stages.more.<<: `<<` takes in another mapping"),
    "error in what is merged": (
        HEAD + "  more: &more {kind: load, path: y, limti: 3} #!\n  again: {<<: *more}\n", "stages.more.limti: unknown key",
    ),
    "duplicate key": (HEAD + "seed: 1\nseed: 2 #!\n", "seed: duplicate key (first on line 8); remove one"),
    "duplicate stage": (HEAD + "  problems: {kind: load, path: y} #!\n", "stages.problems: duplicate key (first on line 6)"),
    "top-level typo": ("name: x\nbass: ./m #!\nbase: ./m\n" + TAIL, "bass: unknown key; did you mean 'base'?"),
    "stage field typo": (
        HEAD + "  sft:\n    kind: sft\n    model: base\n    data: [right]\n    learning_rte: 1 #!\n",
        "stages.sft.learning_rte: unknown key; did you mean 'learning_rate'?",
    ),
    "generator field typo": ("name: x\nbase: ./m\ngenerators:\n  g:\n    kind: scripted\n    reply: {} #!\n" + TAIL,
                             "generators.g.reply: unknown key; did you mean 'replies'?"),
    "wrong type": (
        HEAD + "  s: {kind: sft, model: base, data: [right], num_train_epochs: two} #!\n",
        "stages.s.num_train_epochs: a number is expected here, not 'two'",
    ),
    "wrong item of a list": (
        HEAD + "  s:\n    kind: sft\n    model: base\n    data:\n      - right\n      - 3 #!\n", "stages.s.data.1: "
    ),
    "out of range": (
        HEAD + "  s:\n    kind: sft\n    model: base\n    data: [right]\n    learning_rate: -1e-5 #!\n",
        "stages.s.learning_rate: a number above 0 is expected here",
    ),
    "missing base": ("name: x #!\n" + TAIL, "base: this key is required"),
    "missing field": (HEAD + "  s: {kind: sft, model: base} #!\n", "stages.s.data: this key is required"),
    "unknown stage": (HEAD + "  s:\n    kind: dpoo #!\n", "unknown kind 'dpoo'; did you mean 'dpo'?"),
    "unknown reward": (
        HEAD + "  s:\n    kind: rejection_sampling\n    prompts: problems\n    generator: g\n    reward: {kind: maths} #!\n",
        "stages.s.reward.kind: unknown kind 'maths'; did you mean 'math'?",
    ),
    "unknown generator kind": ("name: x\nbase: ./m\ngenerators:\n  g: {kind: script} #!\n" + TAIL, "did you mean 'scripted'?"),
    "unknown optimizer": (
        HEAD + "  s: {kind: sft, model: base, data: [right], optimizer: {kind: adam}} #!\n", "did you mean 'adamw'?"
    ),
    "no kind": (HEAD + "  s: {prompts: problems} #!\n", "stages.s.kind: 'kind' is missing; one of: decontaminate, "),
    "stage is a word": (HEAD + "  s: 7 #!\n", "a mapping with a 'kind' is expected here, not 7"),
    "missing stage": (HEAD + "  s: {kind: sft, model: base, data: [rihgt]} #!\n", "no stage 'rihgt'; did you mean 'right'?"),
    "later stage": (
        HEAD + "  s: {kind: sft, model: base, data: [more]} #!\n"
        "  more: {kind: rejection_sampling, prompts: problems, generator: g, reward: math}\n",
        "stages.s.data.0: stage 'more' does not come before this one; move it up",
    ),
    "rows from a model": (
        HEAD + "  s: {kind: sft, model: base, data: [right]}\n  d: {kind: dpo, model: s, data: [s]} #!\n",
        "stage 's' makes a model, but preferences are needed here; stages that do: problems, right",
    ),
    "rows from a weighted model": (
        HEAD + "  s: {kind: sft, model: base, data: [{from: base, weight: 2}]} #!\n",
        "stages.s.data.0.from: 'base' is a model; demonstrations are needed here",
    ),
    "model from a source": (
        HEAD + "  s: {kind: sft, model: problems, data: [right]} #!\n",
        "stage 'problems' makes demonstrations and preferences and prompts and unpaired rows, but a model is needed here",
    ),
    "model from rows": (HEAD + "  s: {kind: sft, model: right, data: [right]} #!\n", "but a model is needed here"),
    "reward is a policy": (
        HEAD + "  s: {kind: sft, model: base, data: [right]}\n  d:\n    kind: rejection_sampling\n    prompts: problems\n"
        "    generator: g\n    reward:\n      kind: reward_model\n      model: s #!\n",
        "stages.d.reward.model: stage 's' makes a model, but a reward model is needed here",
    ),
    "a key that is no word": (HEAD + "  {{name}}: {kind: sft} #!\n", "stages: a key must be a word; quote a value that begins"),
    "base without slash": ("name: x\nbase: gpt2 #!\n" + TAIL, "hold a slash (./gpt2, owner/gpt2)"),
    "unknown generator": (
        HEAD + "  s:\n    kind: rejection_sampling\n    prompts: problems\n    reward: math\n    generator: gg #!\n",
        "stages.s.generator: no generator 'gg'; did you mean 'g'?",
    ),
    "unknown generator of a judge in a mixture": (
        HEAD + "  s:\n    kind: rejection_sampling\n    prompts: problems\n    generator: g\n    reward:\n      kind: mixture\n"
        "      parts:\n        - reward: math\n        - reward:\n            kind: judge\n            generator: gg #!\n",
        "stages.s.reward.parts.1.reward.generator: no generator 'gg'; did you mean 'g'?",
    ),
    "grades that are all one": (
        HEAD + "  s:\n    kind: rejection_sampling\n    prompts: problems\n    generator: g\n    reward:\n      kind: judge\n"
        "      generator: g\n      samples: 4 #!\n",
        "stages.s.reward.samples: at temperature 0 all grades of a completion are the same",
    ),
    "generator of a later stage": (
        "name: x\nbase: ./m\ngenerators: {tuned: {kind: transformers, model: s}}\nstages:\n"
        "  problems: {kind: load, path: problems.jsonl}\n"
        "  d: {kind: rejection_sampling, prompts: problems, generator: tuned, reward: math} #!\n"
        "  s: {kind: sft, model: base, data: [d]}\n",
        "stages.d.generator: generator 'tuned' uses stage 's', which does not come before this one",
    ),
    "regular expression": (
        "name: x\nbase: ./m\ngenerators:\n  g:\n    kind: scripted\n    replies: {'(': x} #!\n" + TAIL,
        "generators.g.replies: '(' is not a regular expression",
    ),
    "tab": ("name: x\n\tbase: ./m #!\n", "not YAML: "),
    "unclosed bracket": ("name: x\nstages: [1, 2\nbase: ./m #!\n", "not YAML: "),
    "control character": ("name: x #!\nbase: './m\x07'\n", "not YAML: unacceptable character #x0007"),
    "two documents": ("name: x\n--- #!\nbase: ./m\n", "not YAML: but found another document"),
    "alias of itself": ("name: x\nbase: ./m\nstages: &s\n  s: *s #!\n", "nested too deeply"),
    "a list": ("- name: x #!\n", "a recipe is a mapping with name, base and stages"),
    "empty file": ("#!\n", "a recipe is a mapping with name, base and stages"),
    "no stages": ("name: x\nbase: ./m\nstages: {} #!\n", "stages: "),
    "stage called base": (HEAD + "  base: {kind: load, path: problems.jsonl} #!\n",
                          "'base' cannot name a stage"),
    "not a number": (HEAD + "  s: {kind: sft, model: base, data: [right], warmup_ratio: .nan} #!\n", "finite number"),
    "training_args typo": (
        HEAD + "  s:\n    kind: sft\n    model: base\n    data: [right]\n    training_args:\n      adam_beta3: 0.9 #!\n",
        "stages.s.training_args.adam_beta3: TRL's SFTConfig has no 'adam_beta3'; did you mean 'adam_beta",
    ),
    "training_args of ours": (
        HEAD + "  s: {kind: sft, model: base, data: [right], training_args: {learning_rate: 1}} #!\n", "set by a field"
    ),
    "an argument of TRL that does nothing here": (
        HEAD + "  s:\n    kind: sft\n    model: base\n    data: [right]\n    training_args: {eval_strategy: steps} #!\n",
        "'eval_strategy' cannot be set: `eval_data` and `eval_steps` of sft, dpo and reward_model evaluate",
    ),
    "an argument of TRL that is a field": (
        HEAD + "  s:\n    kind: sft\n    model: base\n    data: [right]\n    training_args: {chat_template_path: x} #!\n",
        "'chat_template_path' cannot be set: the stage has the field `chat_template`",
    ),
    "unknown optimizer of transformers": (
        HEAD + "  s: {kind: sft, model: base, data: [right], training_args: {optim: adamw_trch}} #!\n",
        "did you mean 'adamw_torch'?",
    ),
    "arguments of an optimizer that is not used": (
        HEAD + "  s: {kind: sft, model: base, data: [right], optimizer: adamw, training_args: {adam_beta2: 0.9}} #!\n",
        "stages.s.training_args.adam_beta2: the stage's `optimizer` is used",
    ),
    "unknown schedule": (
        HEAD + "  s: {kind: sft, model: base, data: [right], lr_scheduler_type: cosin} #!\n",
        "stages.s.lr_scheduler_type: there is no 'cosin'; did you mean 'cosine'?",
    ),
    "a floor of a schedule that has none": (
        HEAD + "  s: {kind: sft, model: base, data: [right], lr_scheduler_type: linear, min_lr: 1e-7} #!\n",
        "stages.s.min_lr: only lr_scheduler_type: cosine ends at a given rate",
    ),
    "a floor above the peak": (
        HEAD + "  s: {kind: sft, model: base, data: [right], learning_rate: 1e-6, min_lr: 1e-5} #!\n", "name a smaller one"
    ),
    "rounds over shards": (
        "accelerate: {config_file: fsdp.yaml}\n" + HEAD
        + "  r: {kind: reward_model, model: base, data: [right]}\n"
        "  o: {kind: online_dpo, model: base, prompts: problems, reward: {kind: math}} #!\n",
        "stages.o: fsdp.yaml says FSDP; online_dpo runs on one device or under plain data parallelism",
    ),
    "smoothing that preference losses ignore": (
        HEAD + "  s: {kind: dpo, model: base, data: [right], training_args: {label_smoothing_factor: 0.1}} #!\n",
        "stages.s.training_args.label_smoothing_factor: preference losses do not read it",
    ),
    "smoothing that the reward loss ignores": (
        HEAD + "  s: {kind: reward_model, model: base, data: [right], training_args: {label_smoothing_factor: 0.1}} #!\n",
        "stages.s.training_args.label_smoothing_factor: the loss of a reward model does not read it",
    ),
    "smoothing of a loss that has none": (
        HEAD + "  s: {kind: dpo, model: base, data: [right], training_args: {label_smoothing: 0.1}} #!\n",
        "stages.s.training_args.label_smoothing: only loss_type aot or aot_unpaired or exo_pair or robust reads it",
    ),
    "weights of other losses": (
        HEAD + "  s: {kind: dpo, model: base, data: [right], loss_type: [sigmoid, sft], loss_weights: [1.0]} #!\n",
        "stages.s.loss_weights: 1 weights for 2 losses",
    ),
    "unknown reporter": (
        HEAD + "  s: {kind: sft, model: base, data: [right], report_to: tensorbord} #!\n", "did you mean 'tensorboard'?"
    ),
    "reporter that is not installed": (
        HEAD + "  s: {kind: sft, model: base, data: [right], report_to: [dvclive]} #!\n",
        "stages.s.report_to: dvclive needs the package dvclive, which is not installed here: `pip install dvclive`",
    ),
    "a word where a list is needed": (
        HEAD + "  s: {kind: sft, model: base, data: right} #!\n", "stages.s.data: a list is expected here: [right]"
    ),
    "base that is not there": (
        HEAD.replace("./m", "./n #!") + "  s: {kind: sft, model: base, data: [right]}\n", "base: there is no folder './n'"
    ),
    "base that a generator needs": (
        "name: x\nbase: ~/no/such/model #!\ngenerators: {g: {kind: transformers, model: base}}\n" + TAIL,
        "base: there is no folder '~/no/such/model'",
    ),
    "base that is a run": (
        HEAD.replace("./m", "./run #!") + "  s: {kind: sft, model: base, data: [right]}\n",
        "is a run folder; name the folder of a stage in it: 01-sft",
    ),
    "model that is a file": (HEAD + "  s: {kind: sft, model: ./m/config.json, data: [right]} #!\n", "is a file, and a model"),
    "model without config": (HEAD + "  s: {kind: sft, model: ./rows, data: [right]} #!\n", "holds no model (no config.json)"),
    "model without weights": (HEAD + "  s: {kind: sft, model: ./hollow, data: [right]} #!\n", "a config.json and no weights"),
    "reward model as a model": (
        HEAD + "  s: {kind: sft, model: ./judge, data: [right]} #!\n",
        "holds a reward model (Qwen2ForSequenceClassification), but a language model is needed here",
    ),
    "model as a reward model": (
        HEAD + "  s:\n    kind: rejection_sampling\n    prompts: problems\n    generator: g\n    reward:\n"
        "      kind: reward_model\n      model: ./m #!\n",
        "holds a language model (Qwen2ForCausalLM), but a reward model is needed here",
    ),
    "folder without an adapter": (
        HEAD + "  s: {kind: sft, model: base, data: [right], lora: {adapter: ./m}} #!\n", "holds no adapter"
    ),
    "rows that are a file": (
        HEAD + "  s: {kind: sft, model: base, data: [./problems.jsonl]} #!\n",
        "'./problems.jsonl' is a file; a stage `{kind: load, path: ./problems.jsonl}` reads it",
    ),
    "rows of another kind": (
        HEAD + "  s: {kind: dpo, model: base, data: [./rows]} #!\n", "'./rows' holds prompts, but preferences are needed here"
    ),
    "rows that are nowhere": (HEAD + "  s: {kind: sft, model: base, data: [./no/rows]} #!\n", "there is no folder './no/rows'"),
    "rows on the hub": (
        HEAD + "  s: {kind: sft, model: base, data: [owner/rows]} #!\n",
        "'owner/rows' is no folder; from the hub, a stage `{kind: load, path: owner/rows}` reads it",
    ),
    "missing data file": (HEAD + "  s: {kind: load, path: nothing.jsonl} #!\n", "no file or folder 'nothing.jsonl'"),
    "missing shots": (
        HEAD + "  s: {kind: rejection_sampling, prompts: problems, generator: g, reward: math, shots: s.jsonl} #!\n",
        "stages.s.shots: no file or folder 's.jsonl'",
    ),
    "file of another type": (HEAD + "  s: {kind: load, path: recipe.yaml} #!\n", "'.yaml' cannot be read; one of: .arrow"),
    "unknown column": (HEAD + "  s: {kind: load, path: problems.jsonl, columns: {promt: q}} #!\n", "stages.s.columns.promt"),
    "unknown task": (
        HEAD + "  s:\n    kind: evaluate\n    models: [base]\n    tasks:\n      - arithmetic\n      - gsm8 #!\n",
        "stages.s.tasks.1: unknown kind 'gsm8'; did you mean 'gsm8k'?",
    ),
    "plug-in not found": (HEAD + "  s: {kind: 'no_such_module:X'} #!\n", "there is no module 'no_such_module' beside"),
    "plug-in raises": (HEAD + "  s: {kind: 'plug_raises:X'} #!\n", "importing 'plug_raises' raised JSONDecodeError: Expecting"),
    "plug-in needs a library": (
        HEAD + "  s: {kind: 'plug_imports:X'} #!\n", "importing 'plug_imports' raised ModuleNotFoundError: No module named"
    ),
    "plug-in class missing": (
        HEAD + "  s: {kind: 'plug_good:Shortest'} #!\n", "module 'plug_good' has no 'Shortest'; did you mean 'Shorter'?"
    ),
    "plug-in of another family": (
        HEAD + "  s: {kind: 'plug_good:Shorter'} #!\n",
        "'plug_good:Shorter' is not a stage: Shorter must be a subclass of align.core.stage.Stage",
    ),
    "plug-in without its method": (HEAD + "  s: {kind: 'plug_lazy:Lazy'} #!\n", "Lazy does not define synthesize()"),
    "plug-in without async": (
        HEAD + "  s: {kind: rejection_sampling, prompts: problems, generator: g, reward: {kind: 'plug_plain:Plain'}} #!\n",
        "stages.s.reward.kind: 'plug_plain:Plain': Plain.score is a plain function; write `async def score`",
    ),
    "a reward's own complaint": (
        HEAD + "  s: {kind: rejection_sampling, prompts: problems, generator: g, reward: {kind: 'plug_picky:Picky'}} #!\n",
        "stages.s.reward.kind: needs a library that is not here",
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch, tiny):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").symlink_to(tiny)
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    for name, heads in (("hollow", config["architectures"]), ("judge", ["Qwen2ForSequenceClassification"])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({**config, "architectures": heads}))
    (tmp_path / "judge" / "model.safetensors").touch()
    (tmp_path / "run" / "01-sft").mkdir(parents=True)
    (tmp_path / "run" / "recipe.json").touch()
    (tmp_path / "fsdp.yaml").write_text("distributed_type: FSDP\nfsdp_config: {fsdp_version: 2}\n")
    (tmp_path / "rows").mkdir()
    tables.write(tmp_path / "rows", "prompts", [Prompt(messages=[{"role": "user", "content": "1+1?"}])])
    monkeypatch.setattr(sys, "path", list(sys.path))  # loading a recipe makes its folder importable
    (tmp_path / "problems.jsonl").write_text('{"prompt": "1+1?", "answer": "2"}\n')
    for name, source in MODULES.items():
        sys.modules.pop(name, None)
        (tmp_path / f"{name}.py").write_text(source)
    return tmp_path


def refused(capsys, *arguments):
    """Return the lines on standard error of a command that must exit with 2, without a traceback."""
    assert main(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err.splitlines()


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_recipe_is_refused_with_its_line(case, folder, capsys):
    text, fragment = BROKEN[case]
    (folder / "recipe.yaml").write_text(text)
    line = next(number for number, content in enumerate(text.splitlines(), 1) if "#!" in content)
    lines = refused(capsys, "check", "recipe.yaml")
    assert [said for said in lines if said.startswith(f"recipe.yaml:{line}: ") and fragment in said], (line, fragment, lines)
    assert all(said.startswith("recipe.yaml:") for said in lines), lines


def test_the_recipe_that_the_broken_ones_grow_from_is_right(folder, capsys):
    (folder / "recipe.yaml").write_text(HEAD)
    assert main(["check", "recipe.yaml"]) == 0
    out = capsys.readouterr().out
    assert "recipe.yaml: 2 stages, base ./m, seed 0" in out
    assert [line.split()[0] for line in out.splitlines()[4:]] == ["problems", "right"]


def test_a_path_is_looked_for_beside_the_recipe_and_not_where_the_command_runs(folder, capsys):
    (folder / "sub").mkdir()
    (folder / "sub" / "problems.jsonl").write_text('{"prompt": "1+1?", "answer": "2"}\n')
    (folder / "sub" / "recipe.yaml").write_text(HEAD + "  s: {kind: sft, model: base, data: [right, ./rows]}\n")
    assert [line.partition(": ")[2] for line in refused(capsys, "check", "sub/recipe.yaml")] == [
        f"base: there is no folder './m' (looked in {folder / 'sub'}), and it is no hub id",
        "stages.s.data.1: there is no folder './rows'",
    ]


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(folder, capsys):
    (folder / "recipe.yaml").write_text(
        "name: x\nbass: 1\nbase: m\nseed: -1\nstages:\n  a: {kind: lod, path: x}\n  b: {kind: load, path: no.jsonl}\n"
        "  c: {kind: sft, model: base, data: [zz], beta: 1}\n  c: {}\n"
    )
    found = [int(line.split(":")[1]) for line in refused(capsys, "check", "recipe.yaml")]
    assert found == [2, 3, 4, 6, 6, 7, 8, 8, 9]


def test_a_mistake_hides_no_other_of_its_stage(folder, capsys):
    """Misspelt keys and kinds, wrong types, and what a stage finds wrong with itself; nothing that only follows from them."""
    (folder / "recipe.yaml").write_text(
        f"name: x\nbase: {folder}/m\nstages:\n  problems: {{kind: load, path: nope.jsonl, limti: 3}}\n"
        "  a: {kind: stf, modle: nope, data: problems, lora: true, min_lr: 1, training_args: {adam_beta1: 7}}\n"
        "  b: {kind: sft, model: 3, dat: [nope], dtype: fp16, lr_scheduler_type: cosin}\n"
        "  c: {kind: dpo, model: b, lora: {rr: 8, r: 0}, data: [{from: problems, weight: -1}, 3]}\n"
        "  d: {kind: sft, model: c, data: [problems], eval_data: 3, eval_steps: 5}\n"
    )
    found = [line.partition("stages.")[2].partition(": ") for line in refused(capsys, "check", "recipe.yaml")]
    assert sorted(f"{where}: {what}" for where, _, what in found) == sorted([
        "problems.limti: unknown key; did you mean 'limit'?",
        f"problems.path: no file or folder 'nope.jsonl' (looked in {folder})",
        "a.kind: unknown kind 'stf'; did you mean 'sft'?",
        "a.modle: unknown key; did you mean 'model'?",
        "a.modle: no stage 'nope'; earlier stages: problems (a path or hub id needs a slash)",
        "a.data: a list is expected here: [problems]",
        "a.lora: a mapping is expected here, not true; {} takes the defaults",
        "a.min_lr: the learning rate falls from 7e-06; name a smaller one",
        "a.training_args.adam_beta1: 7 is out of range: a number at least 0 and below 1 is expected here",
        "b.model: a text is expected here, not 3",
        "b.dat: unknown key; did you mean 'data'?",
        "b.dat.0: no stage 'nope'; earlier stages: problems, a (a path or hub id needs a slash)",
        "b.dtype: there is no 'fp16'; one of: bfloat16, float32",
        "b.lr_scheduler_type: there is no 'cosin'; did you mean 'cosine'?",
        "c.lora.rr: unknown key; did you mean 'r'?",
        "c.lora.r: a number of at least 1 is expected here, not 0",
        "c.data.0.weight: a number above 0 is expected here, not -1",
        "c.data.1: a text or a mapping is expected here, not 3",
        "d.eval_data: a list is expected here, not 3",
    ])  # fmt: skip


AS_MEANT = {
    # what a plug-in's branch of a union does not declare is not asked of it
    "{kind: 'plug_meant:Unions', table: {x: 1}, where: {type: remote, model: no, token: t}, "
    "tagged: {type: remote, model: no, token: t}}": [],
    "{kind: 'plug_meant:Unions', table: {x: 1}, where: {model: no}, tagged: {type: local, model: no}}": [
        "where.model: no stage 'no'", "tagged.model: no stage 'no'",
    ],
    "{kind: 'plug_meant:Unions', table: {x: 1}, where: {type: remote}, tagged: {type: rmote}}": [
        "where.model: this key is required", "where.token: this key is required",
        "tagged.type: there is no 'rmote'; did you mean 'remote'?",
    ],
    "{kind: 'plug_meant:Unions', table: {x: 1}, where: {}, tagged: {}}": [
        "where.model: this key is required", "tagged.type: this key is required",
    ],
    # references and files inside mappings, lists and aliases
    "{kind: 'plug_meant:Unions', table: {x: 1}, many: {u: {model: no}}, names: {a: base, b: no}, "
    "files: [problems.jsonl, no.x], file: gone}": [
        "many.u.model: no stage 'no'", "names.b: no stage 'no'", "files.1: no file or folder 'no.x'",
        "file: no file or folder 'gone'",
    ],
    # a value that is put in for a wrong one says nothing, and hides nothing
    "{kind: 'plug_meant:Unions', table: 3, number: 7}": ["table: a mapping is expected here, not 3"],
    "{kind: 'plug_meant:Unions', table: {x: y}, number: 7}": [
        "table.x: a whole number is expected here, not 'y'", "number: is 7",
    ],
    "{kind: 'plug_meant:Unions', table: {x: -1}, mode: c, pair: [1]}": [
        "mode: there is no 'c'; one of: None, a, b", "pair: a list of more items is expected here: item 2 is missing",
        "table.x: is below 0",
    ],
    "{kind: 'plug_meant:Unions', table: {x: 1}, mode: [a], pair: [1, x]}": [
        "mode: a or b or null is expected here, not a list", "pair.1: a whole number is expected here, not 'x'",
    ],
    "{kind: 'plug_meant:Raises'}": ["kind: Raises.problems() raised KeyError: 'oh' ("],
    "{kind: sft, data: [right], model: base, learning_rate: 1e-4x, min_lr: 1e-5}": [
        "learning_rate: a number is expected here, not '1e-4x'",
    ],
    "{kind: sft, data: [right], model: base, learning_rate: 1e-4x, lr_scheduler_type: polynomial, "
    "training_args: {lr_scheduler_kwargs: {lr_end: 1e-5}, foo: 1}}": [
        "learning_rate: a number is expected here, not '1e-4x'", "training_args.foo: TRL's SFTConfig has no 'foo'",
    ],
    "{kind: sft, data: [right], model: base, lr_scheduler_type: cosinee, min_lr: 1e-7}": [
        "lr_scheduler_type: there is no 'cosinee'; did you mean 'cosine'?",
    ],
    "{kind: dpo, data: [right], model: base, loss_type: [sigmiod, sft], loss_weights: [1, 1]}": [
        "loss_type.0: there is no 'sigmiod'; did you mean 'sigmoid'?",
    ],
    "{kind: sft, data: [right], model: base, bf16: maybe, training_args: {bf1: 1, adam_beta1: 7}}": [
        "bf16: true or false is expected here, not 'maybe'", "training_args.bf1: ", "training_args.adam_beta1: 7 is out of",
    ],
    "{kind: sft, data: [right], lr_scheduler_type: cosin, eval_steps: 3}": [
        "model: this key is required", "lr_scheduler_type: there is no 'cosin'", "eval_steps: there is nothing to evaluate on",
    ],
    "{kind: 'plug_meant:Rules', a: 7, data: rihgt}": ["a must not exceed b", "data: no stage 'rihgt'; did you mean 'right'?"],
    "{kind: 'plug_meant:Rules', code: zz, data: rihgt}": [
        "code: a text of the form ^[0-9a-f]{8}$ is expected here, not 'zz'", "data: no stage 'rihgt'",
    ],
    "{kind: 'plug_meant:Rules', every: 7}": ["every: must divide 100"],
    "{kind: 'plug_meant:Rules', every: x, data: rihgt}": ["every: a whole number is expected here", "data: no stage 'rihgt'"],
    "{kind: 'plug_meant:Rules', names: [no], both: [problems.jsonl, right]}": [
        "names: no stage 'no'", "both.0: no stage 'problems.jsonl'", "both.1: no file or folder 'right'",
    ],
    "{kind: 'plug_meant:Rules', both: [right, problems.jsonl], rewards: [math, {kind: math}]}": [],
    "{kind: 'plug_meant:Rules', rewards: 3, one: '1'}": [
        "rewards: a mapping with a 'kind' or a list is expected here, not 3", "one: 1 is expected here, not the text '1'",
    ],
    "{kind: 'plug_meant:Rules', rewards: [math, mth], numbers: x}": [
        "rewards.1: unknown kind 'mth'; did you mean 'math'?", "numbers: a list is expected here: [x]",
    ],
    "{kind: 'plug_meant:Before', lo: 2}": ["Before raised KeyError over these fields: 'a' ("],
    "{kind: 'plug_meant:Odd'}": ["kind: Odd.problems() raised TypeError: it yields ('a',), and (field, what is wrong)"],
    "{kind: 'plug_ends:X'}": ["kind: 'plug_ends:X': importing 'plug_ends' raised SystemExit: 0"],
    "{kind: sft, model: base, data: [right], optimizer: {kind: adamw, betas: [x]}, eval_steps: 3}": [
        "optimizer.betas.0: a number is expected here, not 'x'", "optimizer.betas: a list of more items is expected here",
        "eval_steps: there is nothing to evaluate on",
    ],
    "{kind: merge, models: [no]}": ["models: at least 2 items are expected here", "models.0: no stage 'no'"],
    "{kind: sft, model: base, data: [right], learning_rate: true, lora: {r: true}, max_steps: 0}": [
        "learning_rate: a number is expected here, not true", "lora.r: a number is expected here, not true",
        "max_steps: 0 steps train nothing",
    ],
    "{kind: sft, model: base, data: [right], max_grad_norm: 0, logging_steps: 0.1, lora: {alpha: 16.5}}": [],
    "{kind: sft, model: base, data: [right], lora: {target_modules: q_proj}}": [
        "lora.target_modules: a text is a regular expression for whole names, and no name is 'q_proj'; write [q_proj]",
    ],
    "{kind: sft, model: base, data: [right], lora: {target_modules: [lm_head], adapter: base}}": [
        "lora.adapter: ", "lora.target_modules: TRL uses the weights of lm_head", "lora: an existing adapter has its own rank",
        "model: base contains its adapter already",
    ],
    "{kind: online_dpo, model: base, prompts: problems, reward: math, reference_mixup: 0.3}": [
        "reference_mixup: needs reference_sync: ema, and it is fixed",
    ],
    "{kind: dpo, model: base, data: [right], lora: {dropout: 0.5}, training_args: {disable_dropout: true}}": [
        "training_args.disable_dropout: would turn off lora.dropout",
    ],
    "{kind: dpo, model: base, data: [right], loss_type: 'sigmoid, sft', loss_weights: [1, 2]}": [
        "loss_type: a list is expected here: [sigmoid, sft]",
    ],
    "{kind: dpo, model: base, data: [right], loss_type: 3, loss_weights: [1, 2]}": ["loss_type: a list is expected here, not"],
    "{kind: sft, model: base, data: [right], training_args: {optim: sdg, optim_args: 'momentum=0.9'}}": [
        "training_args.optim: there is no 'sdg'; did you mean 'sgd'?",
    ],
    "{kind: sft, model: base, data: [right], training_args: {optm: sgd, optim_args: 'momentum=0.9'}}": [
        "training_args.optm: TRL's SFTConfig has no 'optm'; did you mean 'optim'?",
    ],
    "{kind: sft, model: base, data: [right], training_args: {ddp_backend: gloo}}": [
        "training_args.ddp_backend: is about several processes",
    ],
    "{kind: dpo, model: base, data: [right], training_args: {f_divergence_type: js, f_alpha_divergence_coef: 0.5}}": [
        "training_args.f_divergence_type: there is no 'js'",
    ],
    "{kind: sft, model: base, data: [right], optim: sgd, lr: 1e-5, warmup_steps: 100}": [
        "optim: unknown key; it is a setting of the library: `training_args: {optim: ...}`", "lr: unknown key; ",
        "warmup_steps: unknown key; it cannot be set: the stage has the field `warmup_ratio`",
    ],
    "{kind: SFT, model: bas, data: [right], torch_dtype: bf16}": [
        "kind: unknown kind 'SFT'; did you mean 'sft'?", "model: no stage 'bas'", "dtype: there is no 'bf16'",
    ],
    "{kind: sft, model: base, data: [right], max_length: !foo 5}": ["max_length: the tag !foo means nothing here"],
    "{kind: execution_feedback, prompts: no, generator: nog, nope: 1}": [
        "mode: 'execution_feedback' needs `mode`", "prompts: no stage 'no'", "generator: no generator 'nog'",
        "nope: unknown key",
    ],
    # what is misspelt is looked at as it was meant, and named as it stands there
    "{knd: sft, model: no, dta: [rihgt], lora: {adaptr: nor}}": [
        "knd: unknown key; did you mean 'kind'?", "dta: unknown key; did you mean 'data'?",
        "lora.adaptr: unknown key; did you mean 'adapter'?", "model: no stage 'no'", "dta.0: no stage 'rihgt'",
        "lora.adaptr: no stage 'nor'",
    ],
    "{type: sft, model: base, data: rihgt}": [
        "type: unknown key; did you mean 'kind'?", "data: a list is expected here: [rihgt]", "data.0: no stage 'rihgt'",
    ],
    "{kind: rejection_sampling, prompts: problems, generator: no, reward: {kidn: jugde, generator: no, samples: 4}}": [
        "reward.kidn: unknown key; did you mean 'kind'?", "reward.kidn: unknown kind 'jugde'; did you mean 'judge'?",
        "generator: no generator 'no'", "reward.generator: no generator 'no'",
        "reward.samples: at temperature 0 all grades of a completion are the same",
    ],
    "{kind: [sft], model: base}": [
        "kind: a text is expected here, not a list; one of: decontaminate, deduplicate, dpo", "data: this key is required",
    ],
    "sft": ["model: this key is required", "data: this key is required"],
}  # fmt: skip


@pytest.mark.parametrize("stage", AS_MEANT)
def test_what_is_found_beside_a_mistake_is_there_and_does_not_follow_from_it(stage, folder, capsys):
    (folder / "recipe.yaml").write_text(HEAD + f"  s: {stage}\n")
    if not AS_MEANT[stage]:
        assert main(["check", "recipe.yaml"]) == 0, capsys.readouterr().err
        return
    lines = refused(capsys, "check", "recipe.yaml")
    found = sorted(line.partition("stages.s")[2].removeprefix(": ").removeprefix(".") for line in lines)
    assert len(found) == len(AS_MEANT[stage]), found
    assert all(line.startswith(said) for line, said in zip(found, sorted(AS_MEANT[stage]), strict=True)), found


WHOLE = {
    "s a: {kind: load, path: nope}\n  s.b: {kind: load, pth: problems.jsonl}\n": [
        "stages.s a: 's a' cannot name a stage",
        "stages.s a.path: no file",
        "stages.s.b: 's.b' cannot name a stage",
        "stages.s.b.pth: unknown key; did you mean 'path'?",
    ],
    "function-call: {kind: load, pth: problems.jsonl}\n": ["stages.function-call.pth: unknown key; did you mean 'path'?"],
    "s: {kind: load, pth: x}\naccelerate: {config_file: nope.yaml}\n": [
        "stages.s.pth: unknown key",
        "stages.s.pth: no file",
        "accelerate.config_file: no file 'nope.yaml'",
    ],
    f"s: {{kind: load, path: problems.jsonl, limit: {'1' * 5000}}}\n": [
        "stages.s.limit: a whole number is expected here, not '1111"
    ],
}


@pytest.mark.parametrize("end", WHOLE, ids=lambda end: end[:20])
def test_what_is_wrong_with_names_and_the_rest_of_the_file_is_found_too(end, folder, capsys):
    (folder / "recipe.yaml").write_text(HEAD + "  " + end)
    found = [line.partition(": ")[2] for line in refused(capsys, "check", "recipe.yaml")]
    assert len(found) == len(WHOLE[end]), found
    assert all(any(line.startswith(said) for line in found) for said in WHOLE[end]), found


def test_a_reference_to_something_that_nothing_makes_is_refused_where_it_is_declared():
    with pytest.raises(ValueError, match=r"Ref\('demonstration'\): nothing makes that; did you mean 'demonstrations'\?"):
        Ref("demonstration")


def test_a_mistake_under_a_misspelt_key_has_the_line_of_that_key(folder, capsys):
    (folder / "recipe.yaml").write_text(HEAD + "  s:\n    kind: sft\n    modle: no #!\n    data: [right]\n")
    lines = refused(capsys, "check", "recipe.yaml")
    assert [line.split(": ")[0] for line in lines if "modle" in line] == ["recipe.yaml:10"] * 2


def test_run_refuses_too_and_leaves_nothing_behind(folder, capsys):
    (folder / "recipe.yaml").write_text(HEAD + "  s: {kind: dpoo}\n")
    refused(capsys, "run", "recipe.yaml")
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("1e-5", 1e-5), ("5e-7", 5e-7), ("1E3", 1000.0), (".5", 0.5), ("007", 7), ("0x10", 16), ("-3", -3), ("off", "off")],
        *[("true", True), ("~", None), ("'1'", "1"), ("1_000", "1_000"), ("1:30", "1:30"), ("[1e-5, a]", [1e-5, "a"])],
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value, tmp_path):
    (tmp_path / "a.yaml").write_text(f"a: {text}\n")
    found = yaml_reader.read_yaml(tmp_path / "a.yaml").data["a"]
    assert (found, type(found)) == (value, type(value))
    assert yaml_reader.parse_value(text) == value


SFT = (
    HEAD
    + "  sft: {kind: sft, model: base, data: [right]}\n  dpo: {kind: dpo, model: sft, data: [right], learning_rate: 5e-7}\n"
)


def test_a_mapping_takes_in_others_and_its_own_keys_win(tmp_path):
    text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nboth: {<<: [*one, *two], a: 3}\nword: {'<<': 4}\n"
    (tmp_path / "x.yaml").write_text(text)
    read = yaml_reader.read_yaml(tmp_path / "x.yaml")
    assert read.data["both"] == {"a": 3, "b": 1, "c": 2}
    assert read.data["word"] == {"<<": 4}
    assert [read.line(("both", key)) for key in "abc"] == [3, 1, 2]
    assert not read.problems


def test_set_overrides_a_value_of_a_stage_of_the_top_and_in_depth(folder, capsys):
    (folder / "recipe.yaml").write_text(SFT)
    more = {"dpo.beta": 0.2, "seed": 3, "generators.g.default": "hm", "sft.lora.r": 4}
    recipe = Recipe.load("recipe.yaml", set=more).recipe
    assert (recipe.stages["dpo"].beta, recipe.stages["dpo"].learning_rate, recipe.seed) == (0.2, 5e-7, 3)
    assert (recipe.generators["g"].default, recipe.stages["sft"].lora.r) == ("hm", 4)
    assert main(["check", "recipe.yaml", "--set", "dpo.beta=0.2", "--set", "seed=9"]) == 0
    assert "seed 9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("override", "fragment"),
    [
        ("dpp.beta=0.2", "--set dpp.beta: no stage or key 'dpp'; did you mean 'dpo'?"),
        ("dpo.betta=0.2", "recipe.yaml:9: stages.dpo.betta: unknown key; did you mean 'beta'?"),
        ("dpo.beta=-1", "recipe.yaml:9: stages.dpo.beta: a number above 0 is expected here, not -1"),
        ("dpo.beta.x=1", "'beta' holds no keys"),
        ("dpo.data.0=sft", "set the whole list instead"),
        ("dpo.beta", "write --set key=value"),
        ("dpo.beta=[1", "is not YAML"),
    ],
)
def test_a_wrong_override_is_refused(override, fragment, folder, capsys):
    (folder / "recipe.yaml").write_text(SFT.replace("learning_rate: 5e-7", "beta: 0.1") if ".x=" in override else SFT)
    assert fragment in "\n".join(refused(capsys, "check", "recipe.yaml", "--set", override))


def test_an_unknown_recipe_names_the_shipped_ones(folder, capsys):
    (said,) = refused(capsys, "check", "quickstrat")
    assert said.startswith("no recipe 'quickstrat'; shipped recipes: ")
    assert said.endswith("; did you mean 'quickstart'?")
    assert main(["check", "quickstart"]) == 0


def test_a_recipe_that_cannot_be_read_is_refused(folder, capsys):
    (folder / "latin.yaml").write_bytes("name: café".encode("latin-1"))
    assert refused(capsys, "check", "latin.yaml") == ["latin.yaml:1: cannot be read: is not UTF-8 text"]
    assert refused(capsys, "check", str(folder)) == [f"{folder}:1: cannot be read: is a folder"]


def test_check_loads_no_heavy_library(tmp_path):
    code = (
        "import sys; from align.cli import main; code = main(['check', 'quickstart']);"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'pyarrow', 'accelerate'} & set(sys.modules);"
        "sys.exit(f'loaded {sorted(heavy)}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "stages, base tiny/model" in done.stdout

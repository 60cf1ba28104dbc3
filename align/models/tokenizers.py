"""Tokenizers ready for use: a chat template that takes the rows' turns, a padding token, an end of answers.

Changes to a tokenizer are saved with it, so that the published model reads a conversation as it was trained,
in transformers, vLLM or anywhere else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from align.core.chat_templates import find_template, is_text
from align.core.errors import ModelError
from align.core.wiring import is_path
from align.models.chat import TURN_END, Chat
from align.models.checkpoints import not_there, refuse_no_model
from align.models.templates import ASKED, FOLD, NEXT, OMIT, Renderer, renderer

SystemTurn = Literal["fold", "omit", "drop"]
_FILES = ("*token*", "vocab*", "*.model", "merges.txt", "*.tiktoken")
"""Names of files that a tokenizer is read from."""
_COPY = (
    "copy the files of the model's tokenizer into the folder "
    "(`AutoTokenizer.from_pretrained(...).save_pretrained(...)`)"
)
_NOT_FOR_TEXT = ("image", "video", "audio", "vision")


def load_chat(
    path: str,
    *,
    chat_template: str | None = None,
    eos_token: str | None = None,
    system_turn: SystemTurn | None = None,
    new_tokens: tuple[str, ...] = (),
    revision: str | None = None,
    trust_remote_code: bool = False,
    **_: Any,
) -> Chat:
    """Load a tokenizer that can render conversations, mark their ends and pad batches.

    Args:
        path: a folder or hub id.
        chat_template: the text of a template that replaces the tokenizer's own.
        eos_token: the token that ends an answer, where the template does not show the right one.
        system_turn: what becomes of a system turn that the template refuses or does not print: `fold` puts
            its text in front of the first user turn, `omit` leaves it out, `drop` drops the row. Left out:
            `fold` where the template refuses it, `drop` where the template silently leaves it out.
        new_tokens: tokens to add.
        revision: of a hub id.
        trust_remote_code: as transformers has it.

    Raises:
        ModelError: no token could end an answer, or a token that is named does not exist.
    """
    tokenizer = load_tokenizer(path, revision=revision, trust_remote_code=trust_remote_code)
    if chat_template is not None:
        tokenizer.chat_template = chat_template
        tokenizer.init_kwargs.pop(TURN_END, None)  # it belonged to another template
    known = len(tokenizer)
    if new_tokens:
        tokenizer.add_special_tokens(
            {"additional_special_tokens": list(new_tokens)}, replace_extra_special_tokens=False
        )
    if tokenizer.chat_template:
        take_system_turn(tokenizer, system_turn)
    chat = Chat(tokenizer, eos_token, known)
    if not chat.stop_ids():
        raise ModelError(
            f"the tokenizer of {path} has no eos_token and its chat template ends no answer with a token; "
            "name one with `eos_token:`"
        )
    choose_padding(tokenizer, chat)
    return chat


def template_named(named: str | None, locate: Callable[[str], str]) -> str | None:
    """Return the text of the chat template that a generator names; None where it names none.

    Args:
        named: the text itself, a path of the recipe, or the name of a template that TRL ships.
        locate: turns a path of the recipe into a real one.
    """
    if named is None or is_text(named):
        return named
    place = locate(named if is_path(named) else f"./{named}")
    return find_template(place if Path(place).is_file() else named, Path())


def load_tokenizer(
    path: str, *, revision: str | None = None, trust_remote_code: bool = False, **_: Any
) -> Any:
    """Load a tokenizer as it is, to be copied to another folder.

    Raises:
        ModelError: there is none, or a package is missing that reads its file.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415 (modules that `align check` reads import this one)

    if not _has_tokenizer(path):
        refuse_no_model(path)
    if Path(path).is_dir() and not _has_tokenizer(path):
        raise ModelError(f"{path} has no tokenizer; {_COPY}")
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            path, revision=revision, trust_remote_code=trust_remote_code
        )
    except OSError as error:
        raise not_there(path, error) from None
    except (ImportError, ValueError) as error:
        if any(name in str(error) for name in ("sentencepiece", "tiktoken")):
            raise ModelError(
                f"the tokenizer of {path} has no tokenizer.json but a file of another library, which must "
                "be there to read it: `pip install sentencepiece tiktoken protobuf`"
            ) from None
        raise
    # transformers makes an empty tokenizer where files are missing; the added tokens are part of its length
    if len(tokenizer) - len(tokenizer.added_tokens_decoder) < 2:
        raise ModelError(f"the tokenizer of {path} has no vocabulary; {_COPY}")
    return tokenizer


def _has_tokenizer(folder: str) -> bool:
    return any(file for name in _FILES for file in Path(folder).glob(name))


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write a tokenizer, and check that reading it back gives the same ids.

    transformers 5 loses `legacy: true` of Llama tokenizers (Mistral v0.2, Zephyr): the saved tokenizer puts
    no space after a special token, where the original did. So `legacy` is written again. If that does not
    help, the saved file is declared a plain fast tokenizer, which is read as it is.

    Raises:
        ModelError: the tokenizer that is read back gives other ids.
    """
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    saved = json.loads(file.read_text(encoding="utf-8"))
    # code of the checkpoint, which has been run already
    trusted = type(tokenizer).__module__.startswith("transformers_modules")
    goal, texts = [], _probes(tokenizer)
    for added in ({}, {"legacy": True}, {"tokenizer_class": "PreTrainedTokenizerFast"}):
        if added:
            file.write_text(json.dumps(saved | added, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        read = load_tokenizer(str(folder), trust_remote_code=trusted)
        goal = goal or [tokenizer(text)["input_ids"] for text in texts]
        if [read(text)["input_ids"] for text in texts] == goal:
            return
    raise ModelError(
        f"{folder}: transformers reads the tokenizer that it has just saved as another one "
        f"({type(tokenizer)})"
    )


def _probes(tokenizer: Any) -> list[str]:
    """Return texts in which tokenizers differ: white space, digits, other scripts, added tokens in text."""
    added = [token.content for token in tokenizer.added_tokens_decoder.values()]
    return [
        " Hi there\n\n  1234 + é猫🦀\tdef f():\n    x",
        *(f"Hi{token}Hi {token} Hi" for token in added[:1000]),
    ]


def refuse_other_vocabulary(tokenizer: Any, path: str, **options: Any) -> None:
    """Raise ModelError where another folder's tokenizer gives the same tokens other ids."""
    if not _has_tokenizer(path):
        return  # a hub id, or a folder without a tokenizer
    own, other = tokenizer.get_vocab(), load_tokenizer(path, **options).get_vocab()
    shared = own.keys() & other.keys()
    if 2 * len(shared) < min(len(own), len(other)) or any(own[token] != other[token] for token in shared):
        raise ModelError(
            f"{path} has another vocabulary than the model: the same ids would be other texts to it"
        )


def take_system_turn(tokenizer: Any, how: SystemTurn | None) -> None:
    """Make a chat template accept system turns that it would refuse or ignore; see `load_chat`."""
    own = tokenizer.chat_template
    if how is not None:  # an earlier stage may have put FOLD or OMIT there
        plain = {k: _plain(v) for k, v in own.items()} if isinstance(own, dict) else _plain(own)
        tokenizer.chat_template = own = plain
    if how == "drop":
        return
    user, system = {"role": "user", "content": ASKED}, {"role": "system", "content": NEXT}
    parts = renderer(tokenizer).parts
    render = Renderer(tokenizer, parts=parts)
    text = render([system, user])
    refuses, ignores = text is None and render([user]) is not None, text is not None and NEXT not in text
    if not (refuses or (ignores and how is not None)) or parts:
        return
    added = OMIT if how == "omit" else FOLD
    tokenizer.chat_template = {k: added + v for k, v in own.items()} if isinstance(own, dict) else added + own
    if render([system, user]) is None:
        tokenizer.chat_template = own


def _plain(template: str) -> str:
    return template.removeprefix(FOLD).removeprefix(OMIT)


def choose_padding(tokenizer: Any, chat: Chat) -> None:
    """Give a tokenizer a padding token that ends no answer.

    Classifiers of transformers read their score at the last token that is not padding. With the token that
    ends an answer as padding, the score would be read one token early, and a cut answer would look like a
    whole one.
    """
    ends = set(chat.tokenizer.convert_ids_to_tokens(chat.stop_ids()[:1]))
    if tokenizer.pad_token is not None and tokenizer.pad_token not in ends:
        return
    chosen = next(
        (token for token in _candidates(tokenizer) if token is not None and token not in ends), None
    )
    tokenizer.pad_token = chosen or tokenizer.pad_token or next(iter(ends))


def _candidates(tokenizer: Any) -> list[str | None]:
    """Return candidates for padding, best first: made for padding, of no use in a text, or spare."""
    added = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    padding = [
        t for t in added if "pad" in t.lower() and not any(word in t.lower() for word in _NOT_FOR_TEXT)
    ]
    spare = [t for t in added if "reserved" in t.lower() or "unused" in t.lower()]
    return [*padding, tokenizer.unk_token, tokenizer.eos_token, *spare, tokenizer.bos_token, *added]

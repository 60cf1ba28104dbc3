"""Run model-written code in a sandbox whose verdicts the code cannot fake. See `reward.sandbox.sandbox`."""

from reward.sandbox.host.worker import SandboxUnavailable
from reward.sandbox.limits import Limits
from reward.sandbox.sandbox import Sandbox
from reward.sandbox.verdicts import NO_DATA, STATUSES, CallResult, Opaque, Verdict

__all__ = [
    "NO_DATA",
    "STATUSES",
    "CallResult",
    "Limits",
    "Opaque",
    "Sandbox",
    "SandboxUnavailable",
    "Verdict",
]

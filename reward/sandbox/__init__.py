"""Run model-written code, and believe only what can be believed of it. See `reward.sandbox.sandbox`."""

from reward.sandbox.host.worker import SandboxUnavailable
from reward.sandbox.sandbox import Sandbox
from reward.sandbox.verdicts import NO_DATA, STATUSES, CallResult, Limits, Opaque, Verdict

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

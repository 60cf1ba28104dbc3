"""Test a synthesizer, ours or yours, against a real server that fails in the ways that servers fail."""

from data_synthesis.testing.conformance import Failed, conforms
from data_synthesis.testing.server import FaultServer, Reply, Request, answer

__all__ = ["Failed", "FaultServer", "Reply", "Request", "answer", "conforms"]

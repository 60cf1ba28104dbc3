"""Test a synthesizer, ours or yours, against a real server with faults, and killed at each of its writes."""

from data_synthesis.testing.conformance import Failed, conforms
from data_synthesis.testing.server import FaultServer, Reply, Request, answer
from data_synthesis.testing.whole_table import conforms_table

__all__ = ["Failed", "FaultServer", "Reply", "Request", "answer", "conforms", "conforms_table"]

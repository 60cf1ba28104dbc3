"""Rewards say how good a completion is: verifiers, the sandbox, judges, trained reward models, mixtures.

Every module or folder here is one `kind` of reward. The base class is in `align.core.plugins`; it is exported
here for plug-ins.
"""

from align.core.plugins import Reward, Score

__all__ = ["Reward", "Score"]

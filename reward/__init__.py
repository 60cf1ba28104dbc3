"""How good is this completion? Verifiers, the sandbox, judges, trained reward models and mixtures of them.

Every file here is one `kind` of reward; the base class is in `align.core.plugins` and is shown again here for
plug-ins.
"""

from align.core.plugins import Reward, Score

__all__ = ["Reward", "Score"]

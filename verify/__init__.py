"""The suite: tries the claims of `derivation` on what `cam` computes and reports the standing of each.

`check_model` asks whether the closed form is valid on a network of one's own.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify.check.judge import check_model

__all__ = ["check_model"]


def __getattr__(name: str) -> Any:
    """Import `check_model` when it is first asked for: everything else does without torch for as long as it can."""
    if name == "check_model":
        from verify.check.judge import check_model

        return check_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""diffusers without torch's compiler, which takes a second and a half to import and is not used."""

from __future__ import annotations

import sys


def import_diffusers() -> None:
    """Import diffusers' base, unless it is there, as on a torch that has no compiler.

    diffusers asks ``torch._dynamo`` for one decorator, for models that will be compiled, and does
    without it where it cannot be imported. Later imports of the compiler work as ever.
    """
    if "diffusers" in sys.modules or "torch._dynamo" in sys.modules:
        return
    import torch  # noqa: F401  (it looks at the module itself as it begins)

    modules: dict[str, object] = sys.modules  # type: ignore[assignment]
    modules["torch._dynamo"] = None  # what Python takes for "cannot be imported"
    try:
        import diffusers.utils.torch_utils  # noqa: F401
    finally:
        del modules["torch._dynamo"]

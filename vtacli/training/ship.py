"""From a training run to the folder that is shipped: eight bits a weight, no state, no cache.

python -m vtacli.training.ship RUN OUT
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file, save_file

from vtacli.errors import WeightsMissing
from vtacli.model.rounded import opened, rounded

PARTS = ("encoder", "scheduler", "unet", "vae", "vocoder")
ROUNDED = ("unet", "vae", "vocoder")


def ship(run: Path, out: Path) -> Path:
    """Copy the model of ``run`` to ``out`` with its facts and its weights rounded
    (:mod:`vtacli.model.rounded`). Returns ``out``.

    Files beside them in ``out`` (a notice, a card) are left alone.
    """
    if not (run / "model_index.json").is_file():
        raise WeightsMissing("the run is not finished: there is no model_index.json", path=run)
    out.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        shutil.copytree(run / part, out / part, dirs_exist_ok=True)
        _nameless(out / part / "config.json")
    for name in ("model_index.json", "facts.json"):
        shutil.copyfile(run / name, out / name)
    for part in ROUNDED:
        held = rounded(opened(load_file(out / part / SAFETENSORS_WEIGHTS_NAME)))
        save_file(held, out / part / SAFETENSORS_WEIGHTS_NAME, metadata={"format": "pt"})
    return out


def _nameless(config: Path) -> None:
    """Take out where diffusers read a part from: a path of the machine that trained it."""
    if config.is_file():
        said = json.loads(config.read_text(encoding="utf-8"))
        said.pop("_name_or_path", None)
        config.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and ship."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder that vta train made")
    parser.add_argument("out", type=Path, metavar="OUT")
    asked = parser.parse_args(argv)
    ship(asked.run, asked.out)


if __name__ == "__main__":
    main()

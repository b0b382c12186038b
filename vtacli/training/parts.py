"""Make the weights files of the pretrained parts from the files that their makers published.

    python -m vtacli.training.parts picture EFFICIENTNET_LITE0.pth weights/vta-mini/encoder/picture
    python -m vtacli.training.parts tagger  YAMNET_FOLDER          weights/yamnet
    python -m vtacli.training.parts words   MINILM_FOLDER          weights/vta-mini/encoder/text

Renames are one to one, and what is missing or left over is an error.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from vtacli.errors import WeightsRefused
from vtacli.model import yamnet
from vtacli.model.mini import picture, picture_words
from vtacli.model.rounded import rounded
from vtacli.training import distil, refine
from vtacli.training.phrases import FoleyWords, draw_phrases

EFFICIENTNET_NORM_EPSILON = 1e-3

State = dict[str, torch.Tensor]


def fold_batch_norm(
    weight: torch.Tensor,
    gain: torch.Tensor,
    bias: torch.Tensor,
    mean: torch.Tensor,
    variance: torch.Tensor,
    epsilon: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A convolution without bias and the batch norm after it, as one weight (O, I, H, W) and bias
    (O,): y = gain * (w * x - mean) / sqrt(variance + epsilon) + bias."""
    scale = gain.double() / torch.sqrt(variance.double() + epsilon)
    folded = weight.double() * scale.view(-1, 1, 1, 1)
    return folded.float(), (bias.double() - mean.double() * scale).float()


def picture_layers() -> dict[str, tuple[str, str]]:
    """Our name of every convolution -> the published names of it and of its batch norm."""
    layers = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    index = 0
    for count, _, _, expansion, _ in picture.STAGES:
        for _ in range(count):
            ours, theirs = f"blocks.{index}", f"_blocks.{index}"
            if expansion != 1:
                layers[f"{ours}.expand"] = (f"{theirs}._expand_conv", f"{theirs}._bn0")
            layers[f"{ours}.depthwise"] = (f"{theirs}._depthwise_conv", f"{theirs}._bn1")
            layers[f"{ours}.project"] = (f"{theirs}._project_conv", f"{theirs}._bn2")
            index += 1
    return layers


def convert_picture(published: Mapping[str, torch.Tensor]) -> State:
    """EfficientNet-Lite0 as published in PyTorch -> ours, batch norm folded, float32."""
    left = {k: v for k, v in published.items() if not k.endswith("num_batches_tracked")}
    state: State = {}
    try:
        for ours, (conv, norm) in picture_layers().items():
            weight = left.pop(f"{conv}.weight")
            gain, bias, mean, variance = (
                left.pop(f"{norm}.{part}")
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            state[f"{ours}.weight"], state[f"{ours}.bias"] = fold_batch_norm(
                weight, gain, bias, mean, variance, EFFICIENTNET_NORM_EPSILON
            )
        state["classifier.weight"] = left.pop("_fc.weight")
        state["classifier.bias"] = left.pop("_fc.bias")
    except KeyError as error:
        raise WeightsRefused(f"the published file lacks {error.args[0]}.") from error
    if left:
        raise WeightsRefused(f"the published file has {sorted(left)}, which have no place.")
    return state


def make_words(minilm: Path, out: Path, leave_out: Sequence[str], phrases: int = 120_000) -> None:
    """all-MiniLM-L6-v2's folder -> the text space. Ten minutes on one core.

    ``leave_out`` are texts that the fit must not see, because the space is measured on them.
    """
    teacher = distil.Teacher(minilm)
    published = (minilm / "tokenizer.json").read_text(encoding="utf-8")
    tokenizer_json, published_ids = distil.prune(published)
    tokenizer = Tokenizer.from_str(tokenizer_json)
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    words = [
        piece
        for piece in sorted(vocabulary, key=lambda p: vocabulary[p])
        if not piece.startswith(("##", "[")) and not piece.isdigit() and len(piece) > 1
    ]
    drawn = draw_phrases(phrases, FoleyWords.shipped(), sound_and_sight_names(), words, seed=1)
    unseen = set(leave_out)
    drawn = [phrase for phrase in drawn if phrase not in unseen]
    fit = refine.fit_table(
        teacher.pieces(published_ids),
        drawn,
        teacher.sentences(drawn),
        tokenizer,
        refine.FitSettings(),
    )
    facts: dict[str, object] = {
        "made_from": "sentence-transformers/all-MiniLM-L6-v2",
        "licence": "Apache-2.0",
        "phrases": len(drawn),
        "held_out_cosine_before_fit": round(fit.cosine_before, 4),
        "held_out_cosine": round(fit.cosine_after, 4),
    }
    distil.save_space(out, tokenizer_json, fit.table, facts)


def sound_and_sight_names() -> list[str]:
    """Names of the tagger's classes of sound and of the classifier's classes of things seen."""
    class_map = Path(__file__).parents[2] / "weights" / "yamnet" / "class_map.csv"
    with class_map.open(encoding="utf-8", newline="") as file:
        lists = [row["display_name"] for row in csv.DictReader(file)]
    lists += [row.name for row in picture_words.shipped_rows()]
    return [name.strip().lower() for names in lists for name in names.split(",")]


def make_picture(published: Path, out: Path) -> None:
    """The published .pth -> ``efficientnet-lite0.safetensors``.

    Large kernels are rounded to eight bits; depthwise kernels and biases, 4 % of the file, are left
    float32.
    """
    state = convert_picture(torch.load(published, map_location="cpu", weights_only=True))
    whole = {k: v for k, v in state.items() if ".depthwise." in k or k.endswith(".bias")}
    wide = {k: v for k, v in state.items() if k not in whole}
    _save({**whole, **rounded(wide)}, out / picture.WEIGHTS)
    picture.PictureClassifier.from_folder(out)


def make_tagger(published: Path, out: Path) -> None:
    """A folder with ``yamnet.safetensors`` in float32 and its class map -> the shipped folder.

    Pointwise convolutions and classifier, 97 % of the file, become float16. The rest stays as it
    is: float16 depthwise kernels or variances (down to 1e-11) alone move scores by 1e-3 or more.
    """
    state = {
        key: value.half() if ".pointwise." in key or key == "classifier.weight" else value
        for key, value in load_file(published / yamnet.WEIGHTS).items()
    }
    _save(state, out / yamnet.WEIGHTS)
    shutil.copyfile(published / "yamnet_class_map.csv", out / yamnet.CLASS_MAP)
    yamnet.Yamnet.from_folder(out)
    yamnet.class_names(out)


def _save(state: State, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    path.chmod(0o644)  # safetensors gives it to its owner alone


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m vtacli.training.parts",
        description="Make the weights of vta's pretrained parts from the published files.",
    )
    parser.add_argument("part", choices=("picture", "tagger", "words"))
    parser.add_argument("published", type=Path, help="the published file or folder")
    parser.add_argument("out", type=Path, help="the folder to write to")
    parser.add_argument(
        "--leave-out",
        type=Path,
        help="words: a file of texts, one a line, that the fit must not see",
    )
    chosen = parser.parse_args(arguments)
    if chosen.part == "picture":
        make_picture(chosen.published, chosen.out)
    elif chosen.part == "tagger":
        make_tagger(chosen.published, chosen.out)
    else:
        texts = chosen.leave_out.read_text("utf-8").splitlines() if chosen.leave_out else []
        make_words(chosen.published, chosen.out, texts)


if __name__ == "__main__":
    main()

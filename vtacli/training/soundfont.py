"""Effects and percussion rendered from Debian's Fluid soundfonts (MIT), as a folder of recordings.

    apt-get install libfluidsynth3 fluid-soundfont-gm fluid-soundfont-gs
    python -m vtacli.training.soundfont OUT
    vta train vta-mini --sounds RECORDINGS --sounds OUT

What is rendered, and what it is called, is ``soundfont.csv``: only presets that sound like their
names. Nothing rendered is in this repository; the same fonts give the same files.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import ctypes.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from vtacli.errors import ConfigError, ToolError
from vtacli.training.library import COLUMNS

TABLE = Path(__file__).with_name("soundfont.csv")
FONTS = {"gm": "FluidR3_GM.sf2", "gs": "FluidR3_GS.sf2"}
SHELF = Path("/usr/share/sounds/sf2")
RATE_HZ = 48_000
BLOCK = 4_800
SILENCE_DB = -60.0
PERCUSSION = 128
ALIKE = 0.98
WHEEL = 12
LICENCE, AUTHOR = "MIT", "Frank Wen and contributors (Fluid R3 soundfont)"


class Take(NamedTuple):
    """One render: a MIDI key bent by so many semitones, struck so hard, held so long."""

    key: int
    bend: float
    velocity: int
    hold_s: float


@dataclass(frozen=True)
class Preset:
    """A row of the table. ``keys`` are rendered one by one, bent by each of ``bends`` (semitones,
    for percussion has one key a sound), at each of ``velocities`` (MIDI, 0..127); each is held for
    each of ``holds_s`` and then let ring, ``longest_s`` in all."""

    label: str
    font: str
    bank: int
    program: int
    keys: tuple[int, ...]
    bends: tuple[float, ...]
    velocities: tuple[int, ...]
    holds_s: tuple[float, ...]
    longest_s: float

    def takes(self) -> Iterator[Take]:
        """Every render of it."""
        for take in product(self.keys, self.bends, self.velocities, self.holds_s):
            yield Take(*take)


def read_presets(table: Path = TABLE) -> list[Preset]:
    """The rows of a table; lists in it are separated by spaces. Raises ConfigError."""
    try:
        with table.open(newline="", encoding="utf-8") as handle:
            return [
                Preset(
                    row["label"],
                    row["font"],
                    int(row["bank"]),
                    int(row["program"]),
                    tuple(int(k) for k in row["keys"].split()),
                    tuple(float(b) for b in row["bends"].split()),
                    tuple(int(v) for v in row["velocities"].split()),
                    tuple(float(h) for h in row["holds_s"].split()),
                    float(row["longest_s"]),
                )
                for row in csv.DictReader(handle)
            ]
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"is not a table of presets: {error}", path=table) from error


class Synth:
    """FluidSynth's library with one soundfont, without its reverb and chorus."""

    def __init__(self, font: Path):
        name = ctypes.util.find_library("fluidsynth")
        if name is None:
            raise ToolError(
                "the library fluidsynth is missing",
                hint="On Debian: apt-get install libfluidsynth3",
            )
        if not font.is_file():
            raise ConfigError(
                "there is no such soundfont",
                path=font,
                hint="On Debian: apt-get install fluid-soundfont-gm fluid-soundfont-gs",
            )
        self._lib: Any = ctypes.CDLL(name)
        for function in ("new_fluid_settings", "new_fluid_synth"):
            getattr(self._lib, function).restype = ctypes.c_void_p
        for level in range(5):  # it prints on stderr by itself unless told not to
            self._lib.fluid_set_log_function(level, None, None)
        settings = ctypes.c_void_p(self._lib.new_fluid_settings())
        self._set(settings, "synth.sample-rate", float(RATE_HZ))
        self._set(settings, "synth.gain", 0.8)
        for effect in ("reverb", "chorus"):
            self._lib.fluid_settings_setint(settings, f"synth.{effect}.active".encode(), 0)
        self._settings = settings
        self._synth = ctypes.c_void_p(self._lib.new_fluid_synth(settings))
        self._font = self._lib.fluid_synth_sfload(self._synth, str(font).encode(), 1)
        if self._font < 0:
            raise ConfigError("is not a soundfont that fluidsynth can read", path=font)

    def _set(self, settings: ctypes.c_void_p, name: str, value: float) -> None:
        self._lib.fluid_settings_setnum(settings, name.encode(), ctypes.c_double(value))

    def close(self) -> None:
        """Give back what the library holds."""
        self._lib.delete_fluid_synth(self._synth)
        self._lib.delete_fluid_settings(self._settings)

    def _block(self, frames: int) -> NDArray[np.float32]:
        left, right = (np.zeros(frames, dtype=np.float32) for _ in range(2))
        pointer = ctypes.POINTER(ctypes.c_float)
        self._lib.fluid_synth_write_float(
            self._synth, frames,
            left.ctypes.data_as(pointer), 0, 1, right.ctypes.data_as(pointer), 0, 1,
        )  # fmt: skip
        return np.asarray((left + right) / 2, dtype=np.float32)

    def render(self, preset: Preset, take: Take) -> NDArray[np.float32]:
        """(N,) mono at :data:`RATE_HZ`: until it has died away, or ``longest_s``.

        Raises ConfigError where the font lacks the preset.
        """
        channel = 9 if preset.bank == PERCUSSION else 0
        self._lib.fluid_synth_all_sounds_off(self._synth, -1)
        chosen = self._lib.fluid_synth_program_select(
            self._synth, channel, self._font, preset.bank, preset.program
        )
        if chosen != 0:
            raise ConfigError(
                f"the soundfont has no preset {preset.bank}:{preset.program} ({preset.label})"
            )
        self._block(RATE_HZ // 10)  # what the last note left in the buffers
        self._lib.fluid_synth_pitch_wheel_sens(self._synth, channel, WHEEL)
        wheel = round(8192 * (1 + take.bend / WHEEL))
        self._lib.fluid_synth_pitch_bend(self._synth, channel, min(wheel, 16_383))
        self._lib.fluid_synth_noteon(self._synth, channel, take.key, take.velocity)
        blocks: list[NDArray[np.float32]] = []
        held, peak = True, 0.0
        while len(blocks) * BLOCK < preset.longest_s * RATE_HZ:
            if held and len(blocks) * BLOCK >= take.hold_s * RATE_HZ:
                self._lib.fluid_synth_noteoff(self._synth, channel, take.key)
                held = False
            blocks.append(self._block(BLOCK))
            level = float(np.abs(blocks[-1]).max())
            peak = max(peak, level)
            if level <= peak * 10 ** (SILENCE_DB / 20) and (not held or peak > 0):
                break
        return np.concatenate(blocks)


def same_sound(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two renders differ by a gain, and by when they end, alone."""
    shared = min(len(one), len(other), RATE_HZ)
    a, b = one[:shared].astype(np.float64), other[:shared].astype(np.float64)
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return scale > 0 and float(a @ b) > ALIKE * scale


def slug(label: str) -> str:
    """A label as part of a file name."""
    return "-".join(label.split())


def render_all(out: Path, presets: Sequence[Preset], fonts: Path = SHELF) -> list[dict[str, str]]:
    """Render every take of every preset into ``out``, with manifest.csv. Returns its rows.

    A file is named by its label and a number alone, so that all takes of a label are one series.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    made: dict[str, list[NDArray[np.float32]]] = {}
    for name in FONTS:
        chosen = [p for p in presets if p.font == name]
        if not chosen:
            continue
        synth = Synth(fonts / FONTS[name])
        for preset in chosen:
            for take in preset.takes():
                wave = synth.render(preset, take)
                peak = float(np.abs(wave).max(initial=0))
                takes = made.setdefault(preset.label, [])
                # Kits share samples, and a velocity is often no more than a gain.
                if peak < 1e-4 or any(same_sound(wave, other) for other in takes):
                    continue
                takes.append(wave)
                file = f"soundfont-{slug(preset.label)}-{len(takes):02}.flac"
                loud = 0.1 + 0.6 * take.velocity / 127
                soundfile.write(out / file, wave / peak * loud, RATE_HZ, subtype="PCM_16")
                rows.append(
                    {
                        "file": file,
                        "seconds": f"{len(wave) / RATE_HZ:.3f}",
                        "label": preset.label,
                        "licence": LICENCE,
                        "author": AUTHOR,
                        "source": f"Debian fluid-soundfont-{name}: {FONTS[name]} "
                        f"bank {preset.bank} program {preset.program} key {take.key} "
                        f"bend {take.bend:g} velocity {take.velocity} hold {take.hold_s:g} s",
                    }
                )
        synth.close()
    with (out / "manifest.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Render the table of presets."""
    parser = argparse.ArgumentParser(description="Render effects from the Fluid soundfonts.")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--fonts", type=Path, default=SHELF)
    parser.add_argument("--table", type=Path, default=TABLE)
    asked = parser.parse_args(argv)
    render_all(asked.out, read_presets(asked.table), asked.fonts)


if __name__ == "__main__":
    main()

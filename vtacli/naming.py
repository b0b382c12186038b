"""Names of stems: safe on every system, sorting in the order of the timeline, never two the same.

What comes from outside (a film's title, a prompt) is only ever a value in a name: it cannot make
a folder, climb out of one, hide a file or take a name that Windows reserves.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction

from vtacli.errors import ConfigError
from vtacli.ucs import category

VALUE_BYTES, NAME_BYTES = 60, 200
"""The longest value, and the longest name without its suffix, in bytes of UTF-8: file systems
take 255, and a channel and a suffix are still to come."""


@dataclass(frozen=True)
class StemFacts:
    """What a stem's name can be made of.

    ``title``: of the film, or of the set. ``kind``: stem, hits, beds or mix. ``scene``: from 1,
    None for the whole film. ``take``: from 1. ``index``: of the stem in its set, from 1; 0 for
    the mix. ``stems``, ``scenes``: how many there are, for as many digits. ``bits``: empty for
    what is compressed. ``fps``: of the film, None without one.
    """

    title: str
    prompt: str = ""
    kind: str = "stem"
    scene: int | None = None
    take: int = 1
    channels: int = 1
    rate_hz: int = 48_000
    bits: str = "24"
    fps: Fraction | None = None
    index: int = 1
    stems: int = 1
    scenes: int = 1


def _digits(value: int, count: int, least: int) -> str:
    return f"{value:0{max(least, len(str(count)))}}"


def _rate(rate_hz: int) -> str:
    whole, rest = divmod(rate_hz, 1000)
    return f"{whole}k" + (f"{rest:03}".rstrip("0") if rest else "")


def _fps(fps: Fraction | None) -> str:
    """Without the point: 23976, 24, 2997."""
    if fps is None:
        return ""
    return str(int(fps)) if fps.denominator == 1 else f"{float(fps):.5g}".replace(".", "")


FIELDS: dict[str, Callable[[StemFacts], str]] = {
    "title": lambda f: slug(f.title),
    "prompt": lambda f: slug(f.prompt) or f.kind,
    "kind": lambda f: slug(f.kind),
    "scene": lambda f: f"s{_digits(f.scene, f.scenes, 3)}" if f.scene is not None else "",
    "take": lambda f: _digits(f.take, 0, 2),
    "channels": lambda f: "mono" if f.channels == 1 else f"{f.channels}ch",
    "rate": lambda f: _rate(f.rate_hz),
    "bits": lambda f: f"{f.bits.removesuffix('f')}b" if f.bits else "",
    "fps": lambda f: _fps(f.fps),
    "index": lambda f: _digits(f.index, f.stems, 2),
}
"""What a template may name, and nothing else."""


class Naming:
    """How stems are called: ``plain``, ``netflix``, ``ucs``, or a template such as
    ``{title}_{scene}_{prompt}``. Raises ConfigError, with what to write instead, for a template
    that names an unknown field, leads out of its folder or has characters that files cannot.
    """

    def __init__(self, text: str = "plain") -> None:
        self.text = text
        if text in PRESETS:
            self._make = PRESETS[text]
        elif "{" in text or "}" in text:
            parts = _parts(text)
            self._make = lambda facts: _filled(parts, facts)
        else:
            close = get_close_matches(text, PRESETS, 1)
            raise ConfigError(
                f"There is no way of naming called {text!r}.",
                hint=f"Did you mean {close[0]}?"
                if close
                else "Use plain, netflix, ucs, or a template such as {title}_{prompt}.",
            )

    def name(self, facts: StemFacts) -> str:
        """The name without its suffix."""
        return safe_name(self._make(facts)) or f"stem_{FIELDS['index'](facts)}"

    def names(self, stems: Sequence[StemFacts]) -> list[str]:
        """Names of a set, in its order. Where two would be one file, on a disk that does not tell
        capitals apart too, the later one gets ``_2``, ``_3`` and so on."""
        taken: set[str] = set()
        found = []
        for facts in stems:
            plain = name = self.name(facts)
            count = 1
            while _key(name) in taken:
                count += 1
                name = f"{plain}_{count}"
            taken.add(_key(name))
            found.append(name)
        return found


def slug(text: str, join: str = "-", limit_bytes: int = VALUE_BYTES) -> str:
    """Letters and digits of any script as they are, everything else as one ``join``."""
    kept = unicodedata.normalize("NFC", text).replace("'", "").replace("\u2019", "")
    words = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in kept).split()
    return _cut(join.join(words), limit_bytes).strip(join)


def safe_name(text: str) -> str:
    """A file's name that holds on Linux, macOS and Windows, or "" where nothing is left."""
    name = unicodedata.normalize("NFC", text)
    name = "".join("-" if c in _FORBIDDEN else c for c in name)
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C")
    name = " ".join(name.split()).lstrip(".-_ ").rstrip(". ")
    name = _cut(name, NAME_BYTES).rstrip(". ")
    reserved = name.split(".")[0].rstrip().translate(_SUPERSCRIPTS).upper() in _RESERVED
    return f"_{name}" if reserved else name


_FORBIDDEN = '<>:"/\\|?*'
_SUPERSCRIPTS = str.maketrans("¹²³", "123")
_RESERVED = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{device}{number}" for device in ("COM", "LPT") for number in range(10)
}


def _cut(text: str, limit_bytes: int) -> str:
    return text.encode("utf-8", "ignore")[:limit_bytes].decode("utf-8", "ignore")


def _key(name: str) -> str:
    """The same for names that some disk takes for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _parts(template: str) -> list[tuple[str, str | None]]:
    """(text before, field) pairs. Only plain fields: no attributes, indices, formats."""
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ConfigError(
            f"The template {template!r} cannot be read: {error}.",
            hint="Write fields as {title}, each with its own pair of braces.",
        ) from None
    if suffix := re.search(r"\.(wav|flac|mp3|m4a|ogg|opus)$", template, re.IGNORECASE):
        raise ConfigError(
            f"The template {template!r} ends with {suffix.group()}.",
            hint="Leave it out: --format says which suffix the files get.",
        )
    parts = []
    for text, name, form, conversion in parsed:
        wrong = next((c for c in text if c in _FORBIDDEN or not c.isprintable()), None)
        if wrong is not None or ".." in text:
            what = "'..'" if wrong is None else repr(wrong)
            raise ConfigError(
                f"The template {template!r} has {what}, which a file's name cannot have.",
                hint="The folder is what -o says.",
            )
        if name is not None and (name not in FIELDS or form or conversion):
            close = get_close_matches(name, FIELDS, 1)
            known = ", ".join(f"{{{f}}}" for f in FIELDS)
            said = f"{{{name}{'!' + conversion if conversion else ''}{':' + form if form else ''}}}"
            raise ConfigError(
                f"The template's {said} is no field.",
                hint=f"Did you mean {{{close[0]}}}?" if close else f"Fields are {known}.",
            )
        parts.append((text, name))
    if not any(name for _, name in parts):
        raise ConfigError(
            f"The template {template!r} has no field.", hint="Use {title}_{index}_{prompt}."
        )
    return parts


def _filled(parts: list[tuple[str, str | None]], facts: StemFacts) -> str:
    """A field without a value takes the mark before it along."""
    out = ""
    for text, name in parts:
        out += text
        if name is None:
            continue
        value = FIELDS[name](facts)
        if not value and out[-1:] in ("_", "-", ".", " "):
            out = out[:-1]
        out += value
    return out


def _plain(facts: StemFacts) -> str:
    fields = ["title", "index", "prompt", "scene", *(["take"] if facts.take > 1 else [])]
    values = [FIELDS[f](facts) for f in fields]
    if facts.take > 1:
        values[-1] = f"t{values[-1]}"
    return "_".join(v for v in values if v)


def _ascii(text: str) -> str:
    """Letters lose their accents; other scripts are lost."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _camel(text: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", text))


_EPISODE = re.compile(r"(?:^|_)(s\d+e\d+|r\d+|lp)$")


def _netflix(facts: StemFacts) -> str:
    """``title_s02e02_v03_FXSTEM_2ch_48k_24b_23976``: the title ends with its episode, its reel
    (``r01``) or ``lp`` for a whole film; the version is the take. A single stem's prompt and
    scene stand behind FXSTEM, after hyphens. Source: Netflix's asset naming for sound mastering."""
    title = "_".join(re.findall(r"[a-z0-9]+", _ascii(facts.title).lower())) or "untitled"
    title = _cut(title, VALUE_BYTES)
    if not _EPISODE.search(title):
        title += "_lp"
    asset = ["FXSTEM"]
    if facts.kind != "mix":
        said = _camel(_ascii(facts.prompt)) or _camel(facts.kind) + FIELDS["index"](facts)
        asset.append(_cut(said, VALUE_BYTES))
    if facts.scene is not None:
        asset.append(f"sc{_digits(facts.scene, facts.scenes, 3)}")
    fields = [title, f"v{FIELDS['take'](facts)}", "-".join(asset)]
    fields += [FIELDS[f](facts) for f in ("channels", "rate", "bits", "fps")]
    return "_".join(f for f in fields if f)


FX_NAME_CHARACTERS = 25
"""UCS asks for less than this in a sound's name."""


def _ucs(facts: StemFacts) -> str:
    """``CatID_FXName_CreatorID_SourceID_UserData``, no mark but these within a field: the
    category is guessed from the prompt, the creator is VTA, the source the film's title; scene,
    index and take are the user's data."""
    words = re.findall(r"[A-Za-z0-9]+", _ascii(facts.prompt)) or [facts.kind.capitalize()]
    name = ""
    for word in words:
        longer = f"{name} {word[:1].upper()}{word[1:]}".strip()
        if len(longer) >= FX_NAME_CHARACTERS:
            break
        name = longer
    source = _cut(_camel(_ascii(facts.title)), VALUE_BYTES) or "Untitled"
    data = [FIELDS["index"](facts)]
    if facts.scene is not None:
        data.append(f"sc{_digits(facts.scene, facts.scenes, 3)}")
    if facts.take > 1:
        data.append(f"t{FIELDS['take'](facts)}")
    return "_".join(
        [category(facts.prompt, facts.kind), name or words[0][:24], "VTA", source, " ".join(data)]
    )


PRESETS: dict[str, Callable[[StemFacts], str]] = {
    "plain": _plain,
    "netflix": _netflix,
    "ucs": _ucs,
}
"""By the names of the command line."""

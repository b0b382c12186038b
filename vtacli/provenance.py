"""What says of a sound that it was generated, by what, and from what: for files to carry.

The kind of source is a term of the IPTC's vocabulary of digital source types. A film whose picture
was taken by a camera, and a mix with sound that was recorded, are composites; a stem is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

HEAD = "Generated sound"


@dataclass(frozen=True)
class Provenance:
    """Where a sound comes from.

    ``version``: of this program. ``prompt`` None: the picture was guessed at. ``licence``: of the
    model, an SPDX expression. ``bandwidth_hz``: the highest frequency that the model makes,
    whatever the file's rate. ``references``: names of the user's own recordings that were worked
    from. ``composite``: whether recorded picture or sound is in the same file.
    """

    model: str
    version: str
    seed: int
    prompt: str | None
    licence: str
    bandwidth_hz: int
    references: tuple[str, ...] = ()
    composite: bool = False

    @property
    def source_type(self) -> str:
        """The IPTC's term, as a URI."""
        return COMPOSITE if self.composite else GENERATED

    def of_composite(self) -> Provenance:
        """The same for a file that holds recorded picture or sound as well."""
        return replace(self, composite=True)

    def note(self, limit: int | None = None) -> str:
        """One line for a person, which :func:`read_note` reads again.

        ``limit``: of characters. Then the line is ASCII (the text of Broadcast Wave is), and what
        is too long is cut: references are left out, the prompt is shortened, then the line's end.
        """
        facts = [
            ("vta", self.version),
            ("model", self.model),
            ("seed", str(self.seed)),
            ("bandwidth", bandwidth_text(self.bandwidth_hz)),
            ("licence", self.licence),
            ("source", self.source_type.rpartition("/")[2]),
        ]
        ascii_only = limit is not None
        line = "; ".join(
            [
                HEAD,
                *(f"{name} {_word(value, ascii_only)}" for name, value in facts),
                *([f"prompt {_quoted(self.prompt, ascii_only)}"] if self.prompt else []),
                *(f"reference {_quoted(name, ascii_only)}" for name in self.references),
            ]
        )
        if limit is None or len(line) <= limit:
            return line
        if self.references:
            return replace(self, references=()).note(limit)
        if self.prompt:
            shorter = self.prompt.removesuffix("...")[:-1]
            return replace(self, prompt=f"{shorter}..." if shorter else None).note(limit)
        return line[:limit]

    def tags(self) -> dict[str, str]:
        """Names and values, each on one line, for files that take names of one's own choice."""
        named = {
            "generator": f"vta {self.version}",
            "generator_model": self.model,
            "generator_seed": str(self.seed),
            **({"generator_prompt": self.prompt} if self.prompt else {}),
            **({"generator_references": "; ".join(self.references)} if self.references else {}),
            "generator_licence": self.licence,
            "generator_bandwidth": bandwidth_text(self.bandwidth_hz),
            "digital_source_type": self.source_type,
            "comment": self.note(),
        }
        return {name: _printed(value) for name, value in named.items()}

    def xmp(self) -> str:
        """An XMP packet (ISO 16684-1) with the IPTC's ``DigitalSourceType``."""
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
            ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
            '  <rdf:Description rdf:about=""\n'
            '    xmlns:dc="http://purl.org/dc/elements/1.1/"\n'
            '    xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
            '    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">\n'
            f"   <xmp:CreatorTool>{escape(_printed(f'vta {self.version}'))}</xmp:CreatorTool>\n"
            f"   <Iptc4xmpExt:DigitalSourceType>{self.source_type}"
            "</Iptc4xmpExt:DigitalSourceType>\n"
            '   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
            f"{escape(self.note())}</rdf:li></rdf:Alt></dc:description>\n"
            "  </rdf:Description>\n"
            " </rdf:RDF>\n"
            "</x:xmpmeta>\n"
            '<?xpacket end="w"?>'
        )

    def to_dict(self) -> dict[str, object]:
        """JSON values."""
        return {
            "model": self.model,
            "version": self.version,
            "seed": self.seed,
            "prompt": self.prompt,
            "licence": self.licence,
            "bandwidth_hz": self.bandwidth_hz,
            "references": list(self.references),
            "digital_source_type": self.source_type,
        }


def bandwidth_text(bandwidth_hz: int) -> str:
    """``8 kHz``, ``22.05 kHz``."""
    return f"{bandwidth_hz / 1000:.3f}".rstrip("0").rstrip(".") + " kHz"


def read_note(text: str) -> Provenance | None:
    """The last note in a text, whatever lines stand before it; None where none can be read."""
    for line in reversed(text.splitlines()):
        for found in re.finditer(f"{HEAD}(?=; )", line):
            try:
                return _from_fields(list(_fields(line[found.end() :])))
            except (ValueError, KeyError):
                continue
    return None


def _from_fields(fields: list[tuple[str, str]]) -> Provenance:
    known = dict(fields)
    return Provenance(
        model=known["model"],
        version=known["vta"],
        seed=int(known["seed"]),
        prompt=known.get("prompt"),
        licence=known["licence"],
        bandwidth_hz=round(float(known["bandwidth"].removesuffix(" kHz")) * 1000),
        references=tuple(value for name, value in fields if name == "reference"),
        composite=COMPOSITE.endswith("/" + known["source"]),
    )


_NAME = re.compile(r"; (\w+) ")
_PLAIN = re.compile(r"[\w./:+()-]+( [\w./:+()-]+)*", re.ASCII)


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Of ``; name value; name "value"``. Raises ValueError where a quoted value does not end."""
    at = 0
    while found := _NAME.match(text, at):
        at = found.end()
        if text.startswith('"', at):
            value, at = json.JSONDecoder().raw_decode(text, at)
        else:
            end = text.find(";", at)
            value, at = text[at : end if end >= 0 else None], end if end >= 0 else len(text)
        yield found.group(1), value


def _word(value: str, ascii_only: bool) -> str:
    """As it is where that cannot be misread, else quoted."""
    return value if _PLAIN.fullmatch(value) else _quoted(value, ascii_only)


def _quoted(value: str, ascii_only: bool) -> str:
    """As in JSON, on one line."""
    return _printed(json.dumps(value, ensure_ascii=False), ascii_only)


def _printed(text: str, ascii_only: bool = False) -> str:
    """What does not print, and where asked what is not ASCII, escaped as JSON does."""
    return "".join(
        c if c.isprintable() and (c.isascii() or not ascii_only) else _escaped(c) for c in text
    )


def _escaped(character: str) -> str:
    in_json = json.dumps(character)[1:-1]
    return in_json if in_json != character else f"\\u{ord(character):04x}"

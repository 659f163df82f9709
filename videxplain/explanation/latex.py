"""Captions and references for LaTeX: what a reader of a picture in a paper has to know."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from videxplain.attribution.display_names import display_name
from videxplain.attribution.papers import Reference, references_of

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    "“": "``",
    "”": "''",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "×": r"$\times$",
    "−": r"$-$",
    "→": r"$\to$",
    "\u00a0": "~",
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0308": '"',
    "\u030a": "r",
    "\u030c": "v",
    "\u0327": "c",
}


def escaped(text: object) -> str:
    """A text on one line in which every character that means something to LaTeX stands for itself.

    Accents become commands, so that old engines take them. Letters of other scripts stay; XeLaTeX and LuaLaTeX take
    them if the font has them.
    """
    written = " ".join(str(text).encode("utf-8", "replace").decode().split())
    written = "".join(one for one in written if unicodedata.category(one)[0] != "C")
    # Two hyphens would become one dash.
    return re.sub("-(?=-)", "-{}", "".join(_escaped(one) for one in written))


def _escaped(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    base, *marks = list(unicodedata.normalize("NFD", character))
    if len(marks) == 1 and marks[0] in _ACCENTS and base.isascii():
        return f"{{\\{_ACCENTS[marks[0]]}{{{base}}}}}"
    return character


def quoted(text: object) -> str:
    """A name from outside in quotation marks."""
    return f"`{escaped(text)}'"


def typewriter(text: object) -> str:
    """A name of a program: of a method, a model or a layer."""
    return rf"\texttt{{{escaped(text)}}}"


def cited(method: str) -> str:
    """The name of a method with its citation."""
    keys = ",".join(one.key for one in references_of(method))
    return escaped(display_name(method)) + (rf"~\cite{{{keys}}}" if keys else "")


def caption_text(sentences: Iterable[str], question: str) -> str:
    r"""The text of a file with a ``\caption``, a sentence a line.

    Args:
        sentences: In LaTeX; empty ones are left out.
        question: SHA-256 of what was asked.
    """
    lines = [line for line in sentences if line]
    body = "\n".join(f"  {line}" for line in lines)
    return f"% question: {question}\n\\caption{{%\n{body}%\n}}\n"


def references_text(methods: Iterable[str], question: str) -> str:
    """The text of a BibTeX file with the papers of some methods, each once.

    Args:
        methods: Names of methods.
        question: SHA-256 of what was asked.
    """
    references = {one.key: one for method in methods for one in references_of(method)}
    entries = "\n".join(_entry(one) for one in references.values())
    return f"% question: {question}\n{entries}"


def _entry(reference: Reference) -> str:
    preprint = reference.venue.startswith("arXiv:")
    kind = "misc" if preprint or not reference.venue else "article" if reference.journal else "inproceedings"
    venue = {"misc": "howpublished", "article": "journal", "inproceedings": "booktitle"}[kind]
    fields = {
        "author": escaped(reference.authors),
        "title": _kept_capitals(escaped(reference.title)),
        venue: escaped(reference.venue),
        "year": reference.year,
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@{kind}{{{reference.key},\n{lines}}}\n"


def _kept_capitals(title: str) -> str:
    """The title with braces around words such as "Grad-CAM", which bibliography styles would write in small letters."""
    return " ".join(f"{{{word}}}" if re.search(r"\w[A-Z]|-[A-Z]{2}", word) else word for word in title.split(" "))


def listed(words: Sequence[str]) -> str:
    """Words as a sentence has them: "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

"""The self-supervised methods as plain facts: what `describe` writes, and what the window and the command line make
forms and flags of. The engine owns the methods (`engine/methods/`, one file each)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.records.augmentation import Augmentation
from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.params import Param
from workbench.records.text import printable

VERSION = 1
BUILT_IN = frozenset(
    {"simclr", "moco", "byol", "simsiam", "mae", "dino", "ibot"}
)  # names that no plugin may take

# The three families, each in one sentence, and when it is the right one.
FAMILIES: dict[str, tuple[str, str]] = {
    "contrast": (
        "Two views of one picture are brought together and pushed away from other pictures.",
        "Many different pictures; colour and scale that carry no label. SimCLR needs large batches, MoCo doesn't.",
    ),
    "distillation": (
        "A network learns to predict what a slowly moving copy of itself says of another view.",
        "Small batches, and nothing known of which pictures differ. DINO and iBOT want a transformer and patience.",
    ),
    "reconstruction": (
        "Parts of a picture are hidden and painted in from the rest.",
        "Where colour or scale is the signal, for no view changes it; wants a transformer and, later, fine-tuning.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodFacts:
    """One method, without loading it."""

    name: str  # what `--method` takes
    title: str  # "SimCLR"
    family: str  # one of FAMILIES
    summary: str  # one sentence: what it does
    when: str  # one sentence: when it is the right one
    when_not: str  # one sentence
    source: str  # paper, and file of the published code
    tokens_only: bool  # whether it needs a transformer
    params: tuple[Param, ...]
    published: Augmentation  # its own views
    published_conv: Augmentation | None = None  # those for convolutional networks, where they are others

    def views_for(self, tokens: bool) -> Augmentation:
        """The published views for a transformer (`tokens`) or a convolutional network."""
        return self.published if tokens or self.published_conv is None else self.published_conv

    def to_json(self) -> dict[str, Any]:
        conv = self.published_conv
        return {
            **asdict(self),
            "published": self.published.to_json(),
            "published_conv": None if conv is None else conv.to_json(),
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> MethodFacts:
        params = tuple(Param(**{**item, "choices": tuple(item["choices"])}) for item in body["params"])
        conv = body.get("published_conv")
        views = {
            "published": Augmentation.from_json(body["published"]),
            "published_conv": None if conv is None else Augmentation.from_json(conv),
        }
        return cls(**{**body, "params": params, **views})


def save_methods(path: Path, methods: Iterable[MethodFacts]) -> None:
    write_document(path, "methods", VERSION, {"methods": [method.to_json() for method in methods]})


def load_methods(path: Path) -> tuple[MethodFacts, ...]:
    """Raises DocumentError when the file is missing, damaged or written by a newer program."""
    body = read_document(path, "methods", VERSION)
    try:
        return tuple(MethodFacts.from_json(item) for item in body["methods"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(f"{path} holds a method that can't be read ({error}). Remove it.") from None


def parse_settings(params: Sequence[Param], texts: Sequence[str]) -> dict[str, Any]:
    """("temperature=0.2", ...) as the values of `params`; ranges are checked when the configuration is built.

    Raises:
        ValueError: no such parameter, or not a value of its type.
    """
    known = {item.name: item for item in params}
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        item = known.get(name)
        if item is None or not equals:
            raise ValueError(_not_a_setting(text, name, known, bool(equals)))
        values[name] = _value(item, value.strip(), text)
    return values


def written_settings(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The inverse of `parse_settings`."""
    return tuple(f"{name}={written_value(value)}" for name, value in values.items())


def asked_by_name(text: str) -> tuple[str, tuple[str, ...]]:
    """ "prototypes:shots=5,distance=cosine" -> "prototypes" and its settings, ("shots=5", "distance=cosine")."""
    name, _, settings = text.strip().partition(":")
    return name.strip(), tuple(part.strip() for part in settings.split(",") if part.strip())


def written_by_name(name: str, values: Mapping[str, Any]) -> str:
    """The inverse of `asked_by_name`. Raises ValueError for a value with a comma, which parts settings."""
    settings = written_settings(values)
    for text in settings:
        if "," in text:
            raise ValueError(f"A setting can't hold a comma: {printable(text)}.")
    return f"{name}:{','.join(settings)}" if settings else name


def _not_a_setting(text: str, name: str, known: Iterable[str], has_value: bool) -> str:
    names = list(known)
    listed = f"It has {', '.join(names)}." if names else "It has none."
    if name in names and not has_value:
        return f"The setting {printable(text)!r} has no value: write {name}=VALUE."
    near = difflib.get_close_matches(name, names, 1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"There is no setting {printable(name)!r}.{meant} {listed} Write NAME=VALUE."


def written_value(value: Any) -> str:
    """As a flag or `--settings` takes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value) if isinstance(value, float) else str(value)


def _value(item: Param, value: str, text: str) -> Any:
    try:
        if item.type == "int":
            return int(value)
        if item.type == "float":
            return float(value)
        if item.type == "bool":
            return {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}[
                value.lower()
            ]
    except (ValueError, KeyError):
        kind = {"int": "a whole number", "float": "a number", "bool": "yes or no"}[item.type]
        raise ValueError(f"The setting {text!r} needs {kind}.") from None
    return value

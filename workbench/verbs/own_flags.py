"""A method's own settings as flags: `--temperature 0.2` for `--settings temperature=0.2`.

Which settings a method has is known to the engine alone, so a verb that trains sets aside the flags that it doesn't
know itself, and asks for the methods only when there are any.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence

from workbench.records.methods import MethodFacts, parse_settings
from workbench.records.text import printable

TAKES = "takes_own_flags"  # the default of a parser that says so


def allow(parser: argparse.ArgumentParser) -> None:
    """Let a verb take the settings of a method as flags."""
    parser.set_defaults(**{TAKES: True})
    parser.epilog = (
        "A method's own settings are flags too: --temperature 0.2. `workbench methods` lists them."
    )


def set_aside(parser: argparse.ArgumentParser | None, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The command line without the flags that the verb doesn't know, and those as "NAME=VALUE".

    A flag without a value is left where it is, for the parser to refuse.
    """
    if parser is None or not parser.get_default(TAKES):
        return list(words), []
    known = parser._option_string_actions  # abbreviations count as known, as the parser takes them
    left: list[str] = []
    own: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            left += [word, *rest]
            break
        name, equals, value = word.partition("=")
        if not name.startswith("--") or any(option.startswith(name) for option in known):
            left.append(word)
            if name in known and not equals and known[name].nargs is None and rest:
                left.append(rest.pop(0))  # its value, whatever it looks like
        elif equals or (rest and not rest[0].startswith("--")):
            own.append(f"{name[2:].replace('-', '_')}={value if equals else rest.pop(0)}")
        else:
            left.append(word)
    return left, own


def check(
    own: Sequence[str], method: str, methods: Iterable[MethodFacts], parser_flags: Iterable[str]
) -> None:
    """Raises ValueError, a sentence, for a flag that is neither the verb's nor the method's, or for a wrong value."""
    facts = next((facts for facts in methods if facts.name == method), None)
    if facts is None:
        return  # the engine says which methods there are
    names = [item.name for item in facts.params]
    for text in own:
        name = text.partition("=")[0]
        if name not in names:
            flag = flag_of(name)
            near = difflib.get_close_matches(flag, [*parser_flags, *(flag_of(n) for n in names)], 1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"{printable(flag)} is neither a flag of this verb nor a setting of {method}.{meant} "
                f"{method} has {', '.join(flag_of(n) for n in names) or 'none'}."
            )
    parse_settings(facts.params, own)


def flag_of(name: str) -> str:
    """ "variance_weight" -> "--variance-weight"."""
    return "--" + name.replace("_", "-")

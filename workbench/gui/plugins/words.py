"""How the page says how a plugin stands, and what may be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.gui.plugin_views import shown_stamp
from workbench.plugins import Plugin
from workbench.records.plugins import ENGINE_KINDS, KINDS, ONE
from workbench.records.text import count

STATES = {
    "enabled": ("on", "good"),
    "off": ("off", "neutral"),
    "broken": ("broken", "bad"),
    "incompatible": ("incompatible", "warn"),
}
CRASHED = ("off after crashes", "bad")
HELP = {
    "on": "It was loaded in a process of its own and brought what it promises.",
    "off": "Nothing loads it until you switch it on.",
    "broken": "It can't be used as it is. The error says why.",
    "incompatible": "It was written for another version of the workbench's interface for plugins.",
    "off after crashes": "It crashed twice and was switched off. Trying again forgets both crashes.",
}
WHERE = {  # a method is chosen in...
    "methods": "Pretrain",
    "backbones": "Models",
    "evaluations": "Compare",
    "inspections": "Inspect",
    "views": "Views",
}


def crashed(one: Plugin) -> bool:
    """Whether it was switched off by itself."""
    return one.state == "off" and bool(one.error)


def state_chip(one: Plugin) -> tuple[str, str]:
    """Word and severity."""
    return CRASHED if crashed(one) else STATES[one.state]


def brings(provides: Mapping[str, Mapping[str, str]]) -> str:
    """ "2 methods, 1 view"."""
    parts = [count(len(provides[kind]), ONE[kind]) for kind in KINDS if provides.get(kind)]
    return ", ".join(parts)


def where_found(provides: Mapping[str, Mapping[str, str]]) -> str:
    """A sentence that says in which places to look for what a plugin brings."""
    places = list(dict.fromkeys(WHERE[kind] for kind in KINDS if provides.get(kind)))
    listed = " and ".join(part for part in (", ".join(places[:-1]), places[-1]) if part) if places else ""
    return f"What it brings is found in {listed}." if listed else ""


def heading(listed: Sequence[Plugin], *, tried: bool = True) -> str:
    """ "3 plugins, 1 of them broken"."""
    if not listed:
        return "No plugin is installed"
    if not tried:
        return f"{count(len(listed), 'plugin')}, being tried"
    words: list[str] = []
    for wanted, word in (("bad", "broken"), ("warn", "incompatible"), ("neutral", "off")):
        number = sum(state_chip(one)[1] == wanted for one in listed)
        if number:
            words.append(f"{number} {word}" if words or len(listed) == 1 else f"{number} of them {word}")
    if len(listed) == 1:
        return f"1 plugin, and it {'is ' + words[0][2:] if words else 'works'}"
    return f"{len(listed)} plugins, {', '.join(words) if words else 'and all work'}"


def switch_word(one: Plugin) -> str:
    """What the button does that changes its state; "" where no switch helps."""
    if one.found.error:
        return ""
    if crashed(one) or one.state == "broken":
        return "Try again"
    return "Switch on" if one.state == "off" else "Switch off"


def restart_needed(one: Plugin) -> str:
    """A sentence where the window shows an older state of a plugin's views; else ""."""
    stamp = shown_stamp(one.name)
    if not stamp or stamp == one.found.stamp:
        return ""
    return (
        "Its files have changed since this window loaded its views. What a window is made of can't be exchanged "
        "while it is open: restart the program to see the new ones."
    )


def reload_note(one: Plugin) -> str:
    """How changes of its files come into effect."""
    parts = []
    if any(one.names(kind) for kind in ENGINE_KINDS):
        parts.append(
            "Every job is a new process and loads it anew: what changes in its files counts from "
            "the next job on."
        )
    if one.names("views"):
        parts.append(
            "Its views are loaded when they are first shown, and stay until the program is restarted."
        )
    return " ".join(parts)

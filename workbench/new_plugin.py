"""`workbench new-plugin`: a whole plugin, written from the template in `resources/`, to be changed into another."""

from __future__ import annotations

from pathlib import Path

from workbench.records.files import whole_folder
from workbench.records.methods import BUILT_IN
from workbench.records.plugins import API, is_name
from workbench.records.resources import resource
from workbench.records.text import printable

TEMPLATE = "plugin_template"
SUFFIX = ".tmpl"


def new_plugin(name: str, into: Path) -> Path:
    """Write the plugin `name` to the folder `into`/`name`, which must not be there yet. Returns that folder.

    Raises:
        ValueError: a name that no plugin can have, or a folder that is there.
    """
    if not is_name(name):
        raise ValueError(
            f"{printable(name)!r} can't be the name of a plugin. Take small letters, digits, _ and -, 40 at most, a "
            "letter first: my_method."
        )
    if name.replace("-", "_") in BUILT_IN:
        raise ValueError(f"The program has a method {name} already. Take another name.")
    folder = into.expanduser().absolute() / name
    if folder.exists():
        raise ValueError(f"{printable(str(folder))} is there already. Take another name or another folder.")
    plain = name.replace("-", "_")
    words = {
        "name": name,
        "package": f"ssl_workbench_{plain}",
        "distribution": f"ssl-workbench-{plain.replace('_', '-')}",
        "class": "".join(part.capitalize() for part in plain.split("_")) + "Method",
        "title": plain.replace("_", " ").capitalize(),
        "api": ".".join(map(str, API)),
    }
    template = resource(TEMPLATE)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(folder) as part:
            for source in sorted(template.rglob(f"*{SUFFIX}")):
                relative = str(source.relative_to(template))[: -len(SUFFIX)]
                target = part / relative.replace("package/", f"{words['package']}/", 1)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(_filled(source.read_text("utf-8"), words), encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{printable(str(folder))} can't be written: {error.strerror}.") from None
    return folder


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace("{{" + word + "}}", value)
    return text

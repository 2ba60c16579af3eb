"""What the expert has decided about the images: one immutable value that an edit replaces and undo puts back.

Nothing here touches a file of the user's. `records/arrange.py` applies it to the index of the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.records.layout import Layout
from workbench.records.spec import Reading
from workbench.records.splits import SplitPlan

IGNORED = ""  # the name that a class gets whose images take no part


@dataclass(frozen=True, slots=True, kw_only=True)
class Curation:
    """Images are named by `ImageIndex.name`: their path in the data set, and the page where a file holds several.

    Attributes:
        layout: how paths or the table tell labels and groups.
        table: file of the label table, relative to the project; "" where there is none.
        table_name: what that file was called where it came from.
        classes: class as found -> its name here; two with one name are merged, IGNORED leaves its images out.
        left_out: names of images that take no part.
        pool_left_out: names of images of the unlabelled pool that take no part.
        joined: sets of names that count as one group each, such as the copies of one image.
        reading: how stored numbers become pictures.
        window_told: how the intensity window was chosen, in words: "1st to 99th percentile of 34 images".
        plan: how splits are drawn.
    """

    layout: Layout = field(default_factory=Layout)
    table: str = ""
    table_name: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    pool_left_out: frozenset[str] = frozenset()
    joined: tuple[tuple[str, ...], ...] = ()
    reading: Reading = field(default_factory=Reading)
    window_told: str = ""
    plan: SplitPlan = field(default_factory=SplitPlan)

    # Edits

    def rename(self, name: str, new: str) -> Curation:
        """The class now called `name` gets another name; one that is taken merges the two. IGNORED leaves it out.

        Raises ValueError for a name that is only spaces.
        """
        if new and not new.strip():
            raise ValueError("a class needs a name with letters in it.")
        new = new.strip()
        classes = {old: new if shown == name else shown for old, shown in self.classes.items()}
        classes.setdefault(name, new)
        return replace(self, classes={old: shown for old, shown in classes.items() if old != shown})

    def restore_class(self, found: str) -> Curation:
        """The class that was found as `found` is again what it was."""
        return replace(self, classes={old: new for old, new in self.classes.items() if old != found})

    def leave_out(self, names: Iterable[str]) -> Curation:
        return replace(self, left_out=self.left_out | frozenset(names))

    def bring_back(self, names: Iterable[str]) -> Curation:
        return replace(self, left_out=self.left_out - frozenset(names))

    def join(self, sets: Iterable[Iterable[str]]) -> Curation:
        """Each of `sets` counts as one group from now on."""
        together = dict.fromkeys((*self.joined, *(tuple(sorted(names)) for names in sets)))
        return replace(self, joined=tuple(together))

    # On disk

    def to_json(self) -> dict[str, Any]:
        return {
            "layout": self.layout.to_json(),
            "table": self.table,
            "table_name": self.table_name,
            "classes": dict(self.classes),
            "left_out": sorted(self.left_out),
            "pool_left_out": sorted(self.pool_left_out),
            "joined": [list(names) for names in self.joined],
            "reading": self.reading.to_json(),
            "window_told": self.window_told,
            "plan": self.plan.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Curation:
        """Keys that are missing keep their defaults."""
        return cls(
            layout=Layout.from_json(body.get("layout", {})),
            table=body.get("table", ""),
            table_name=body.get("table_name", ""),
            classes=dict(body.get("classes", {})),
            left_out=frozenset(body.get("left_out", ())),
            pool_left_out=frozenset(body.get("pool_left_out", ())),
            joined=tuple(tuple(names) for names in body.get("joined", ())),
            reading=Reading.from_json(body.get("reading", {})),
            window_told=body.get("window_told", ""),
            plan=SplitPlan.from_json(body.get("plan", {})),
        )

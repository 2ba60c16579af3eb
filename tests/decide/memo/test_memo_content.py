"""A memo says what the decision says, binds every number, and is the same bytes wherever it is written."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.decide.made_runs import Hand, made_project
from tests.decide.memo.made_memo import add_extra, evaluation, memo_project
from workbench.decide.memo.document import Memo
from workbench.decide.memo.write import memo_of, text_of, write_memo
from workbench.records.case import Case
from workbench.records.decision import Decision
from workbench.records.evidence import Target
from workbench.records.memo import MemoRecord
from workbench.records.project import Project

HOSTILE = ("<script>alert(1)</script>", "x|y\n\u202e`](javascript:1)\n- *b*")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
SAID_BY_US = {"95", "1"}  # "95 % interval", "macro-F1"


class Page(HTMLParser):
    """Visible text by section, the elements that were opened, and whether each was closed again."""

    EMPTY = frozenset({"meta", "br", "img", "rect", "line", "circle", "polygon", "polyline", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: dict[str, list[str]] = {"": []}
        self._section = ""
        self._prose = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.EMPTY:
            self.open.append(tag)
        given = dict(attrs)
        if tag == "section":
            self._section = str(given["id"])
            self.text[self._section] = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self.open):
            self.text[self._section].append(data)


def page(text: str) -> Page:
    made = Page()
    made.feed(text)
    made.close()
    assert not made.open
    return made


def html(project: Project, memo: Memo | None = None) -> str:
    return text_of(project, memo or memo_of(project), project.folder / "memo.html")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return memo_project(tmp_path / "steel")


def test_every_number_of_results_and_verdict_is_bound(project: Project) -> None:
    write_memo(project.folder, project.folder / "memo.html")
    record = MemoRecord.load(project.folder)
    bound = {number for each in record.numbers for number in NUMBER.findall(each.text)}
    shown = page((project.folder / "memo.html").read_text("utf-8"))
    for section in ("results", "verdict", "findings", "next", "data"):
        told = set(NUMBER.findall(re.sub(r"\bR\d+\b", "", " ".join(shown.text[section]))))
        assert told - bound <= SAID_BY_US, section
    assert len(bound) > 30


def test_each_bound_number_leads_to_the_appendix_and_names_its_run(project: Project) -> None:
    shown = page(html(project))
    ids = {value for _, name, value in shown.attributes if name == "id"}
    links = {value for tag, name, value in shown.attributes if tag == "a" and name == "href"}
    inner = {link[1:] for link in links if link.startswith("#")}
    assert inner <= ids and "n-lab-good.mean" in inner and "R1" in inner
    files = links - {f"#{name}" for name in inner}
    run = f"runs/{evaluation(project).id}"
    assert f"{run}/result.json" in files and all((project.folder / file).exists() for file in files)
    record = {number.key: number for number in memo_of(project).numbers}
    mean = record["lab-good.mean"]
    assert (mean.run, mean.file, mean.where) == (run, f"{run}/result.json", "models[1].probe.macro_f1.values")


def test_a_fine_tune_is_bound_to_its_own_file(project: Project) -> None:
    run = Hand(project).finetune("lab/good", 0.99)
    memo = memo_of(project)
    found = next(number for number in memo.numbers if number.text == "0.990")
    assert (found.run, found.file) == (f"runs/{run.id}", f"runs/{run.id}/finetune.json")
    assert found.where == "scores.macro_f1.values"
    assert {source.kind for source in memo.sources} == {"evaluate", "finetune"}
    assert "last block fine-tuned" in html(project, memo)


def test_the_domain_is_told_with_its_run(project: Project) -> None:
    memo = memo_of(project)
    record = {number.key: number for number in memo.numbers}
    pure = record["domain.purity"]
    assert (pure.text, pure.file) == ("81 %", record["lab-good.mean"].file) and pure.where.endswith(
        "].purity"
    )
    said = "".join(page(html(project, memo)).text["data"])
    neighbours = "of an image's ten nearest neighbours in the features of lab/good have its label"
    assert f"81 % {neighbours}, where chance gives 50 %." in said
    assert (
        record["domain.distance"].where.endswith("].distance") and record["domain.distance"].value == 1.9375
    )
    assert "What these images call up in lab/good lies 1.94 times as far" in said


def test_the_same_bytes_twice_and_after_a_move(project: Project, tmp_path: Path) -> None:
    first = {
        ending: text_of(project, memo_of(project), project.folder / f"memo{ending}")
        for ending in (".html", ".md")
    }
    moved = tmp_path / "elsewhere" / "steel"
    shutil.copytree(project.folder, moved)
    shutil.rmtree(project.folder)
    again = Project.open(moved)
    for ending, text in first.items():
        assert text_of(again, memo_of(again), moved / f"memo{ending}") == text
        assert str(tmp_path) not in text


def test_it_says_what_the_decision_says(project: Project) -> None:
    write_memo(project.folder, project.folder / "memo.md")
    text = (project.folder / "memo.md").read_text("utf-8").replace("\\", "")
    decision = Decision.load(project.folder / "decision" / "decision.json")
    said = (
        decision.title,
        *decision.because,
        *decision.against,
        *decision.would_change_it,
        *decision.escalation,
        *(finding.advice for finding in decision.findings),
        *(standing.name for standing in decision.standings),
    )
    for sentence in said:
        assert sentence in text
    assert text.index(decision.title) < text.index("## Question") < text.index("## Data")


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    project = memo_project(tmp_path / "bad", classes=HOSTILE, title=HOSTILE[0], author=HOSTILE[1])
    shown = page(html(project))
    assert not {"script", "iframe", "object", "embed", "link", "b", "form"} & shown.seen
    assert not any(name.startswith("on") for _, name, _ in shown.attributes)
    assert not any("javascript:" in value for _, _, value in shown.attributes)
    assert not any(
        value.startswith(("http:", "https:", "//"))
        for _, name, value in shown.attributes
        if name in ("src", "href")
    )
    whole = "".join(text for texts in shown.text.values() for text in texts)
    assert "<script>alert(1)</script>" in whole and "<b>below</b>" in whole
    assert "\u202e" not in whole and "x|y\\n\\u202e" in whole
    policy = next(value for tag, name, value in shown.attributes if (tag, name) == ("meta", "content"))
    assert "default-src 'none'" in policy and "script" not in policy


def test_hostile_names_break_no_table_of_markdown(tmp_path: Path) -> None:
    from markdown_it import MarkdownIt

    project = memo_project(tmp_path / "bad", classes=HOSTILE, title=HOSTILE[0])
    text = text_of(project, memo_of(project), tmp_path / "memo.md")
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    raw = [token.content.strip() for token in tokens if token.type == "html_block"]
    inner = [child for token in tokens for child in token.children or ()]
    raw += [child.content for child in inner if child.type == "html_inline"]
    assert all(re.fullmatch(r"<!--/?author(:\w+)?-->", each) for each in raw)
    assert not any(child.type in ("link_open", "image", "code_inline", "em_open") for child in inner)
    rows: list[int] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append(0)
        rows[-1:] = [rows[-1] + 1] if rows and token.type in ("td_open", "th_open") else rows[-1:]
    assert set(rows) <= {2, 3, 5, 6, 7}
    assert any("x|y" in child.content for child in inner)


def test_words_may_name_numbers_and_only_those_there_are(project: Project) -> None:
    said = page(html(project))
    assert "The threshold is 0.750." in "".join(said.text["question"])
    Case(target=Target(threshold=0.75), prose={"data": "Of {{lab-good.mean}} and {{lab-good.men}}."}).save(
        project.folder
    )
    with pytest.raises(ValueError, match=r"\{\{lab-good.men\}\}.*lab-good.mean"):
        memo_of(project)


def test_boards_are_taken_in_and_those_outside_are_not(project: Project, tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\nrest"
    inside, outside = project.folder / "looks" / "board.png", tmp_path / "board.png"
    inside.parent.mkdir()
    for path in (inside, outside):
        path.write_bytes(png)

    def chosen(*boards: str) -> str:
        Case(target=Target(threshold=0.75), boards=boards).save(project.folder)
        return html(project)

    text = chosen("looks")
    assert (
        "data:image/png;base64,iVBORw0KGgpyZXN0" in text and "not whether it separates your classes" in text
    )
    with pytest.raises(ValueError, match="outside the project"):
        chosen("../board.png")
    with pytest.raises(ValueError, match="is not there"):
        chosen("gone")
    inside.write_bytes(b"GIF89a")
    with pytest.raises(ValueError, match="no PNG"):
        chosen("looks")


def test_a_project_without_a_threshold_and_one_without_a_run(project: Project, tmp_path: Path) -> None:
    Case().save(project.folder)
    text = html(project)
    assert "No threshold was set" in text and "Asked for" not in text
    empty = made_project(tmp_path / "empty")
    memo = memo_of(empty)
    text = html(empty, memo)
    assert memo.date == "" and "Nothing was measured yet." in text
    Case(problem="table").save(empty.folder)
    assert "Another kind of tool is needed" in html(empty)


def test_other_endings_are_refused(project: Project) -> None:
    with pytest.raises(ValueError, match=r"as \.html, \.md or \.pdf"):
        text_of(project, memo_of(project), Path("memo.docx"))


def test_evaluations_of_plugins_stand_beside_the_verdict_and_are_bound(project: Project) -> None:
    bare = memo_of(project)
    add_extra(project)
    memo = memo_of(project)
    assert (memo.verdict, memo.why, memo.advice) == (bare.verdict, bare.why, bare.advice)
    numbers = {number.key: number for number in memo.numbers}
    stem = "lab-good.plugin.plugin-prototypes-shots-1"
    run = evaluation(project)
    assert numbers[f"{stem}.mean"].text == "0.600" and numbers[f"{stem}.seeds"].text == "5"
    assert numbers[f"{stem}.interval"].text == "0.512 to 0.688", "as the plugin's score has it"
    assert numbers[f"{stem}.seed.4"].text == "0.7000"
    assert numbers[f"{stem}.mean"].where == "extra[0].score.values"
    assert numbers[f"{stem}.mean"].file == f"runs/{run.id}/result.json"
    for text in (html(project, memo), text_of(project, memo, project.folder / "memo.md")):
        assert "Evaluations by plugins, beside the verdict" in text and "no part of the verdict" in text
        assert "0.512 to 0.688" in text and "Nearest class mean, shots" in text
    assert "Evaluations by plugins" not in html(project, bare)

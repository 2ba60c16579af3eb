"""The Plugins place: what it shows of plugins, and installing with a preview. pip and trials are stood in for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel

from workbench import plugins
from workbench.gui import plugin_views
from workbench.gui.commands import Commands
from workbench.gui.main_window import MainWindow
from workbench.gui.places import find_places
from workbench.gui.plugins import store as storing
from workbench.gui.plugins import view as viewing
from workbench.gui.plugins.new_dialog import NewPluginDialog
from workbench.gui.plugins.view import PluginsView
from workbench.gui.plugins.words import heading, restart_needed, switch_word, where_found
from workbench.plugin_install.pip_runs import PipError, Stop
from workbench.plugin_install.plan import Change, Outcome, Plan
from workbench.plugins import Plugin
from workbench.records.plugins import Found, Manifest
from workbench.records.runs import Status
from workbench.supervisor import JobState

TRACEBACK = "Traceback (most recent call last):\n" + "".join(
    f'  File "/x/<b>{i}</b>.py", line {i}, in step\n    return step({i}, "\x1b[31m")\n' for i in range(40)
)


def plugin(name: str, state: str = "enabled", *, error: str = "", traceback: str = "", **provides) -> Plugin:
    manifest = Manifest(
        name=name,
        version="1.2",
        api=(1, 0),
        summary="A <b>summary</b>.",
        provides=provides or {"methods": {"m": "It."}},
    )
    found = Found(
        name=name,
        origin="package",
        place=Path("/x") / name,
        manifest=manifest,
        stamp="now",
        distribution=name,
    )
    return Plugin(found=found, state=state, error=error, traceback=traceback)


THREE = (
    plugin("calm", methods={"calm_dino": "A method."}, views={"matrix": "A view."}),
    plugin("crashes", "off", error="The plugin crashes ended its process by signal 11. It was switched off."),
    plugin("torn", "broken", error="The plugin torn can't be loaded: <i>x</i>.", traceback=TRACEBACK),
)
READY = Plan(
    action="install",
    what="/x/new.whl",
    kind="wheel",
    plugin="new",
    version="0.1",
    provides={"methods": {"new_method": "It."}},
    changes=(
        Change(package="numpy", before="2.3", after="2.4", program=True),
        Change(package="new", before="", after="0.1"),
    ),
    notes=("The program uses numpy: restart it afterwards.",),
)


class Work:
    """Stands for an `Installation` and a `Removal`: answers what the test has laid down."""

    answers: dict[bool, object]  # by whether the network may be asked
    outcome: Outcome
    gate: threading.Event
    asked: list[object]

    def __init__(self, what: str, *, stop: Stop, told: Callable[[str], object]) -> None:
        self.what, self.stop, self.told = what, stop, told
        Work.asked.append(what)

    def look(self, *, network: bool) -> Plan:
        Work.asked.append(network)
        self.told("Asking what would change")
        while not Work.gate.is_set():
            self.stop.obey()
            self.stop.wait(0.01)
        answer = Work.answers[network]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def carry_out(self) -> Outcome:
        Work.asked.append("carried out")
        return Work.outcome

    def close(self) -> None:
        Work.asked.append("closed")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[Plugin]:
    """What is there; the test may change it."""
    now = list(THREE)
    monkeypatch.setattr(plugins, "plugins", lambda: tuple(now))
    monkeypatch.setattr(plugins, "tried", lambda: tuple(now))
    monkeypatch.setattr(storing, "origin_of", lambda found: f"Installed from {found.place}")
    monkeypatch.setattr(storing, "Installation", Work)
    monkeypatch.setattr(storing, "Removal", Work)
    Work.answers, Work.asked, Work.gate = {False: READY}, [], threading.Event()
    Work.outcome = Outcome(done=True, sentence="new 0.1 is installed.")
    Work.gate.set()
    return now


@pytest.fixture
def page(qtbot, session, installed) -> Iterator[PluginsView]:
    made = PluginsView(session, Commands())
    qtbot.addWidget(made)
    made.resize(1192, 680)
    made.show()
    qtbot.waitUntil(lambda: made.store.read and not made.store.trying)
    yield made
    made.store.stop()
    for child in session.findChildren(storing.Background):
        child.close()


def shown(page: PluginsView) -> str:
    """Every word that can be read."""
    QApplication.processEvents()
    return "\n".join(one.text() for one in page.findChildren(QLabel) if one.isVisible())


def preview(qtbot, page: PluginsView, what: str = "/x/new.whl") -> None:
    page.install.field.setText(what)
    page.install.preview_button.click()
    qtbot.waitUntil(lambda: not page.store.working)


def test_plugins_stands_at_the_foot_of_the_rail(qtbot, session, installed) -> None:
    places = find_places()
    assert places[-1].id == "plugins" and places[-1].bottom
    window = MainWindow(session, Commands())
    qtbot.addWidget(window)
    window.show()
    window.show_place("plugins")
    view = window.widget_of("plugins")
    assert isinstance(view, PluginsView)
    qtbot.waitUntil(lambda: view.store.read and not view.store.trying)
    for child in session.findChildren(storing.Background):
        child.close()


def test_each_plugin_is_told_with_what_it_brings_and_how_it_stands(qtbot, page) -> None:
    assert page.heading.text() == "3 plugins, 2 of them broken"
    said = [page.model.data(page.model.index(row)) for row in range(3)]
    assert said[0] == "calm 1.2, on, 1 method, 1 view: calm_dino, matrix"
    assert said[1].startswith("crashes 1.2, off after crashes") and said[2].startswith("torn 1.2, broken")
    page.list.go_to("calm")
    words = shown(page)
    for part in (
        "calm 1.2",
        "A <b>summary</b>.",
        "calm_dino",
        "A method.",
        "matrix",
        "/x/calm",
        "from the next job on",
    ):
        assert part in words, part
    assert "stay until the program is restarted" in words and "What it said" not in words
    assert page.details.switch.text() == "Switch off"


def test_an_error_is_shown_as_plain_text_and_can_be_copied(qtbot, page) -> None:
    page.list.go_to("torn")
    assert "The plugin torn can't be loaded: <i>x</i>." in shown(page)
    told = page.details.traceback.toPlainText()
    assert told.splitlines()[0] == "Traceback (most recent call last):" and told.count("<b>") == 40
    assert "\x1b" not in told and "\\x1b[31m" in told and page.details.traceback.isReadOnly()
    page.details.copy_button.click()
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith("The plugin torn can't be loaded") and told in copied


def test_switching_and_trying_again(qtbot, page, session, installed, monkeypatch) -> None:
    asked = []

    def switch(name: str, on: bool) -> Plugin:
        asked.append((name, on))
        installed[:] = [
            plugin(one.name, "enabled" if on else "off") if one.name == name else one for one in installed
        ]
        return installed[0]

    monkeypatch.setattr(plugins, "switch", switch)
    for name, word, after in (("crashes", "Try again", "Switch off"), ("calm", "Switch off", "Switch on")):
        page.list.go_to(name)
        assert page.details.switch.text() == word
        page.details.switch.click()
        qtbot.waitUntil(lambda after=after: page.details.switch.text() == after)
        assert page.details.listed.plugin.name == name and page.details.switch.isEnabled()
    assert asked == [("crashes", True), ("calm", False)]
    assert ("describe", False, True) in session.calls  # methods and backbones are looked up again


def test_nothing_installed_says_what_plugins_are_for(qtbot, page, installed) -> None:
    installed.clear()
    page.commands.run("plugins.look")
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.empty)
    words = shown(page)
    assert "No plugin is installed" in words and "workbench new-plugin NAME" in words
    assert not page.details.isVisible() and page.install.isVisible()


def test_a_template_is_written_where_one_says(qtbot, page, session, tmp_path) -> None:
    said = []
    session.message.connect(lambda severity, sentence: said.append((severity, sentence)))
    page.empty.buttons[0].click()
    dialog = page.findChild(NewPluginDialog)
    dialog.name.setText("Not A Name")
    assert not dialog.go.isEnabled() and "Small letters" in dialog.error.text()
    dialog.name.setText("my_own")
    dialog.into.setText(str(tmp_path))
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(said))
    assert said[0][0] == "good", said
    assert (tmp_path / "my_own" / "pyproject.toml").is_file()
    assert page.install.field.text() == str(tmp_path / "my_own")
    page.store.begin("my_own", tmp_path)
    qtbot.waitUntil(lambda: len(said) == 2)
    assert said[1][0] == "bad" and "is there already" in said[1][1]


def test_a_preview_shows_every_change_and_then_exactly_that_is_done(qtbot, page, session) -> None:
    said = []
    session.message.connect(lambda severity, sentence: said.append((severity, sentence)))
    assert "Nothing is looked for on the network before you are asked." in shown(page)
    preview(qtbot, page)
    card = page.install
    assert card.changes.lines == ["numpy  2.3  2.4  used by the program", "new  –  0.1  new"]
    words = shown(page)
    assert "It brings 1 method: new_method." in words and "restart it afterwards" in words
    assert card.go.isVisible() and not card.network.isVisible()
    card.go.click()
    qtbot.waitUntil(lambda: bool(said))
    assert (
        said == [("good", "new 0.1 is installed. What it brings is found in Pretrain.")]
        and not card.told.isVisible()
    )
    assert Work.asked == ["/x/new.whl", False, "carried out", "closed"]
    assert ("describe", False, True) in session.calls


def test_what_is_refused_can_t_be_installed(qtbot, page) -> None:
    Work.answers = {
        False: Plan(
            action="install", what="x", kind="wheel", plugin="old", refused="It would put numpy 1 in."
        )
    }
    preview(qtbot, page)
    assert "It would put numpy 1 in." in shown(page) and "refused" in shown(page)
    assert not page.install.go.isVisible() and page.install.drop.text() == "Close"
    page.store.carry_out()
    assert "carried out" not in Work.asked


def test_the_network_is_used_after_a_click_only(qtbot, page) -> None:
    lacking = Plan(action="install", what="x", kind="wheel", plugin="new", missing=("lightly>=1.5",))
    Work.answers = {False: lacking, True: READY}
    preview(qtbot, page)
    assert "It needs lightly>=1.5, which is not on this machine." in shown(page)
    assert Work.asked == ["/x/new.whl", False] and not page.install.go.isVisible()
    page.install.network.click()
    qtbot.waitUntil(lambda: page.store.plan is READY)
    assert Work.asked[2:] == [True] and page.install.go.isVisible() and not page.install.network.isVisible()


def test_looking_can_be_stopped_and_nothing_else_begins_meanwhile(qtbot, page) -> None:
    Work.gate.clear()
    page.install.field.setText("/x/new.whl")
    qtbot.keyClick(page.install.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.store.words == "Asking what would change")
    assert "Asking what would change…" in shown(page)
    assert not page.install.preview_button.isEnabled()
    page.store.preview("/x/other.whl")
    page.details.removal_asked.emit("calm")
    page.install._running.stop.click()
    qtbot.waitUntil(lambda: not page.store.working)
    assert Work.asked == ["/x/new.whl", False, "closed"] and page.store.failure == ""
    assert page.install.preview_button.isEnabled()


def test_a_failure_is_told_with_what_pip_said(qtbot, page, installed) -> None:
    Work.answers = {False: PipError("pip can't do it: no.", "a\x1b[31m log")}
    preview(qtbot, page)
    assert "pip can't do it: no." in shown(page) and page.install.log_button.isVisible()
    assert page.store.log == "a\x1b[31m log"
    page.install.drop.click()
    assert not page.install.told.isVisible()
    Work.answers = {False: READY}
    Work.outcome = Outcome(
        done=False, sentence="It broke.", left="This is different now: numpy 2.4 (was 2.3)."
    )
    preview(qtbot, page)
    page.install.go.click()
    qtbot.waitUntil(lambda: bool(page.store.failure))
    assert "It broke. This is different now: numpy 2.4 (was 2.3)." in shown(page)


def test_what_a_job_may_use_is_not_replaced_meanwhile(qtbot, page, session) -> None:
    preview(qtbot, page)
    session.show_jobs(JobState(id="a", kind="embed", title="Embed", status=Status(state="running")))
    assert not page.install.go.isEnabled() and viewing.WAIT in shown(page)
    session.show_jobs(JobState(id="a", kind="embed", title="Embed", status=Status(state="done")))
    assert page.install.go.isEnabled() and viewing.WAIT not in shown(page)


def test_removing_is_previewed_too(qtbot, page) -> None:
    Work.answers = {
        False: Plan(
            action="remove",
            what="calm",
            kind="package",
            plugin="calm",
            version="1.2",
            provides={"methods": {"calm_dino": "A method."}},
            changes=(Change(package="calm", before="1.2", after=""),),
        )
    }
    page.list.go_to("calm")
    page.details.remove.click()
    qtbot.waitUntil(lambda: page.store.plan is not None)
    assert page.install.go.text() == "Remove" and page.install.changes.lines == ["calm  1.2  –  goes"]
    assert "What it brings goes with it: calm_dino." in shown(page)


def test_folders_are_opened_where_plugins_lie(qtbot, page, monkeypatch) -> None:
    opened = []
    monkeypatch.setattr(viewing, "show_in_file_manager", lambda path: opened.append(path) or "")
    page.list.go_to("calm")
    page.details.folder.click()
    page.commands.run("plugins.folder")
    assert opened[0] == Path("/x/calm") and opened[1].parent == plugins.plugin_folder()
    assert plugins.plugin_folder().is_dir()


def test_views_that_have_changed_since_they_were_shown_need_a_restart(qtbot, page, monkeypatch) -> None:
    assert restart_needed(THREE[0]) == ""
    monkeypatch.setitem(plugin_views._loaded, ("calm", "now"), {})
    assert restart_needed(THREE[0]) == ""
    monkeypatch.delitem(plugin_views._loaded, ("calm", "now"))
    monkeypatch.setitem(plugin_views._loaded, ("calm", "before"), {})
    page.list.go_to("torn")
    page.list.go_to("calm")
    assert "restart the program" in restart_needed(THREE[0]) and restart_needed(THREE[0]) in shown(page)


def test_words() -> None:
    assert heading(()) == heading((), tried=False) == "No plugin is installed"
    assert heading(THREE, tried=False) == "3 plugins, being tried"
    both = {"methods": {"a": ""}, "views": {"b": ""}, "backbones": {}}
    assert where_found(both) == "What it brings is found in Pretrain and Views." and where_found({}) == ""
    assert heading(THREE[:1]) == "1 plugin, and it works"
    assert heading(THREE[2:]) == "1 plugin, and it is broken"
    assert heading((THREE[0], plugin("b"))) == "2 plugins, and all work"
    assert (
        heading((THREE[0], plugin("b", "off"), plugin("c", "incompatible")))
        == "3 plugins, 1 of them incompatible, 1 off"
    )
    unreadable = Plugin(
        found=Found(name="x", origin="file", place=Path(), error="No."),
        state="broken",
        error="No.",
        traceback="",
    )
    assert switch_word(unreadable) == "" and switch_word(THREE[2]) == "Try again"

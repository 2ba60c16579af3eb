"""The memo's drawings: well-formed, to scale, with words instead, and of no colour that the page doesn't name."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from workbench.decide.memo.as_html import page_ink
from workbench.decide.memo.charts import Curve, Spread, budget_curves, confusion, seed_spread
from workbench.decide.memo.map_chart import MOST_POINTS, draw_map, thinned
from workbench.decide.memo.svg import Svg, num, shortened

SVG = "{http://www.w3.org/2000/svg}"


def read(text: str) -> ElementTree.Element:
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg" and root.get("role") == "img"
    assert root.findtext(f"{SVG}title") and root.findtext(f"{SVG}desc")
    assert not re.search(r"#[0-9a-f]{6}|<style|<script|href", text)
    _, _, width, height = map(float, str(root.get("viewBox")).split())
    for element in root.iter():
        for axis, most in (
            ("x", width),
            ("cx", width),
            ("x1", width),
            ("y", height),
            ("cy", height),
            ("y1", height),
        ):
            assert -1 <= float(element.get(axis, 0)) <= most + 1
    return root


def lines(root: ElementTree.Element, ink: str) -> list[ElementTree.Element]:
    return [line for line in root.iter(f"{SVG}line") if line.get("stroke") == f"var(--{ink})"]


def rung(name: str, values: tuple[float, ...], interval: tuple[float, float] | None) -> Spread:
    return Spread(name=name, values=values, mean=float(np.mean(values)), interval=interval, value="0.9")


def test_seeds_stand_to_scale_beside_the_threshold() -> None:
    rungs = (rung("A & <b>", (0.6, 0.7), (0.55, 0.75)), rung("B", (0.9,), None))
    root = read(seed_spread(rungs, 0.8, "macro-F1", "in words", page_ink))
    dots = [float(dot.get("cx", 0)) for dot in root.iter(f"{SVG}circle")]
    (threshold,) = [float(line.get("x1", 0)) for line in lines(root, "bad")]
    assert len(dots) == 3 and dots[0] < dots[1] < threshold < dots[2]
    per_point = (dots[1] - dots[0]) / 10
    assert abs((threshold - dots[1]) / per_point - 10) < 0.1
    whisker = lines(root, "accent")[0]
    assert abs((float(whisker.get("x2", 0)) - float(whisker.get("x1", 0))) / per_point - 20) < 0.2
    assert "A & <b>" in [text.text for text in root.iter(f"{SVG}text")]


def test_rungs_of_one_score_and_without_a_threshold() -> None:
    read(seed_spread((rung("A", (1.0, 1.0), (1.0, 1.0)),), None, "accuracy", "w", page_ink))
    read(seed_spread((rung("A", (0.0,), None),), 1.0, "accuracy", "w", page_ink))


def test_budgets_rise_on_a_logarithmic_scale_each_with_its_own_shape() -> None:
    curves = [
        Curve(
            name=f"M{n}",
            labels=(100, 200, 400),
            means=(0.5, 0.6, 0.7 + n / 100),
            intervals=(None, (0.5, 0.7), None),
        )
        for n in range(3)
    ]
    root = read(budget_curves(curves, 0.75, "macro-F1", "w", page_ink))
    drawn = list(root.iter(f"{SVG}polyline"))
    assert (
        len({line.get("stroke-dasharray") for line in drawn})
        == len({line.get("stroke") for line in drawn})
        == 3
    )
    points = [tuple(map(float, pair.split(","))) for pair in str(drawn[0].get("points")).split()]
    assert abs((points[1][0] - points[0][0]) - (points[2][0] - points[1][0])) < 0.2
    assert abs((points[0][1] - points[1][1]) - (points[1][1] - points[2][1])) < 0.2
    shapes = {tag: len(list(root.iter(SVG + tag))) for tag in ("circle", "rect", "polygon")}
    assert shapes == {"circle": 4, "rect": 4, "polygon": 4}  # three points and the legend


def test_confusion_counts_and_shades() -> None:
    counts = ((8, 2), (0, 5))
    root = read(confusion(("a", "b"), counts, "t", "w", page_ink))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert [number for number in texts if number and number.isdigit()] == ["8", "2", "5"]
    shades = [
        float(box.get("fill-opacity", 1))
        for box in root.iter(f"{SVG}rect")
        if box.get("fill") == "var(--accent)"
    ]
    assert shades == [0.82, 0.28, 1.0]
    many = read(confusion([str(n) for n in range(40)], np.eye(40, dtype=int).tolist(), "t", "w", page_ink))
    assert len(list(many.iter(f"{SVG}text"))) == 1, "no names that would overlap"
    assert len(list(many.iter(f"{SVG}rect"))) == 1 + 40
    read(
        confusion(["a very long name of a class " * 3] * 8, np.eye(8, dtype=int).tolist(), "t", "w", page_ink)
    )


def test_a_map_is_thinned_the_same_each_time_and_keeps_its_aspect() -> None:
    rng = np.random.default_rng(1)
    places = rng.normal(size=(5000, 3)) * [2, 1, 1]
    places[7] = np.nan
    labels = [f"c{n % 9}" if n % 10 else "" for n in range(5000)]
    points = thinned(places, labels)
    assert len(points.code) == MOST_POINTS and points.total == 5000 and np.isfinite(points.places).all()
    text = draw_map(points, "t", "w", page_ink)
    assert text == draw_map(thinned(places, labels), "t", "w", page_ink)
    root = read(text)
    dots = [
        pair for path in root.iter(f"{SVG}path") for pair in re.findall(r"M(\S+) (\S+?)h", str(path.get("d")))
    ]
    assert len(dots) == MOST_POINTS
    drawn = np.array(dots, float)
    spread, real = np.ptp(drawn, axis=0), np.ptp(points.places, axis=0)
    assert abs(spread[0] / spread[1] - real[0] / real[1]) < 0.02
    read(draw_map(thinned(np.zeros((2, 2)), ["a", "a"]), "t", "w", page_ink))


def test_numbers_and_long_names() -> None:
    assert [num(value) for value in (1.0, 1.25, -0.01, 100.04)] == ["1", "1.2", "0", "100"]
    assert shortened("short", 200) == "short"
    cut = shortened("a-very-long-name-that-ends-in-its-number-12", 120)
    assert "…" in cut and cut.endswith("12") and len(cut) <= 18
    svg = Svg(10, 10, page_ink, title="a\u202e<", words='"')
    assert "\\u202e&lt;" in svg.made() and "&quot;" in svg.made()

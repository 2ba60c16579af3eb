"""The health card: what the collapse doctor measured, line by line, with a word for each."""

from __future__ import annotations

from workbench.engine.pretrain import symptoms
from workbench.engine.pretrain.symptoms import Block
from workbench.records.pretraining import HealthRow
from workbench.records.results import Finding

CLIPPED = 0.1  # share of clipped steps that is told as a warning
OF = {  # the row of the card that a finding colours
    symptoms.POINT: "spread",
    symptoms.DIMENSIONS: "rank",
    symptoms.PEAKED: "entropy",
    symptoms.UNIFORM: "entropy",
    symptoms.GRADIENT: "gradient",
    symptoms.EXPLODING: "loss",
    symptoms.RISING: "loss",
    symptoms.FLAT: "loss",
    symptoms.NOT_FINITE: "loss",
}
WORDS = {
    symptoms.POINT: "all alike",
    symptoms.DIMENSIONS: "few directions",
    symptoms.PEAKED: "one prototype",
    symptoms.UNIFORM: "uniform",
    symptoms.GRADIENT: "exploding",
    symptoms.EXPLODING: "exploding",
    symptoms.RISING: "rising",
    symptoms.FLAT: "not moving",
    symptoms.NOT_FINITE: "not a number",
}


def rows(block: Block, findings: list[Finding], clip: float) -> tuple[HealthRow, ...]:
    """The lines of the health card. A line is as bad as the worst finding about it."""
    found: dict[str, tuple[str, str]] = {}
    for finding in findings:
        place = OF[finding.name]
        if place == "entropy" and block.each is None:
            place = "loss"  # a loss of ln K where there are no prototypes
        found.setdefault(place, (finding.severity, WORDS[finding.name]))
    made = []
    if block.spread is not None:
        made.append(
            _row(
                "Feature spread",
                f"{block.spread:.2f}" if block.spread >= 0.1 else f"{block.spread:.2g}",
                found.get("spread"),
                "Standard deviation of the vectors at length 1 over the images of a batch, times the root of their "
                "width: 0 where all images look alike, about 1 where vectors point anywhere.",
            )
        )
    if block.rank is not None and block.centred is not None:
        made.append(
            _row(
                f"Effective rank (RankMe, N = {block.count:,})",
                f"{block.rank:.0f} of {block.most}",
                found.get("rank"),
                "How many directions the vectors of N images use: e to the entropy of their singular values' shares "
                "(Garrido et al. 2023). It grows with N and is low in untrained networks, so compare a run with "
                "itself.",
            )
        )
        made.append(
            _row(
                "Effective rank without the mean",
                f"{block.centred:.0f} of {block.most}",
                found.get("rank"),
                "The same of the vectors less their mean, which sees few directions even where the mean is large, "
                "and can't see that all vectors are alike.",
            )
        )
    if block.each is not None and block.ln_k is not None:
        made.append(
            _row(
                "Teacher entropy against ln K",
                f"{block.each:.1f} / {block.ln_k:.1f}",
                found.get("entropy"),
                "Mean entropy of what the teacher says of an image, in nats: ln K where all K prototypes are equally "
                "likely, 0 where it is sure of one.",
            )
        )
    if block.gradient is not None:
        share = f"clipped {100 * block.clipped:.0f} %"
        often = ("warn", share) if block.clipped >= CLIPPED else None
        made.append(
            _row(
                "Gradient norm",
                f"{block.gradient:.2g}",
                found.get("gradient", often),
                "Median length of the whole gradient since the last check"
                + (f", before it was clipped to {clip:g}." if clip else "."),
                share if block.clipped else "healthy",
            )
        )
    guess = f" / {block.uniform:.2f}" if block.uniform is not None else ""
    made.append(
        _row(
            "Loss against a guess" if guess else "Loss",
            ("none" if block.loss is None else f"{block.loss:.3g}") + guess,
            found.get("loss"),
            "Median of the steps since the last check"
            + (
                ", against the loss of a network that says the same of everything (ln K)."
                if guess
                else ", of the method's own loss; only its course tells something."
            ),
        )
    )
    return tuple(made)


def _row(
    name: str, value: str, wrong: tuple[str, str] | None, means: str, healthy: str = "healthy"
) -> HealthRow:
    state, word = wrong or ("good", healthy)
    return HealthRow(name=name, value=value, state=state, word=word, means=means)

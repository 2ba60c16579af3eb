"""What the collapse doctor makes of its measurements: causes with a name, from a few blocks of steps.

A block is what happened between two checks. Most causes need two blocks running, for one may be a stumble; and what
an untrained network looks like is no symptom: its vectors use few directions and may lie close, its loss is that of
a guess. So vectors are compared with the network's own best, and a loss with where it began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.records.results import Finding
from workbench.records.text import count

NOT_FINITE = "not a finite number"
EXPLODING = "exploding loss"
GRADIENT = "exploding gradient"
POINT = "point collapse"
PEAKED = "peaked output"
UNIFORM = "uniform output"
DIMENSIONS = "dimensional collapse"
RISING = "loss rising"
FLAT = "loss not moving"

DEAD = 1e-3  # spread: no network that is alive was found below it, however alike the images
ALIKE, CLOSE = 0.05, 0.1  # spread
FELL = 0.25  # of the widest spread before
HELD = (
    0.25  # directions that hold more than rounding, of those that could; a ResNet-18 in good health kept .89
)
RANK_FELL = (
    0.33  # of the best effective rank before. Alone it says nothing: the same ResNet fell to .18 and learnt
)
LOW_RANK = 2.0  # directions, however many there are: DINO in good health was found at 5 of 96
SURE = 0.1  # of the directions
ENOUGH = 64  # vectors, below which directions aren't judged
LIKE = (
    0.8  # share of the vectors, below which two ranks can't be compared, for a rank grows with their number
)
ONE_PROTOTYPE, FEW_PROTOTYPES = 0.2, 0.7  # nats: 1.2 and 2 prototypes
ENOUGH_ROWS = 32
NEAR_UNIFORM = 0.01  # of ln K
ENTROPY_UNIFORM = 0.02
LEARNT = 0.05  # of ln K: a loss that was so far below has learnt something
ABOVE = 0.25  # of the start (or of ln K, or 1 where they are smaller)
FAR_ABOVE = 10.0
STEEP, STEEPER = 100.0, 1000.0  # times the first gradients
GAINED, LOST = 0.2, 0.5
NO_GRADIENT = 1e-8  # of the first gradients
STILL = 1e-3  # of the loss
TELLING = 0.02  # of the loss: with more noise it can't be told within so few steps whether it moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The steps between two checks, in numbers. None: not measured, or not finite."""

    step: int  # the last
    steps: int
    loss: float | None  # median
    noise: float  # standard deviation of the loss
    gradient: float | None  # median norm
    rate: float  # learning rate
    clipped: float  # share of the steps whose gradient was clipped
    warming: bool  # whether the learning rate was still rising at the first of these steps
    finite: bool  # whether loss, gradient and vectors all were
    uniform: float | None  # loss of a uniform output
    output_spread: float | None = None  # of the method's own outputs, where it tells it
    spread: float | None = None
    count: int = 0  # vectors; the rest is collapse.Ranks
    most: int = 0
    rank: float | None = None
    centred: float | None = None
    held: int = 0
    cliff: int = 0
    rows: int = 0  # of outputs; the rest is collapse.Outputs
    each: float | None = None
    all: float | None = None
    ln_k: float | None = None


@dataclass(slots=True, kw_only=True)
class Past:
    """What is remembered of a run: how it began, the best of each, the last blocks."""

    start_loss: float | None = None  # median of the first steps
    start_gradient: float | None = None
    first_loss: float | None = None  # median of the first whole block
    first_noise: float = 0.0
    best_loss: float | None = None  # lowest median of a block
    widest: float = 0.0  # spread
    widest_output: float = 0.0
    best_rank: float = 0.0  # centred, of `rank_count` vectors
    rank_count: int = 0
    blocks: tuple[Block, ...] = ()  # the last ones, before the present

    def running(self, block: Block, number: int) -> tuple[Block, ...] | None:
        """The last `number` whole blocks, the present one the last; None where there aren't so many."""
        blocks = (*(old for old in self.blocks if old.steps > 1), block)[-number:]
        return blocks if len(blocks) == number else None


def find(past: Past, block: Block, *, family: str, images: int, trained: bool, peak: float) -> list[Finding]:
    """What is wrong, the likeliest root first.

    Args:
        family: of the method: "contrast", "distillation", "reconstruction" or "".
        images: to learn from; 0 where that isn't known.
        trained: whether heads and all come from a training, so that a loss may stay where it is.
        peak: highest learning rate of the run.
    """
    if not block.finite:
        return [_not_finite(block)]
    found: dict[str, Finding] = {}
    for rule in (_exploding, _gradient, _point, _peaked):
        finding = rule(past, block, family, peak)
        if finding is not None:
            found[finding.name] = finding
    if not found.keys() & {EXPLODING, POINT, PEAKED}:
        _keep(found, _uniform(past, block, family))
    alike_soon = block.spread is not None and block.spread < min(ALIKE, FELL * past.widest)
    if POINT not in found and not alike_soon:
        _keep(found, _dimensions(past, block, family, images))
    if not found:
        _keep(found, _rising(past, block, peak))
    if not found:
        _keep(found, _flat(past, block, trained, peak))
    return list(found.values())


def _keep(found: dict[str, Finding], finding: Finding | None) -> None:
    if finding is not None:
        found[finding.name] = finding


def _finding(name: str, severity: Literal["warn", "bad"], advice: str) -> Finding:
    return Finding(name=name, severity=severity, advice=advice)


def _not_finite(block: Block) -> Finding:
    return _finding(
        NOT_FINITE,
        "bad",
        f"By step {block.step:,} the loss, its gradient or the network's vectors were no longer finite numbers "
        f"(learning rate {block.rate:.3g}). A number grew beyond what the arithmetic holds: the learning rate is too "
        "high, the warm-up too short, or bf16 too coarse. Go on from a checkpoint before it with half the learning "
        "rate, or in fp32.",
    )


def _exploding(past: Past, block: Block, family: str, peak: float) -> Finding | None:
    """A loss above its start and above that of a guess. A queue of random vectors makes MoCo begin below ln K and
    rise to it: that is no explosion."""
    if past.start_loss is None or block.loss is None:
        return None
    guess = past.start_loss if block.uniform is None else max(past.start_loss, block.uniform)
    scale = max(abs(guess), 1.0)
    last = past.running(block, 2) or ()
    twice = len(last) == 2 and all(one.loss is not None and one.loss > guess + ABOVE * scale for one in last)
    if not twice and block.loss <= guess + FAR_ABOVE * scale:
        return None
    return _finding(
        EXPLODING,
        "bad",
        f"The loss is {block.loss:.3g}, above {guess:.3g}, which it began with or a guess would have: the steps make "
        f"it worse. The learning rate of {block.rate:.3g} (peak {peak:.3g}) is too high for this batch size "
        "and these images, or the warm-up too short. Go on from an earlier checkpoint with a third of it, or with a "
        "longer warm-up.",
    )


def _gradient(past: Past, block: Block, family: str, peak: float) -> Finding | None:
    last = past.running(block, 2)
    if past.start_gradient is None or not past.start_gradient or last is None or block.loss is None:
        return None
    times = min((one.gradient or 0.0) for one in last) / past.start_gradient
    learns = past.start_loss is not None and block.loss < past.start_loss - 0.1 * max(
        abs(past.start_loss), 1e-6
    )
    if times < (STEEPER if learns else STEEP):
        return None
    return _finding(
        GRADIENT,
        "warn" if learns else "bad",
        f"The gradient's norm is {block.gradient:.3g}, {times:,.0f} times that of the first steps. The training is "
        f"about to come apart: the learning rate of {block.rate:.3g} (peak {peak:.3g}) is likely too high. Halve it, "
        "lengthen the warm-up, or clip the gradient.",
    )


def _point(past: Past, block: Block, family: str, peak: float) -> Finding | None:
    """All vectors alike. The network's own, or what the method makes of them, where it tells that."""
    sure, near = _alike(past, block, "spread", past.widest), False
    where, value = "The network's vectors", block.spread
    if not sure:
        sure = _alike(past, block, "output_spread", past.widest_output)
        where, value = ("The outputs of the method's head", block.output_spread) if sure else (where, value)
    if not sure:
        near = _alike(past, block, "spread", past.widest, CLOSE)
    if not sure and not near:
        return None
    mend = {
        "contrast": "In a contrast of views this comes of a learning rate that is too high or a temperature that is "
        "too low, or of images that hardly differ. Lower the learning rate",
        "distillation": "Here a network learns from a copy of itself, and to say the same of every image is the easy "
        "way out. It comes of a learning rate that is too high, or of a teacher that moves too fast. Lower the "
        "learning rate or raise the teacher's momentum",
    }.get(family, "It comes of a learning rate that is too high, or of images that hardly differ. Lower it")
    return _finding(
        POINT,
        "bad" if sure else "warn",
        f"{where} are nearly the same for every image: their spread is {value:.3g}, and about 1 is healthy. Nothing "
        f"can be told apart by them. {mend}, and go on from a checkpoint before it, or start anew.",
    )


def _alike(past: Past, block: Block, field: str, widest: float, bar: float = ALIKE) -> bool:
    last = past.running(block, 2)
    values: list[float | None] = [getattr(one, field) for one in last or ()]
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return False
    return max(known) < DEAD or max(known) < min(bar, FELL * widest)


def _peaked(past: Past, block: Block, family: str, peak: float) -> Finding | None:
    last = past.running(block, 2)
    if last is None or min(one.rows for one in last) < ENOUGH_ROWS:
        return None
    entropy = max(one.all if one.all is not None else 99.0 for one in last)
    if entropy > FEW_PROTOTYPES:
        return None
    return _finding(
        PEAKED,
        "bad" if entropy < ONE_PROTOTYPE else "warn",
        f"The teacher gives nearly every image the same prototype (entropy of the mean output {block.all:.2f}, of "
        f"{block.ln_k:.1f} that there could be), so that there is nothing left to learn. Its centre doesn't keep up, "
        "or its temperature is too low. Raise the teacher's temperature or let the centre follow faster (a smaller "
        "centre momentum), and start anew.",
    )


def _uniform(past: Past, block: Block, family: str) -> Finding | None:
    """A loss of ln K, long after the warm-up. Before, every network says so, for it knows nothing."""
    guess = block.uniform if block.uniform is not None else block.ln_k
    if guess is None:
        return None
    fell_back = past.best_loss is not None and past.best_loss < (1 - LEARNT) * guess
    last = past.running(block, 2 if fell_back else 3)
    if last is None or not all(_says_nothing(one) for one in last):
        return None
    first, now = last[0], block
    if first.loss is None or now.loss is None:
        return None
    error = 3 * max(first.noise, now.noise) * (2 / min(first.steps, now.steps)) ** 0.5
    if first.loss - now.loss > max(error, STILL * guess):
        return None  # slowly, it moves
    long = past.running(block, 8)
    sure = fell_back or (long is not None and all(_says_nothing(one) for one in long))
    back = f" It had been down to {past.best_loss:.3g} before." if fell_back else ""
    if block.each is not None and block.ln_k is not None:
        what = f"The teacher's entropy is {block.each:.2f} of ln K = {block.ln_k:.2f}"
        mend = (
            "The teacher's temperature is too high, or the centre takes everything away. Lower the teacher's "
            "temperature (0.04 is usual), take fewer prototypes, or a higher learning rate if it is very low"
        )
    else:
        what = "Every picture looks as near as every other"
        mend = (
            "The learning rate is too low or far too high, or the views have nothing in common. Change the learning "
            "rate by a factor of three, take gentler crops, or a lower temperature"
        )
    return _finding(
        UNIFORM,
        "bad" if sure else "warn",
        f"The loss stays at {now.loss:.3f}, which is what a network that says the same of everything gets "
        f"({guess:.3f}).{back} {what}. {mend}.",
    )


def _says_nothing(block: Block) -> bool:
    if block.warming or block.loss is None:
        return False
    if block.uniform is not None:
        return abs(block.loss - block.uniform) <= NEAR_UNIFORM * block.uniform
    if block.each is None or block.ln_k is None:
        return False
    return block.each >= (1 - ENTROPY_UNIFORM) * block.ln_k


def _dimensions(past: Past, block: Block, family: str, images: int) -> Finding | None:
    """Vectors that lie in few directions: their spectrum breaks off, or holds nothing but rounding after a few, or
    RankMe is both low and far below its best. RankMe alone tells little here: it falls in good health too, while a
    network learns its first large distinctions, but then the small directions are still there."""
    last = past.running(block, 2)
    if last is None or min(one.count for one in last) < ENOUGH or any(one.centred is None for one in last):
        return None
    cliff = max(one.cliff for one in last) if min(one.cliff for one in last) else 0
    most = min(block.most, images or block.most)  # few pictures need no more directions than they are
    if cliff > most // 2:
        cliff = 0
    held = max(one.held for one in last)
    rank = max(one.centred or 0.0 for one in last)
    comparable = block.count >= LIKE * past.rank_count and past.best_rank > 0
    fell = comparable and rank < RANK_FELL * past.best_rank
    few = [number for number in (cliff, held if held <= HELD * most else 0) if number]
    if not few and not (fell and rank <= LOW_RANK):
        return None
    directions = min(few) if few else round(block.centred or 0.0)
    before = f"; at the best it was {past.best_rank:.0f}" if fell else ""
    mend = {
        "contrast": "It comes of views that differ too much, of too few negatives, or of a learning rate that is too "
        "high. Take gentler views, a larger batch or a lower rate",
        "distillation": "It comes of a learning rate or weight decay that is too high, or of views that differ too "
        "much. Lower them, or raise the teacher's momentum",
        "reconstruction": "The hidden parts can be guessed from a few coarse features. Hide more, or take a lower "
        "weight decay",
    }.get(family, "Lower the learning rate or the weight decay, or take gentler views")
    return _finding(
        DIMENSIONS,
        "bad" if few and directions <= SURE * block.most else "warn",
        f"The vectors lie in about {count(directions, 'direction')} of {block.most} (effective rank without the mean "
        f"{block.centred:.0f}{before}; {block.count:,} vectors). What only the others could tell apart is lost. "
        f"{mend}.",
    )


def _rising(past: Past, block: Block, peak: float) -> Finding | None:
    """Half of what was learnt is gone again. During the warm-up a loss may wander."""
    last = past.running(block, 2)
    if last is None or past.start_loss is None or past.best_loss is None or any(one.warming for one in last):
        return None
    if _says_nothing(block):
        return None  # a uniform output, soon
    gained = past.start_loss - past.best_loss
    if gained < GAINED * max(abs(past.start_loss), 0.1):
        return None
    if any(one.loss is None or one.loss < past.best_loss + LOST * gained for one in last):
        return None
    return _finding(
        RISING,
        "warn",
        f"The loss is back at {block.loss:.3g} after {past.best_loss:.3g}; it began at {past.start_loss:.3g}. The "
        f"learning rate of {block.rate:.3g} (peak {peak:.3g}) is likely too high. Branch from the checkpoint before "
        "the rise with half of it.",
    )


def _flat(past: Past, block: Block, trained: bool, peak: float) -> Finding | None:
    last = past.running(block, 3)
    if last is None or any(one.warming or one.loss is None for one in last):
        return None
    if all((one.gradient or 0.0) <= NO_GRADIENT * (past.start_gradient or 1.0) for one in last[1:]):
        return _finding(
            FLAT,
            "bad",
            f"The gradient's norm is {block.gradient or 0:.3g}: nothing reaches the weights, and the loss stays at "
            f"{block.loss:.3g}. Either all of the network is frozen, or its outputs no longer depend on its inputs. "
            "Start anew, with a lower learning rate if this came later on.",
        )
    if trained or past.first_loss is None or _says_nothing(block):
        return None
    scale = max(abs(past.first_loss), 1e-6)
    noise = max(past.first_noise, *(one.noise for one in last))
    error = 3 * noise * (1 / block.steps + 1 / sum(one.steps for one in last)) ** 0.5
    moved = abs(sum(one.loss or 0.0 for one in last) / len(last) - past.first_loss)
    if error > TELLING * scale or moved > max(error, STILL * scale):
        return None
    return _finding(
        FLAT,
        "warn",
        f"The loss is {block.loss:.4g}, as at the start ({past.first_loss:.4g}), though the warm-up is over. The "
        f"learning rate of {block.rate:.3g} (peak {peak:.3g}) is likely too low: take ten times as much, or wait if "
        "the run is a long one.",
    )

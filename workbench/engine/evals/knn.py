"""k-nearest neighbours, by cosine and Euclidean: exact search, block by block, and DINO's weighted vote.

The search multiplies normalised blocks and keeps the best of each. Where the processor multiplies bfloat16
faster than float32, large searches are made in bfloat16 for a few more candidates than asked for, which
are then re-ranked in float32. That is a bound, not a hope: what bfloat16 can be wrong by is computed for
each query, and a query whose neighbours it can't prove is searched again in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import normalize

KS = (1, 5, 10, 20, 50, 100, 200)
TEMPERATURE = 0.07  # dino/eval_knn.py
QUERIES = 256  # rows of a block; with BANK, 16 MiB of float32 similarities: about a CPU's cache
BANK = 16384
QUERIES_CUDA, BANK_CUDA = 4096, 65536
GROUPS = 32
PIECE = 2048  # rows converted at a time
CANDIDATES = 80  # beyond k: enough to prove nearly every query on features whose classes form clusters
SPARE = 8  # float32 candidates beyond k, so that equals at the border fall to the lower index
FLOAT32_ERROR = 2e-5  # of a product of unit vectors, with room: sums of thousands of terms stay below 1e-6
GATHERED = 1 << 24  # numbers gathered at a time where distances are taken anew
COARSE_FROM = 20_000  # smaller banks are searched in float32: there is nothing to gain


def nearest(
    queries: torch.Tensor,
    bank: torch.Tensor,
    k: int,
    *,
    block: int | None = None,
    exclude_self: bool = False,
    device: str | torch.device = "cpu",
    coarse: bool | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k bank rows of highest cosine similarity to each query, best first, lower index first among equals.

    Args:
        queries: (Q, D), bank: (N, D), any float type. A row of zeros has similarity 0 to everything.
        k: clipped to the rows that exist.
        block: bank rows at a time.
        exclude_self: queries and bank are the same rows in the same order, and none is its own neighbour.
        coarse: search in bfloat16 first. None: where it is faster.
        on_progress: called with (queries done, Q); may raise to cancel.

    Returns:
        similarity (Q, k) float32 and index (Q, k) int64, on the CPU.

    Raises:
        ValueError: shapes that don't fit each other, k < 1, or no bank row to find.
    """
    if queries.ndim != 2 or bank.ndim != 2 or queries.shape[1] != bank.shape[1]:
        raise ValueError(f"queries {tuple(queries.shape)} and bank {tuple(bank.shape)} don't fit each other.")
    if exclude_self and len(queries) != len(bank):
        raise ValueError("exclude_self needs the queries to be the bank.")
    k = min(k, len(bank) - int(exclude_self))
    if k < 1:
        raise ValueError("a nearest-neighbour search needs k >= 1 and a bank that is not empty.")
    device = torch.device(device)
    queries = normalize(queries.to(device, torch.float32), dim=1)
    bank = bank.to(device, torch.float32)
    if coarse is None:
        coarse = len(bank) >= COARSE_FROM and _fast_bfloat16(device)
    width = block or (BANK_CUDA if device.type == "cuda" else BANK)
    height = QUERIES_CUDA if device.type == "cuda" else QUERIES
    similarity = torch.empty(len(queries), k)
    index = torch.empty(len(queries), k, dtype=torch.int64)
    inverse = 1 / torch.linalg.vector_norm(bank, dim=1, keepdim=True).clamp_min(1e-12)
    rough = _roughen(bank, inverse) if coarse else None
    for start in range(0, len(queries), height):
        some = queries[start : start + height]
        own = torch.arange(start, start + len(some), device=device) if exclude_self else None
        if rough is not None:
            best, where = _search_coarse(some, bank, inverse, rough, k, width, own)
        else:
            best, where = _order(*_search(some, bank, inverse, k + SPARE, width, own), k)
        similarity[start : start + len(some)] = best.cpu()
        index[start : start + len(some)] = where.cpu()
        if on_progress is not None:
            on_progress(start + len(some), len(queries))
    return similarity, index


def nearest_euclidean(
    rows: torch.Tensor,
    k: int,
    *,
    block: int | None = None,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k other rows of smallest Euclidean distance to each row, nearest first, lower index first among equals.

    b is near q where q.b - |b|^2 / 2 is large, so this is a search by products too. They are of rows less their mean,
    which leaves fewer digits to cancel; the best are ranked anew by their differences, which cancel nothing.

    Args:
        rows: (N, D), any float type. k: clipped to the rows that exist.
        block, on_progress: as for `nearest`.

    Returns:
        distance (N, k) float32 and index (N, k) int64, on the CPU.

    Raises:
        ValueError: not a table, k < 1, or fewer than two rows.
    """
    if rows.ndim != 2:
        raise ValueError(f"a nearest-neighbour search needs a table of rows, not shape {tuple(rows.shape)}.")
    k = min(k, len(rows) - 1)
    if k < 1:
        raise ValueError("a nearest-neighbour search needs k >= 1 and a bank that is not empty.")
    device = torch.device(device)
    rows = rows.to(device, torch.float32)
    rows = rows - rows.mean(0)
    half = rows.square().sum(1) / 2
    width = block or (BANK_CUDA if device.type == "cuda" else BANK)
    height = QUERIES_CUDA if device.type == "cuda" else QUERIES
    distance = torch.empty(len(rows), k)
    index = torch.empty(len(rows), k, dtype=torch.int64)
    for start in range(0, len(rows), height):
        some = rows[start : start + height]
        own = torch.arange(start, start + len(some), device=device)
        where = _search(some, rows, None, min(k + SPARE, len(rows) - 1), width, own, less=half)[1]
        apart = distances(some, rows, where)
        nearness, where = _order(-apart, where, k)
        distance[start : start + len(some)] = (-nearness).cpu()
        index[start : start + len(some)] = where.cpu()
        if on_progress is not None:
            on_progress(start + len(some), len(rows))
    return distance, index


def distances(queries: torch.Tensor, bank: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """(Q, k) Euclidean distances of the queries (Q, D) to the bank's rows `where` (Q, k); of equals exactly 0."""
    apart = torch.empty(where.shape, dtype=queries.dtype, device=queries.device)
    step = max(1, GATHERED // max(where.shape[1] * bank.shape[1], 1))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        apart[part] = torch.linalg.vector_norm(bank[where[part]] - queries[part, None], dim=2)
    return apart


@dataclass(slots=True)
class _Rough:
    """The bank to search in first: unit rows less their mean, in bfloat16.

    Subtracting the mean moves all similarities of a query alike, so the ranking stays, and what is left is
    shorter, so less is rounded away.
    """

    rows: torch.Tensor  # (N, D) bfloat16
    mean: torch.Tensor  # (D,) float32
    longest: float  # norm of the longest centred row
    slack: float  # norm of the most that the rounding took from one


def _roughen(bank: torch.Tensor, inverse: torch.Tensor) -> _Rough:
    """Args: bank (N, D) float32; inverse (N, 1), one over the rows' norms. In pieces that stay in the cache."""
    mean = (inverse.T @ bank)[0] / len(bank)
    half = torch.empty_like(bank, dtype=torch.bfloat16)
    longest = slack = torch.zeros((), device=bank.device)
    pieces = zip(bank.split(PIECE), inverse.split(PIECE), half.split(PIECE), strict=True)
    for rows, scale, rounded in pieces:
        centred = torch.addcmul(-mean, rows, scale)
        rounded.copy_(centred)
        longest = torch.maximum(longest, torch.linalg.vector_norm(centred, dim=1).max())
        slack = torch.maximum(slack, torch.linalg.vector_norm(centred.sub_(rounded), dim=1).max())
    return _Rough(half, mean, float(longest), float(slack))


def _search(
    queries: torch.Tensor,
    bank: torch.Tensor,
    inverse: torch.Tensor | None,
    k: int,
    width: int,
    own: torch.Tensor | None,
    less: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Unordered top k of one block of queries against the whole bank, in the bank's precision. The products
    are scaled by `inverse` (N, 1), and `less` (N,) is taken from them, where these are given."""
    k = min(k, len(bank))
    best = torch.empty(len(queries), 0, dtype=bank.dtype, device=bank.device)
    where = torch.empty(len(queries), 0, dtype=torch.int64, device=bank.device)
    for start in range(0, len(bank), width):
        part = queries @ bank[start : start + width].T
        if inverse is not None:
            part *= inverse[start : start + width, 0]
        if less is not None:
            part -= less[start : start + width]
        if own is not None:
            inside = ((own >= start) & (own < start + part.shape[1])).nonzero()[:, 0]
            part[inside, own[inside] - start] = -torch.inf
        values, positions = _top(part, k)
        best, where = torch.cat([best, values], 1), torch.cat([where, positions + start], 1)
        if best.shape[1] > k:
            best, chosen = best.topk(k, dim=1, sorted=False)
            where = where.gather(1, chosen)
    return best, where


def _top(values: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Unordered top k of each row. A row's k largest lie in the k groups of the largest group maxima, and
    those maxima take one fast pass where a selection takes several."""
    rows, columns = values.shape
    each = columns // GROUPS
    if each < 4 * k:
        return values.topk(min(k, columns), dim=1, sorted=False)
    grouped = values[:, : each * GROUPS].unflatten(1, (GROUPS, each))
    leaders = grouped.amax(1).topk(k, dim=1, sorted=False).indices
    members = leaders[:, None, :] + (torch.arange(GROUPS, device=values.device) * each)[None, :, None]
    members = members.reshape(rows, -1)
    if each * GROUPS < columns:
        rest = torch.arange(each * GROUPS, columns, device=values.device).expand(rows, -1)
        members = torch.cat([members, rest], 1)
    best, chosen = values.gather(1, members).topk(k, dim=1, sorted=False)
    return best, members.gather(1, chosen)


def _order(best: torch.Tensor, where: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first k by descending similarity, then ascending index."""
    where, order = where.sort(dim=1)
    best, order = best.gather(1, order).sort(dim=1, descending=True, stable=True)
    return best[:, :k], where.gather(1, order)[:, :k]


def _search_coarse(
    queries: torch.Tensor,
    bank: torch.Tensor,
    inverse: torch.Tensor,
    rough: _Rough,
    k: int,
    width: int,
    own: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Search in bfloat16, re-rank in float32, search again in float32 where the result isn't proven.

    |q.b - q'.b'| <= |q - q'| |b| + |q'| |b - b'| for the rounded q' and b' (Cauchy-Schwarz), and the product
    is rounded to bfloat16 once more, by at most 2^-8 of itself. No row left out has a rough product above the
    worst candidate's, so none can be nearer than that product plus those errors.
    """
    rounded = queries.bfloat16()
    count = min(k + max(k, CANDIDATES), len(bank))
    products, where = _search(rounded, rough.rows, None, count, width, own)
    exact = torch.bmm(bank[where], queries[:, :, None])[:, :, 0] * inverse[where][:, :, 0]
    exact = exact.masked_fill(products == -torch.inf, -torch.inf)
    best, index = _order(exact, where, k)
    if count == len(bank):
        return best, index
    worst = products.amin(1).float().clamp_min(-4)
    lost = torch.linalg.vector_norm(queries - rounded.float(), dim=1)
    error = lost * rough.longest + (1 + lost) * rough.slack + worst.abs() * 2**-8 + FLOAT32_ERROR
    doubtful = best[:, -1] - queries @ rough.mean < worst + error
    again = doubtful.nonzero()[:, 0]
    if len(again):
        some = None if own is None else own[again]
        best[again], index[again] = _order(*_search(queries[again], bank, inverse, k + SPARE, width, some), k)
    return best, index


def _fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are done by the hardware: 2.5 times float32's speed on AVX512-BF16."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def usable_ks(ks: Sequence[int], available: int) -> tuple[int, ...]:
    """`ks` clipped to the neighbours that exist, ascending, each once."""
    if min(ks, default=0) < 1:
        raise ValueError(f"the numbers of neighbours must be 1 or more, not {list(ks)}.")
    return tuple(sorted({min(k, available) for k in ks}))


def knn_votes(
    similarity: torch.Tensor, labels: torch.Tensor, num_classes: int, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """(Q, num_classes) float64 sums of exp(similarity / temperature) over the neighbours of each class.

    Args:
        similarity: (Q, k) cosine. labels: (Q, k) int64 class codes of the neighbours.
    """
    # Relative to similarity 1, the largest that there is: the same ranking, and no overflow at a small
    # temperature.
    weights = ((similarity.double() - 1) / temperature).exp()
    return torch.zeros(len(labels), num_classes, dtype=torch.float64).scatter_add_(1, labels, weights)


def knn_predict(
    similarity: torch.Tensor,
    labels: torch.Tensor,
    num_classes: int,
    ks: Sequence[int],
    temperature: float = TEMPERATURE,
) -> torch.Tensor:
    """(len(ks), Q) int64: the class of most votes among the first k neighbours, for each k; the lower code
    among equals.

    Args:
        similarity, labels: (Q, max(ks)) as `nearest` orders them, labels being the neighbours' class codes.
        ks: ascending.
    """
    votes = torch.zeros(len(labels), num_classes, dtype=torch.float64)
    out = torch.empty(len(ks), len(labels), dtype=torch.int64)
    seen = 0
    for row, k in enumerate(ks):
        votes += knn_votes(similarity[:, seen:k], labels[:, seen:k], num_classes, temperature)
        out[row] = votes.argmax(1)
        seen = k
    return out

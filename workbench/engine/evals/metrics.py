"""Accuracy, macro-F1, balanced accuracy and the confusion matrix, from class codes.

Macro-F1 and balanced accuracy average over the classes that occur in the true labels of the items scored: a
class without a test item has no recall and is left out, in scikit-learn's words
`f1_score(labels=numpy.unique(truth), average="macro", zero_division=0)`. A wrong prediction still counts
against the class that it should have been.
"""

from __future__ import annotations

import numpy as np

IMBALANCE = 1.5  # largest over smallest class, above which accuracy flatters and macro-F1 is primary


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(n,), (n,) class codes -> (classes, classes) int64 counts, true class by predicted class."""
    pairs = truth.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def accuracy(table: np.ndarray) -> float:
    """Share of right predictions in a confusion matrix."""
    return float(np.trace(table) / table.sum())


def macro_f1(table: np.ndarray) -> float:
    """Mean over the true classes of 2 * right / (true + predicted)."""
    true, predicted = table.sum(1), table.sum(0)
    present = true > 0
    return float(np.mean(2 * np.diag(table)[present] / (true + predicted)[present]))


def balanced_accuracy(table: np.ndarray) -> float:
    """Mean recall over the true classes."""
    true = table.sum(1)
    present = true > 0
    return float(np.mean(np.diag(table)[present] / true[present]))


SCORES = {"macro_f1": macro_f1, "accuracy": accuracy, "balanced_accuracy": balanced_accuracy}


def primary_metric(labels: np.ndarray) -> str:
    """ "macro_f1" where the classes of `labels` (N,) differ in size by more than 1.5 times, else "accuracy"."""
    sizes = np.bincount(labels)
    sizes = sizes[sizes > 0]
    return "macro_f1" if len(sizes) and sizes.max() > IMBALANCE * sizes.min() else "accuracy"

"""Writes metrics.json: scikit-learn's values of the metrics for random data in random batches.

    python metrics.py > metrics.json
"""

import json

import numpy as np
from sklearn import metrics

rng = np.random.default_rng(1)


def cuts(samples):
    count = int(rng.integers(0, min(samples, 5)))
    return sorted(int(cut) for cut in rng.choice(np.arange(1, samples), count, replace=False))


def classes(samples, count, ties, missing):
    scores = rng.normal(size=(samples, count))
    if ties:
        scores = np.round(scores)
    labels = rng.integers(0, count, size=samples)
    if missing:
        # The first class has no samples.
        labels = np.maximum(labels, 1)
    else:
        labels[:count] = np.arange(count)
    predicted = scores.argmax(1)
    names = list(range(count))
    softmax = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    case = {
        "scores": scores.ravel().tolist(),
        "labels": labels.tolist(),
        "classes": count,
        "cuts": cuts(samples),
        "accuracy": metrics.accuracy_score(labels, predicted),
        "confusion": metrics.confusion_matrix(labels, predicted, labels=names).ravel().tolist(),
        "perplexity": float(np.exp(metrics.log_loss(labels, softmax, labels=names))),
    }
    # scikit-learn wants rows of probabilities, so the columns are compared one by one.
    mixed = [c for c in names if 0 < (labels == c).sum() < samples]
    if mixed:
        areas = [metrics.roc_auc_score(labels == c, scores[:, c]) for c in mixed]
        case["roc_auc"] = float(np.mean(areas))
    if not ties and count > 2:
        case["top_2"] = metrics.top_k_accuracy_score(labels, scores, k=2, labels=names)
    for name, function in [
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ]:
        for mean in ["macro", "micro", "weighted", None]:
            value = function(labels, predicted, labels=names, average=mean, zero_division=0)
            key = name + "_" + (mean or "by_class")
            case[key] = value.tolist() if mean is None else float(value)
    return case


def binary(samples, ties):
    scores = rng.normal(size=samples)
    if ties:
        scores = np.round(scores * 2)
    labels = rng.integers(0, 2, size=samples)
    labels[:2] = [0, 1]
    return {
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "cuts": cuts(samples),
        "roc_auc": metrics.roc_auc_score(labels, scores),
    }


def regression(samples, outputs, offset, scale):
    # Multiples of a power of two are the same numbers to every reader of JSON.
    targets = np.round(1024 * (offset + scale * rng.normal(size=(samples, outputs)))) / 1024
    predicted = targets + np.round(300 * scale * rng.normal(size=(samples, outputs))) / 1024
    if outputs == 3:
        targets[:, 1] = offset
        targets[:, 2] = predicted[:, 2] = offset
    return {
        "outputs": predicted.ravel().tolist(),
        "targets": targets.ravel().tolist(),
        "width": outputs,
        "cuts": cuts(samples),
        "mean_squared_error": metrics.mean_squared_error(targets, predicted),
        "root_mean_squared_error": float(np.sqrt(metrics.mean_squared_error(targets, predicted))),
        "mean_absolute_error": metrics.mean_absolute_error(targets, predicted),
        "r_squared": metrics.r2_score(targets, predicted),
    }


print(
    json.dumps(
        {
            "classes": [
                classes(int(rng.integers(8, 40)), int(rng.integers(2, 7)), ties, missing)
                for ties in [False, True]
                for missing in [False, True]
                for _ in range(8)
            ],
            "binary": [binary(int(rng.integers(3, 40)), ties) for ties in [False, True] * 12],
            "regression": [
                regression(int(rng.integers(2, 30)), outputs, offset, scale)
                for outputs in [1, 2, 3]
                for offset, scale in [(0.0, 1.0), (1e5, 1.0), (-3.0, 0.1), (5.0, 1e4)]
            ],
        }
    )
)

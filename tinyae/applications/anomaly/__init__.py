"""Anomaly detection: nets that learn what most rows are like, scores of rows and columns, thresholds, curves."""

from tinyae.applications.anomaly.baselines import PlainBaseline, baselines
from tinyae.applications.anomaly.blame import most_to_blame
from tinyae.applications.anomaly.curves import auroc, average_precision, precision_recall_curve, roc_curve
from tinyae.applications.anomaly.damage import damage
from tinyae.applications.anomaly.detector import Detector
from tinyae.applications.anomaly.fitting import fit_detector
from tinyae.applications.anomaly.labels import anomalies_of
from tinyae.applications.anomaly.storing import load, save
from tinyae.applications.anomaly.thresholds import (
    RULES,
    Threshold,
    by_budget,
    by_deviations,
    by_f1,
    by_quantile,
    by_rule,
    by_shape,
)

__all__ = [
    "Detector",
    "fit_detector",
    "save",
    "load",
    "Threshold",
    "RULES",
    "by_rule",
    "by_quantile",
    "by_deviations",
    "by_shape",
    "by_f1",
    "by_budget",
    "auroc",
    "average_precision",
    "roc_curve",
    "precision_recall_curve",
    "PlainBaseline",
    "baselines",
    "most_to_blame",
    "anomalies_of",
    "damage",
]

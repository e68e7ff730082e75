"""Which classes of a labelled table are the anomalies."""

import numpy as np

from tinyae.checks import UsageError, check_choice

NORMAL_NAMES = {"0", "normal", "no", "false", "inlier", "ok", "good", "healthy", "benign", "n"}


def anomalies_of(labels, class_names, normal=()):
    """True for anomalies (N,), and which classes count as normal, in words.

    Parameters
    ----------
    labels : int array (N,)
        Index into class_names.
    class_names : sequence of str
    normal : sequence of str
        The classes that are normal. Without it, those with a name that says so ("0", "normal", "no", ...), else the
        commonest one.

    Raises
    ------
    UsageError
        An unknown class, or only normal ones, or none.
    """
    for name in normal:
        check_choice("anomaly", "normal", name, class_names)
    if normal:
        chosen, why = list(normal), "as given"
    else:
        chosen, why = [name for name in class_names if name.lower() in NORMAL_NAMES], "by its name"
        if not chosen:
            chosen, why = [class_names[int(np.bincount(labels, minlength=len(class_names)).argmax())]], "the commonest"
    is_normal = np.isin(labels, [i for i, name in enumerate(class_names) if name in chosen])
    if is_normal.all() or not is_normal.any():
        every = "normal ones" if is_normal.all() else "anomalies"
        raise UsageError(
            f"anomaly: expected labels of normal rows and of anomalies, got only {every} (normal: {', '.join(chosen)}, "
            f"{why}; classes: {', '.join(class_names)}); name the normal class with --normal."
        )
    return ~is_normal, f"{', '.join(chosen)} ({why})"

"""A step as text, for a terminal."""

import numpy as np

MOST_NUMBERS = 64  # of an array that is shown whole


def card(step):
    """Title, formula, note, and every array with its shape: whole where it is small, its range where it is not."""
    lines = [step.title, f"  {step.formula.text}"]
    if step.note:
        lines.append(f"  {step.note}")
    for name, array in step.arrays.items():
        lines += describe(name, array)
    return "\n".join(lines)


def describe(name, array):
    """Lines for one array."""
    if array.ndim == 0:
        return [f"  {name} = {float(array):.6g}"]
    shape = " x ".join(map(str, array.shape))
    if array.size > MOST_NUMBERS:
        low, mean, high = float(array.min()), float(array.mean()), float(array.max())
        return [f"  {name} ({shape}): from {low:.4g} to {high:.4g}, mean {mean:.4g}"]
    text = np.array2string(array, precision=4, suppress_small=True, max_line_width=100, threshold=MOST_NUMBERS + 1)
    return [f"  {name} ({shape}):", *(f"    {line}" for line in text.splitlines() if line.strip())]

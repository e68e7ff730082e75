"""What is wrong with a training run, in words: one text for each fault, with the figure and what to try.

Measured on some hundred samples after training, so the price is that of a few steps. A text is only there where there
is hardly a doubt: a third of the units of a well-trained ReLU net may be dead, and nothing is said of them.
"""

from tinyae.diagnosis.faults import DiagnosisWarning, diagnose

__all__ = ["DiagnosisWarning", "diagnose"]

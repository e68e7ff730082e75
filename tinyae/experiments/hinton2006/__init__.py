"""Hinton & Salakhutdinov (2006): the paper's experiments by the paper's own recipe, and by the best one found since.

    problems.py        what there is to do: data, sizes of the layers, the paper's figures
    recipe_paper.py    how they trained: contrastive divergence, conjugate gradients
    recipe_modern.py   how one trains the same nets today
    modern_settings.py its settings for every experiment
    linear_start.py    a net that begins as principal components
    map_start.py       a net that begins with a map of two numbers
    measure.py         errors and what the codes are worth
    components.py      errors of principal components, plain and logistic
    run.py             load, train, measure
    documents.py       codes of documents, which are not judged by an error but by what they find
    starts.py          with and without pretraining
    report.py          pictures and files of a run
    finished.py        the finished runs in a folder
    maps.py            the two-dimensional codes of several runs side by side
    page.py            one page on all runs

Source: G. E. Hinton, R. R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313
(2006) 504-507, its supporting material, and the code they published.
"""

from tinyae.experiments.hinton2006.problems import EXPERIMENTS
from tinyae.experiments.hinton2006.run import RECIPES, run
from tinyae.experiments.hinton2006.settings import Settings

__all__ = ["EXPERIMENTS", "RECIPES", "Settings", "run"]

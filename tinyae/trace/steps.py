"""A pass through a net as a list of steps one can walk along."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyae.checks import UsageError
from tinyae.trace.formulas import Formula

PHASES = ("forward", "loss", "backward", "penalty", "statistics", "update")


@dataclass(eq=False, repr=False)
class Step:
    """One formula with all its numbers, copies that nothing changes any more.

    Attributes
    ----------
    phase : {"forward", "loss", "backward", "penalty", "statistics", "update"}
        "statistics" is the learning signal of a restricted Boltzmann machine (`trace_rbm`).
    layer : str
        Where in the net: "encoder.dense_1"; the loss's, penalty's or optimizer's name otherwise.
    kind : str
        Class whose formula it is: "Dense", "Sigmoid", "BCE", "Adam".
    formula : Formula
        As text and as LaTeX.
    x, y : arrays (N, ...)
        What goes in and what comes out. Of a loss: its input, and the value (). Of an update: None.
    target, output : array (N, ...) or None
        Of a loss: what the output should be, and what it is (x' = sigmoid(x) where the loss works before that unit).
    params, grads : dict of str to array
        Parameters, and dL/dparameters. Of an update the whole net's, before it, by name ("encoder.dense_1.W").
    shares : dict of str to array
        What other layers put into `grads`: a TiedDense into the gradient of the W it borrows.
    dy, dx : arrays like y and x, or None
        dL/dy that comes from above and dL/dx that goes on below. Both are known in forward steps too, as the trace
        is whole when one looks at it. None where no gradient passes: into the data, and where a loss is taken together
        with the unit before it.
    note : str
        A sentence about this step in particular.
    after, state, state_after : dicts of str to array
        Of an update: the parameters after it; the optimizer's vectors before and after it.
    shown : dict of str to array
        What `arrays` gives, where the phase does not say it.
    subject : object
        The layer, loss, penalty or optimizer itself, in the state it had; for `check` and `why`.
    """

    phase: str
    layer: str
    kind: str
    formula: Formula
    x: np.ndarray | None = None
    y: np.ndarray | None = None
    target: np.ndarray | None = None
    output: np.ndarray | None = None
    params: dict = field(default_factory=dict)
    grads: dict = field(default_factory=dict)
    shares: dict = field(default_factory=dict)
    dy: np.ndarray | None = None
    dx: np.ndarray | None = None
    note: str = ""
    after: dict = field(default_factory=dict)
    state: dict = field(default_factory=dict)
    state_after: dict = field(default_factory=dict)
    shown: dict = field(default_factory=dict)
    subject: object = None
    place: int = 0
    of: int = 1

    @property
    def title(self):
        """'5/12 backward encoder.dense_1 (Dense)'."""
        kind = "" if self.layer.lower() == self.kind.lower() else f" ({self.kind})"
        return f"{self.place + 1}/{self.of} {self.phase} {self.layer}{kind}"

    @property
    def arrays(self):
        """{name: array} of all this step shows, in the order to show them in."""
        found = dict(self.shown)
        if found:
            pass
        elif self.phase in ("forward", "loss"):
            found |= {"x": self.x, **self.params, "output": self.output, "target": self.target, "y": self.y}
            if self.phase == "loss":
                found["L"] = found.pop("y")
                found["dx"] = self.dx
        elif self.phase == "update":
            for name, p in self.params.items():
                found |= {name: p, f"d{name}": self.grads[name]}
                found |= {f"{state} of {name}": views[name] for state, views in self.state_after.items()}
                found |= {f"{name} after": self.after[name]}
        else:
            found |= {"dy": self.dy, "x": self.x, **self.params}
            found |= {f"d{name}": g for name, g in self.grads.items()} | {"dx": self.dx}
        return {name: np.asarray(a) for name, a in found.items() if a is not None}

    def arrays_by_name(self):
        """{name: array} of everything that can be asked for, shown in this phase or not."""
        found = {"x": self.x, "y": self.y, "dy": self.dy, "dx": self.dx, **self.params}
        return found | {f"d{name}": g for name, g in self.grads.items()}

    def check(self):
        """The analytic gradient beside the finite difference: a `Checked`, whose text says how far apart they are."""
        from tinyae.trace.check import check_step

        return check_step(self)

    def why(self, *index, of=None):
        """The sum behind a single number.

        Parameters
        ----------
        index : ints
            Which entry, as in NumPy: `step.why(2, 0)`.
        of : str, optional
            Of which array: "y", "dx", "dW", "db", ... (`step.arrays`). Without it: y of a forward step, the loss of a
            loss, the first parameter's gradient of a backward step (dx where there is none).

        Returns
        -------
        Explanation
            Its text is the sum in symbols, in numbers, and its value, which is computed from the terms.

        Examples
        --------
        >>> print(steps[4].why(2, 0))
        dW[2,0] = x[0,2] dy[0,0] + x[1,2] dy[1,0]
                = 0.5 (0.2) + 1 (0.21)
                = 0.31
        """
        from tinyae.trace.why import explain

        return explain(self, index, of)

    def __str__(self):
        from tinyae.trace.text import card

        return card(self)

    def __repr__(self):
        return f"Step({self.title})"

    def _repr_html_(self):
        from tinyae.trace.html import card

        return card(self)


class Steps(Sequence):
    """The steps of one pass, with a place that `next` and `back` move.

    >>> steps = trace(model, x)
    >>> steps.next()  # the first; in a notebook it shows itself as a card
    >>> steps[-1], len(steps), steps.find("decoder.dense_1", "backward")
    """

    def __init__(self, steps):
        self._steps = list(steps)
        self.place = -1  # before the first
        for i, step in enumerate(self._steps):
            step.place, step.of = i, len(self._steps)

    def __len__(self):
        return len(self._steps)

    def __getitem__(self, index):
        return self._steps[index]

    def next(self):
        """The step after this place; the last one stays the last."""
        self.place = min(self.place + 1, len(self) - 1)
        return self[self.place]

    def back(self):
        """The step before this place; the first one stays the first."""
        self.place = max(self.place - 1, 0)
        return self[self.place]

    def find(self, layer, phase=None):
        """The first step of that layer (its path, or the end of it) and phase.

        Raises
        ------
        UsageError
            There is none; names those there are.
        """
        for step in self:
            mine = step.layer == layer or step.layer.endswith("." + layer) or step.kind == layer
            if mine and phase in (None, step.phase):
                return step
        names = ", ".join(dict.fromkeys(step.layer for step in self))
        wanted = layer if phase is None else f"{phase} {layer}"
        raise UsageError(f"find: expected a step of one of {names}, got {wanted!r}.")

    def check(self):
        """`check` of every step that has a gradient: a list of Checked, the worst first."""
        found = [step.check() for step in self if step.phase in ("loss", "backward", "penalty", "statistics")]
        return sorted(found, key=lambda c: -c.error)

    def to_html(self, path):
        """Write one offline page that steps with the arrow keys."""
        from tinyae.trace.page import write_page

        write_page(self, path)

    def widget(self):
        """Buttons and a slider in a notebook; needs ipywidgets (`pip install 'tinyae[notebook]'`)."""
        from tinyae.trace.widget import browse

        return browse(self)

    def __repr__(self):
        return "\n".join(step.title for step in self)

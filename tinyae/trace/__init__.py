"""One step of training under the glass: every number of a forward and a backward pass, with the formula behind it.

>>> from tinyae.trace import trace
>>> steps = trace(model, x[:2], optimizer="adam")
>>> steps.next()            # a card: formula, shapes, numbers, gradients
>>> print(steps[5].why(2, 0))  # the sum behind one number
>>> steps[5].check()        # the finite difference beside it
>>> steps.to_html("steps.html")  # one page, offline, arrow keys
"""

from tinyae.trace.rbm import trace_rbm
from tinyae.trace.record import trace
from tinyae.trace.steps import Step, Steps

__all__ = ["trace", "trace_rbm", "Step", "Steps"]

"""Minimising a smooth function of many numbers: L-BFGS and conjugate gradients. They know no model.

Both take function(theta) -> (value, gradient), and give a `Minimum`. `tinyae.optimizers` steps against the gradients of
mini-batches instead, one step a batch.
"""

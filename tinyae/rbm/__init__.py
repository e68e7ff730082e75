"""Restricted Boltzmann machines and the deep autoencoders they pretrain."""

from tinyae.rbm.machine import RBM
from tinyae.rbm.replicated_softmax import ReplicatedSoftmax
from tinyae.rbm.stack import fit_stack, unroll
from tinyae.rbm.training import fit_rbm

__all__ = ["RBM", "ReplicatedSoftmax", "fit_rbm", "fit_stack", "unroll"]

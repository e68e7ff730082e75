"""What is timed: CANDIDATES[workload][library] sets up and returns a `common.Candidate`."""

import conv
import dense
import keras_fit
import rbm

CANDIDATES = dense.CANDIDATES | conv.CANDIDATES | rbm.CANDIDATES | keras_fit.CANDIDATES

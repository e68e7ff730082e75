"""Plain functions on arrays, each as a NumPy twin (obviously right) and a Numba twin (fast)."""

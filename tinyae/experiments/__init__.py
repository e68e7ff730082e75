"""Experiments: settings as a dataclass, one run()."""

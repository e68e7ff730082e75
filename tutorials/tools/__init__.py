"""Runs the tutorials, makes notebooks and the gallery of them: `python -m tutorials.tools run|notebooks|gallery`."""

"""What is wrong with a layer of one's own: finite differences, and what a wrong gradient looks like."""

from tinyae.verdicts.examine import examine
from tinyae.verdicts.finding import Finding
from tinyae.verdicts.own_file import layers_of_file

__all__ = ["Finding", "examine", "layers_of_file"]

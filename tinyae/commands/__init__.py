"""The commands, a file each: `add` says what their options are, `run` takes the arguments and returns the exit code."""

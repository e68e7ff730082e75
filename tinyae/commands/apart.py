"""A function in a process of its own: what it holds in memory is given back, and its peak is its own."""

import os
import threading
import traceback
import warnings
from multiprocessing import connection, get_context, parent_process


def in_own_process(function, *arguments):
    """Call `function` in a new process and return what it returns; what it raises is raised here.

    The new process ends with this one, however that ends. Function, arguments and result have to be picklable.

    Raises
    ------
    ChildProcessError
        The process was killed from outside, as by the system where memory runs out.
    """
    context = get_context("spawn")  # a fork would begin with all the memory of this process
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_call, args=(sender, warnings.showwarning, function, arguments), name="tinyae", daemon=True
    )
    process.start()
    sender.close()
    try:
        result, error = receiver.recv()
    except EOFError:
        process.join()
        raise ChildProcessError(
            f"tinyae: expected a result of the process that does the work, got none: it ended with exit code "
            f"{process.exitcode} (below 0: killed by that signal; is there enough memory?)."
        ) from None
    finally:  # also at Ctrl-C
        process.terminate()
        process.join()
    if error is not None:
        raise error
    return result


def _call(sender, showwarning, function, arguments):
    """What the new process does: send (result, None) or (None, exception)."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    warnings.showwarning = showwarning
    try:
        found = function(*arguments), None
    except BaseException as error:  # Ctrl-C reaches both processes; who started this one says so
        error.add_note(traceback.format_exc())  # a traceback does not travel
        found = None, error
    sender.send(found)


def _end_with_parent():
    """Wait until the process that started this one is gone, then end at once: nobody else would."""
    connection.wait([parent_process().sentinel])
    os._exit(1)

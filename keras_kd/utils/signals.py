"""SIGTERM and SIGINT: ask a run to save and leave, with an exit code that says which it was."""

import contextlib
import os
import signal
import sys
import threading

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(KeyboardInterrupt):
    """A signal ended the run; what is saved is enough to go on.

    Args:
        signum: number of the signal.
        where: what was reached, for the message.
    """

    def __init__(self, signum, where=""):
        super().__init__(f"Stopped{where}; the same command goes on from what is saved.")
        self.code = 128 + signum  # as a shell reports a process that the signal ended


class Asked:
    """Whether a signal has come; `signum` is None until then."""

    signum = None


@contextlib.contextmanager
def noticed():
    """Notes the first signal instead of acting on it; a second one ends the process at once.

    Gives:
        an `Asked`. Outside the main thread, where Python allows no handlers, it stays None.

    Raises:
        Stopped: at the end, if a signal came and was not acted upon. Another error goes on as it
            is, and `noted_before` tells of the signal.
    """
    asked = Asked()

    def note(signum, frame):
        asked.signum = signum
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        _say(f"\n{signal.Signals(signum).name}: stopping after this step; again: at once.\n")

    before = {}
    if threading.current_thread() is threading.main_thread():
        for each in SIGNALS:
            handler = signal.getsignal(each)
            if handler != signal.SIG_IGN:  # started with nohup, say: stay deaf
                before[each] = handler if handler is not None else signal.SIG_DFL
                signal.signal(each, note)
    try:
        yield asked
    except Exception as error:
        error.noted_signal = asked.signum
        raise
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if asked.signum is not None:
        raise Stopped(asked.signum)


def noted_before(error):
    """The signal that had come when an error ended `noticed`, or None."""
    return getattr(error, "noted_signal", None)


def _say(text):
    """Writes to the console from a handler, which may have interrupted a `print`."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or not a file
        os.write(sys.stderr.fileno(), text.encode())


def leave_on_sigterm():
    """Makes SIGTERM raise `Stopped` wherever no stage is training, as Ctrl-C raises by itself."""

    def leave(signum, frame):
        raise Stopped(signum)

    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, leave)

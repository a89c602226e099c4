"""The one kind of progress bar: of images or views, slow to speak where nobody looks on."""

import sys

from tqdm import tqdm


def progress_bar(what, total, done=0, unit="img"):
    """A progress bar on stderr, to be used as a context manager or closed at the end.

    Args:
        what: a word in front.
        total: how many there are in all.
        done: how many of them an earlier start did.
        unit: what is counted.

    Returns:
        a `tqdm`; `update(count)` moves it. In a log file, where each state is a new text, it is
        written every ten seconds at most.
    """
    return tqdm(
        desc=f"{what:<8}",
        total=total,
        initial=done,
        unit=unit,
        unit_scale=True,
        mininterval=0.5 if sys.stderr.isatty() else 10.0,
        dynamic_ncols=True,
    )

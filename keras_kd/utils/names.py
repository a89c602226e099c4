"""The one helper behind every "no such name" error."""

import difflib


def nearest(word, known):
    """The known name that looks most like `word`, as a sentence.

    Args:
        word: what was received.
        known: iterable of the names there are.

    Returns:
        str to append to an error: " Did you mean 'x'?", or nothing where none comes near.
    """
    close = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.4)
    return f" Did you mean {close[0]!r}?" if close else ""

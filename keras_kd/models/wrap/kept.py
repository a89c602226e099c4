"""What `keep` names: layers that stay as they are."""


def names_in(keep):
    """The names, or patterns of them, as a tuple.

    Args:
        keep: one, several, or None for none.

    Raises:
        ValueError: something else.
    """
    names = (keep,) if isinstance(keep, str) else keep or ()
    if not isinstance(names, tuple | list | set) or not all(isinstance(one, str) for one in names):
        raise ValueError(
            f"keep must be names of layers. Received: keep={keep!r}. Write "
            'keep=("stem_conv",), for example.'
        )
    return tuple(names)

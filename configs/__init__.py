"""Experiments: a file each, with its paper, its command and what differs from the defaults.

`get_config()` starts from `keras_kd.config.base()` or from another file here.
"""

from keras_kd.utils.names import nearest


def words_of(parts, known, before, argument):
    """Words with values out of a config's argument, dict of str.

    Args:
        parts: the argument's parts, such as "minutes=5".
        known: words that there are.
        before: what stands in front of them, for messages.
        argument: the whole of it, for messages.

    Raises:
        ValueError: a word that there is not, or one without a value.
    """
    given = {}
    for part in parts:
        word, equals, value = part.partition("=")
        if word not in known or not equals or not value:
            raise ValueError(
                f"after {before} come {', '.join(f'{word}=...' for word in known)}. Received: "
                f"{part!r} in {argument!r}.{nearest(word, known)}"
            )
        given[word] = value
    return given

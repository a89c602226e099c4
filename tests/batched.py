"""Arrays as a data set of batches."""


def in_batches(images, labels, size=5):
    """List of (images, labels) of `size` examples, the last perhaps fewer."""
    return [(images[i : i + size], labels[i : i + size]) for i in range(0, len(images), size)]

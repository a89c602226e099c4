"""What changes with a network's name: arguments that its config file gave to another network."""

NAME, KWARGS = ".model.name", ".model.kwargs"


def settle_networks(config, given, before):
    """Takes from each network that the command line names what was said of the file's network.

    Args:
        config: ConfigDict of a run, the command line's values in it.
        given: dict from dotted key to value, what the command line said.
        before: function of a dotted key, the value that the config file had.

    Returns:
        the same config.
    """
    for key, value in given.items():
        if not key.endswith(NAME) or before(key) == value:
            continue
        network = key.removesuffix(NAME)
        prefix = network + KWARGS
        kept = dict(given.get(prefix) or {})
        kept |= {
            name.removeprefix(f"{prefix}."): one
            for name, one in given.items()
            if name.startswith(f"{prefix}.")
        }
        section = config
        for part in network.split("."):
            section = section[part]
        section.model = {"name": value, "kwargs": kept}
    return config

"""An export folder belongs to one run: what it holds of another is refused, not mixed."""

import json

from keras_kd.config import flat
from keras_kd.utils.files import read_json, write_json

FILE = "run.json"
# A run that is made longer stays the same run, and so does one whose data have moved.
MAY_DIFFER = ("total", "prolong", "data_dir", "teacher_cache", "fixed_targets")


def claim(folder, config):
    """Makes an export folder that of a run.

    Args:
        folder: path of the folder; made if missing.
        config: the run's config, a nested dict.

    Raises:
        ValueError: it holds files of another run; the differences are named.
    """
    settings = json.loads(json.dumps(config))  # tuples as a file gives them back
    own = {
        key: value
        for key, value in flat(settings).items()
        if key.rpartition(".")[2] not in MAY_DIFFER and not key.startswith("export.")
    }
    there = read_json(folder / FILE, {})
    # Only what both know of: a newer version has further keys.
    differing = [
        f"{key}: {there[key]!r} there, {own[key]!r} in this run"
        for key in sorted(there.keys() & own.keys())
        if there[key] != own[key]
    ]
    if differing:
        raise ValueError(
            f"An export folder of this run was expected. Received: {folder}, which holds files of "
            f"another run ({'; '.join(differing[:5])}). Move that folder away, or delete it."
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / FILE, own)

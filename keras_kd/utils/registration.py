"""Lets Keras read files that name classes of this package, whoever imports what first.

Keras finds a class of another package only if it was registered, which importing its module does.
That module needs Keras, whereas `import keras_kd` does without. So Keras gets a placeholder for
each class as soon as it is there, and a placeholder loads its module when a file asks for it.
"""

import importlib
import importlib.abc
import sys

PACKAGE = "keras_kd"  # in front of every registered name


class Placeholder:
    """Stands for a class until its module is loaded, which registers the class itself.

    Args:
        module: the class's module.
        name: the class's name.
    """

    def __init__(self, module, name):
        self.module, self.name = module, name

    def from_config(self, config, custom_objects=None):
        """What Keras calls to make an object of a file."""
        found = getattr(importlib.import_module(self.module), self.name)
        if custom_objects:
            return found.from_config(config, custom_objects=custom_objects)
        return found.from_config(config)


def register(classes):
    """Registers classes with Keras without loading them, now or when Keras is imported.

    Args:
        classes: dict from a module's name to the names of its registered classes.
    """

    def fill(keras):
        known = keras.saving.get_custom_objects()
        for module, names in classes.items():
            for name in names:  # a class that is loaded already stays
                known.setdefault(f"{PACKAGE}>{name}", Placeholder(module, name))

    when_imported("keras", fill)


def when_imported(name, action):
    """Calls `action(module)` once a module is imported; at once where it is."""
    if name in sys.modules:
        action(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Finder(name, action))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds one module as the others would, and acts after it was executed."""

    def __init__(self, name, action):
        self.name, self.action = name, action

    def find_spec(self, fullname, path, target=None):
        if fullname != self.name:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((one for one in found if one is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                if self in sys.meta_path:  # not when it is reloaded
                    sys.meta_path.remove(self)
                    self.action(module)

            spec.loader.exec_module = exec_module
        return spec

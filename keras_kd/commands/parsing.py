"""Parses a command line; a mistake in a flag or in the config file is told with its place."""

import ast
import re

from absl import flags
from ml_collections import config_flags

from keras_kd.commands import mistakes
from keras_kd.config.overrides import settle_networks

LOADED = "config_config"  # the name under which ml_collections loads the file of --config


class FlagError(ValueError):
    """A mistake in the command line, or in the config file that it names."""


def parse(argv):
    """Parses the command line for `absl.app.run`.

    Args:
        argv: list of str, the program's name first.

    Returns:
        list of str: what is no flag.

    Raises:
        FlagError: an unknown flag or config key, a value of another type, or whatever goes wrong
            in the config file, with its place.
    """
    try:
        positional = flags.FLAGS(argv)
        _check_config()
    except Exception as error:  # a config file may raise anything
        raise FlagError(_told(error, argv)) from error
    return positional


def _check_config():
    """ml_collections takes a file that is not there, or returns nothing, until it is asked for."""
    if "config" not in flags.FLAGS or not flags.FLAGS["config"].present:
        return
    config = flags.FLAGS["config"].value
    if not hasattr(config, "to_dict"):  # raises what went wrong where the file could not be read
        raise FlagError(
            "get_config() must return a ConfigDict, such as keras_kd.config.base(). Received: "
            f"{type(config).__name__} from --config={_path(flags.FLAGS['config'])}."
        )
    given = config_flags.get_override_values(flags.FLAGS["config"])
    settle_networks(config, given, lambda key: flags.FLAGS[f"config.{key}"].default)


def _path(flag):
    return getattr(flag, "config_filename", None) or "FILE"


def _told(error, argv):
    """The sentence about whatever parsing raised."""
    chain = [error]
    while after := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(after)
    for one in reversed(chain):  # the deepest is what happened, the others pass it on
        if isinstance(one, SyntaxError):
            return f"{one.filename}, line {one.lineno}: {one.msg}."
        if place := _place(one):
            if mistakes.is_refusal(one):
                return _message(one)
            return f"{place}: {_message(one)}"
    first = chain[-1]
    if isinstance(error, flags.Error) and "Traceback" not in str(error):
        return _of_flag(str(error))
    if isinstance(error, AttributeError | KeyError) and "get_config" not in str(error):
        return _unknown_key(error, argv)
    given = next((word for word in argv if re.match(r"--?config=", word)), "--config")
    if isinstance(error, FlagError):
        return str(error)
    if "get_config" in str(first) and isinstance(first, AttributeError):
        return f"The config file must have a function get_config(). Received: {given}."
    return f"The config file could not be loaded. Received: {given}. {_message(first)}"


def _place(error):
    """The line of the config file in which an exception came up, or None."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == LOADED:
            found = f"{trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _message(error):
    text = " ".join(str(error).replace("\\'", "'").replace("\\n", " ").split())
    text, _, rest = text.partition(" Other fields present:")  # the whole config
    hint = re.search(r"Did you mean .*?\?", rest)
    text = f"{text.strip(chr(39))} {hint[0]}" if hint else text
    plain = isinstance(error, ValueError | OSError)
    return text if plain else f"{type(error).__name__}: {text}"


def _unknown_key(error, argv):
    """ml_collections tells an unknown key by the key alone, quoted as a KeyError is."""
    message = _message(error).partition(": ")[2]
    key = re.match(r"[\"']*(\w+)", message)
    hint = re.search(r"Did you mean .*?\?", message)
    flag = key and re.compile(rf"--?config\.(.*\.)?{re.escape(key[1])}\b.*")
    given = next((word for word in argv if flag and flag.match(word)), message)
    advice = hint[0] if hint else "See keras_kd/config/keys.py for the keys there are."
    if found := re.match(r"--?(config\..*\.kwargs)\.(\w+)=(.*)", given):
        # A flag changes what the file has; what it has not comes with the dict that holds it.
        whole, name, value = found.groups()
        value = value if _is_literal(value) else repr(value)
        advice = (
            f"The file does not set it: give all arguments at once, --{whole}=\"{{'{name}': "
            f'{value}}}", with those of the file that shall stay.'
        )
    return f"Unknown config key. Received: {given}. {advice}"


def _is_literal(text):
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def _of_flag(message):
    if re.match(r"Unknown command line flag 'config\.", message):
        return f"{message}. Give --config=FILE as well, whose values such flags change."
    return message

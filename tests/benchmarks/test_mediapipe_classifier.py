"""How benchmarks/mediapipe_classifier.py counts, and what it asks in the other environment."""

import ast

import mediapipe_classifier
import pytest


def test_the_share_of_photographs_with_the_served_class():
    assert mediapipe_classifier.share(["a", "b", "c", "d"], ["a", "b", "x", "d"]) == 0.75


def test_what_is_asked_there_is_python_and_needs_nothing_of_ours():
    names = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse(mediapipe_classifier.ASK))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module)])
    }
    assert names == {"json", "sys", "mediapipe"}


def test_a_run_must_be_named():
    with pytest.raises(SystemExit):
        mediapipe_classifier.main([])

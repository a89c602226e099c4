"""What a file says of itself."""

import json

import pytest

from keras_kd.export.card import Card, one_line
from keras_kd.export.tflite import card_of


def test_files_tell_labels_and_preparation():
    card = Card("run", (32, 24, 3), ("a", "two\nlines", "ö"), scale=1.25, output="probabilities")
    files = card.files()
    assert files["labels.txt"].decode() == "a\ntwo lines\nö\n"
    told = json.loads(files["preprocess.json"])
    assert told["crop"] == {"box": "central_square", "scale": 1.25, "quotient": [5, 4]}
    assert (told["height"], told["width"], told["channels"]) == (32, 24, "RGB")
    assert told["interpolation"] == "bilinear" and told["antialias"] is False
    assert [pixel * told["scale"] + told["offset"] for pixel in (0, 255)] == pytest.approx([-1, 1])
    assert told["output"] == "probabilities" and told["labels"] == "labels.txt"
    whole = Card("run", (8, 8, 1), ("a",), full_image=True).preprocess()
    assert (
        told["exif"] == "ignore"
        and whole["crop"] == {"box": "whole_image"}
        and whole["channels"] == "grey"
    )


def test_a_name_keeps_to_its_line():
    assert [one_line(name) for name in ("a\r\nb", "", "c")] == ["a b", " ", "c"]


def test_a_card_is_made_of_the_student(batch_norm_net):
    card = card_of(batch_norm_net, class_names=["a", "b", "c"], run_name="flowers")
    assert (card.name, card.shape, card.labels) == ("flowers", (12, 12, 3), ("a", "b", "c"))
    assert card_of(batch_norm_net).labels == ("0", "1", "2")


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c", "d"]])
def test_more_or_fewer_labels_than_outputs_are_refused(batch_norm_net, names):
    with pytest.raises(ValueError, match=rf"Expected 3 class names.*\({len(names)} names\)"):
        card_of(batch_norm_net, class_names=names)


def test_a_modality_is_told_in_order_and_nothing_where_there_is_none():
    plain = Card("run", (8, 8, 3), ("a",))
    assert "view" not in plain.preprocess()
    card = Card("run", (8, 8, 3), ("a",), view="lowres:4|gray")
    assert card.preprocess()["view"] == [
        {"op": "lowres", "arguments": [4.0]},
        {"op": "gray", "arguments": []},
    ]
    assert card.input_words.endswith("and goes through lowres:4|gray.")


def test_a_bicubic_evaluation_is_told():
    card = Card("n", (8, 8, 3), ("a", "b"), resize="bicubic_antialias")
    told = card.preprocess()
    assert told["interpolation"] == "bicubic" and told["antialias"] is True
    assert "bicubically with anti-aliasing" in card.input_words

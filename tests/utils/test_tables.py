"""Text tables: columns that line up."""

from keras_kd.utils.tables import text_table


def test_first_column_to_the_left_and_numbers_to_the_right():
    table = text_table(["", "size"], [["a", "1"], ["longer", "1,000"], ["b", ""]])
    assert table.split("\n") == [
        "         size",
        "------  -----",
        "a           1",
        "longer  1,000",
        "b",
    ]


def test_a_table_without_rows_is_its_head():
    assert text_table(["a", "bc"], []) == "a  bc\n-  --"

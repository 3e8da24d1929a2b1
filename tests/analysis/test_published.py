"""The paper's numbers as shipped."""

from pathlib import Path

import pytest

from vdit_analysis import published as numbers


def test_lint_finds_the_one_impossible_triple_of_the_paper(published: Path) -> None:
    found = [error for path in sorted(published.glob("*.csv")) for error in numbers.lint(path)]
    assert [(error.method, error.column, error.given) for error in found] == [("URVOS", "ref_davis17_jf", 51.5)]
    assert found[0].implied == pytest.approx(51.65)  # (47.3 + 56.0) / 2


def test_lint_allows_what_rounding_allows_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("method,jf,j,f\nwithin,50.0,50.0,50.2\nbeyond,50.0,50.0,50.3\nunprinted,50.0,,\n")
    assert [error.method for error in numbers.lint(path)] == ["beyond"]


def test_rows_are_read_by_method_with_missing_numbers_as_none(published: Path) -> None:
    assert numbers.read(published / "table3_components.csv")["VD-IT"] == {
        "image_cond": 1,
        "text_cond": 1,
        "noise_prediction": 1,
        "jf": 64.8,
        "j": 63.1,
        "f": 66.6,
    }
    assert numbers.read(published / "table4_refcoco.csv")["RefTR"]["refcocog_oiou"] is None


def test_rows_of_one_method_are_named_by_what_tells_them_apart(published: Path) -> None:
    table1 = numbers.read(published / "table1_ref_youtube_vos_ref_davis17.csv")
    assert (table1["VD-IT"]["ref_youtube_vos_jf"], table1["VD-IT (pre-trained)"]["ref_youtube_vos_jf"]) == (64.8, 66.5)
    assert table1["ReferFormer (Video-Swin-B, pre-trained)"]["ref_davis17_jf"] == 61.1
    table2 = numbers.read(published / "table2_a2d_jhmdb_sentences.csv")
    assert table2["SgMg (Video-Swin-T)"]["a2d_map"] == 56.1 and table2["MTTR"]["a2d_map"] == 46.1
    assert (len(table1), len(table2)) == (19, 11)


def test_rows_that_nothing_tells_apart_are_refused_rather_than_one_of_them_dropped(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("method,jf\nReferFormer,50.0\nReferFormer,51.0\n")
    with pytest.raises(ValueError, match="ReferFormer has several rows"):
        numbers.read(path)


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"table3_components\.csv.*--published"):
        numbers.read(tmp_path / "table3_components.csv")

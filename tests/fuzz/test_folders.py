from tests.fuzz.folders import run


def test_damaged_folders_are_opened_or_refused_in_a_line():
    counts = run(150, seed=1)
    assert counts["read"] + counts["refused"] == 150
    assert counts["read"] > 5
    assert counts["refused"] > 30

from tests.fuzz.weights import run


def test_damaged_weights_are_loaded_or_refused_in_a_line():
    counts = run(150, seed=1)
    assert counts["read"] + counts["refused"] == 150
    assert counts["read"] > 5
    assert counts["refused"] > 30

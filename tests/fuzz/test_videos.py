from tests.fuzz.videos import run


def test_damaged_videos_are_read_or_refused_in_a_line():
    counts = run(300, seed=1)
    assert counts["read"] + counts["refused"] == 300
    assert min(counts["read"], counts["refused"]) > 30

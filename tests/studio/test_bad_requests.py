"""Some hundred bad requests; the script beside sends thousands."""

from tests.studio.bad_requests import attack


def test_bad_requests_end_in_a_line(tmp_path):
    statuses = attack(tmp_path, 300, seed=1)
    assert sum(statuses.values()) > 200
    assert {400, 404, 422} <= set(statuses)

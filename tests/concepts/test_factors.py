"""The factorisation: planted concepts come back, coefficients are the least-squares ones."""

import numpy as np
import pytest
from scipy.optimize import nnls

from videxplain.concepts.factors import Factors, factorise, features, solve
from videxplain.errors import VidexplainError


def planted(signed: bool, places: int = 600, channels: int = 12, concepts: int = 3):
    """Concepts on channels of their own, each active at some places alone, so that the factorisation is unique."""
    rng = np.random.default_rng(0)
    vectors = np.zeros((concepts, channels))
    for k in range(concepts):
        own = slice(k * channels // concepts, (k + 1) * channels // concepts)
        vectors[k, own] = rng.uniform(0.5, 1.5, channels // concepts)
        if signed:
            vectors[k, own] *= np.where(np.arange(channels // concepts) % 2, -1, 1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    active = rng.gamma(2.0, 1.0, (places, concepts)) * (rng.uniform(size=(places, concepts)) < 0.5)
    return vectors, active * [1.0, 3.0, 2.0]


@pytest.mark.parametrize("signed", [False, True])
def test_planted_concepts_are_recovered_strongest_first(signed):
    vectors, active = planted(signed)
    found = factorise(active @ vectors, 3, signed)
    assert found.converged
    assert found.channels == 12
    np.testing.assert_allclose(found.directions, vectors[[1, 2, 0]], atol=2e-3)
    np.testing.assert_allclose(found.coefficients(active @ vectors), active[:, [1, 2, 0]], atol=2e-2)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1)


def test_coefficients_are_those_of_scipys_nonnegative_least_squares():
    rng = np.random.default_rng(1)
    vectors = rng.uniform(0, 1, (6, 20))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    values = rng.uniform(0, 2, (50, 20))
    expected = np.stack([nnls(vectors.T, row)[0] for row in values])
    got = solve(values, vectors)
    assert (expected == 0).any()
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_places_do_not_influence_each_other():
    rng = np.random.default_rng(2)
    vectors, values = rng.uniform(0, 1, (5, 9)), rng.uniform(0, 1, (40, 9))
    together = solve(values, vectors)
    alone = np.concatenate([solve(row[None], vectors) for row in values])
    np.testing.assert_allclose(together, alone, atol=1e-9)


def test_a_vector_of_zeros_is_never_active():
    vectors = np.array([[1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(solve(np.array([[2.0, 5.0]]), vectors), [[2.0, 0.0]])


def test_parts_of_a_signed_layer():
    np.testing.assert_array_equal(features(np.array([[2.0, -3.0]]), True), [[2, 0, 0, 3]])
    np.testing.assert_array_equal(features(np.array([[2.0, -3.0]]), False), [[2, 0]])
    both = Factors(np.array([[0.6, 0.0, 0.0, 0.8]]), True)
    np.testing.assert_array_equal(both.directions, [[0.6, -0.8]])


def test_saved_and_read_again(tmp_path):
    factors = Factors(np.eye(2), False, 7, False)
    factors.save(tmp_path / "factors.npz")
    again = Factors.load(tmp_path / "factors.npz")
    np.testing.assert_array_equal(again.vectors, factors.vectors)
    assert (again.signed, again.iterations, again.converged) == (False, 7, False)
    (tmp_path / "factors.npz").write_bytes(b"no arrays")
    with pytest.raises(VidexplainError, match=r"cannot read .*factors\.npz"):
        Factors.load(tmp_path / "factors.npz")


@pytest.mark.parametrize(
    ("values", "concepts", "message"),
    [
        (np.zeros((9, 4)), 2, "zero at every place"),
        (np.ones((3, 8)), 4, "ask for 1 to 3"),
        (np.ones((9, 2)), 3, "ask for 1 to 2"),
    ],
)
def test_what_cannot_be_factorised_is_refused(values, concepts, message):
    with pytest.raises(VidexplainError, match=message):
        factorise(values, concepts, False)

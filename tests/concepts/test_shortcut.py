"""A network that learned a mark in the corner instead of the action: the mark is a concept of its own."""

from tests.concepts.networks import EACH, MARK, MARKED, SIZE


def test_the_mark_is_a_concept_of_its_own(found):
    videos = found.videos
    assert ((videos["prediction"] == MARKED) == (videos["truth"] == MARKED)).all()
    shares = found.shares[found.shares["label"] == MARKED]
    # Chosen by its share of the class alone, and all measures choose the same.
    concept = int(shares.loc[shares["sobol"].idxmax(), "concept"])
    assert concept == int(shares.loc[shares["gradient_x_activation"].idxmax(), "concept"])
    assert concept == int(shares.loc[shares["fall"].idxmax(), "concept"])
    row = found.concepts.iloc[concept]
    assert row["leading"] == MARKED
    assert row["leading_share"] > 0.6
    # Its strongest tubes are the marks of all marked videos, as far as the layer's cells of 8 pixels can say.
    tubes = found.tubes[found.tubes["concept"] == concept].head(EACH)
    assert set(tubes["video"]) == set(videos["video"][videos["truth"] == MARKED])
    assert (tubes["left"] == 0).all()
    assert (tubes["top"] == 0).all()
    assert (tubes["right"] <= (MARK + 8) / SIZE[1]).all()
    assert (tubes["bottom"] <= (MARK + 8) / SIZE[0]).all()
    # Without it the class is no longer predicted. The probability of the other classes does not fall.
    marked = videos[videos["prediction"] == MARKED]
    assert all(without[concept] != MARKED for without in marked["prediction_without"])
    assert shares["fall"].max() > 0.7
    others = found.shares[(found.shares["concept"] == concept) & (found.shares["label"] != MARKED)]
    assert (others["fall"] < 0.2).all()

"""The networks that the worker keeps in memory."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videxplain.device import find_device
from videxplain.errors import VidexplainError
from videxplain.models.own_models import PREFIX, own_model
from videxplain.models.zoo import load_model
from videxplain.studio.questions.catalogue import Offer, offer_of, own_digest

if TYPE_CHECKING:
    from videxplain.models.video_model import VideoModel

_HELD = 3


class Networks:
    """Keeps the networks that were used last."""

    def __init__(self, device: str, weights: Path | None, own: Sequence[Offer] = ()) -> None:
        """Nothing is loaded yet.

        Args:
            device: Where they run.
            weights: The folder of weights that visitors may choose from, or None.
            own: Networks that files of Python make.
        """
        self._device, self._weights, self._own = find_device(device), weights, own
        self._held: OrderedDict[tuple[str, str], VideoModel] = OrderedDict()

    def get(self, id: str, sha256: str, view: str) -> "VideoModel":
        """A network on its device.

        Args:
            id: Its id in the question.
            sha256: The SHA-256 of its weights when the question was asked.
            view: How frames are shown to it, as for :func:`videxplain.load_model`.

        Raises:
            VidexplainError: The network is gone, or its file has changed since.
        """
        key = sha256, view
        if key not in self._held:
            offer = offer_of(id, self._weights, self._own)
            if offer.sha256 != sha256:
                raise VidexplainError(f"the weights of {id} have changed since this was asked: ask again")
            if offer.digest:
                self._held[key] = self._own_network(offer)
            else:
                self._held[key] = load_model(offer.model, offer.weights, device=self._device, view=view)
        self._held.move_to_end(key)
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
        return self._held[key]

    def _own_network(self, offer: Offer) -> "VideoModel":
        """Run the file that the studio was started with. It has to make the same network as then."""
        network = own_model(f"{PREFIX}{offer.file}:{offer.id.rpartition(':')[2]}")
        if own_digest(network.config, offer.file) != offer.digest:
            raise VidexplainError(
                f"{offer.id} is not the network that the studio was started with: its file or its weights have "
                "changed, or they are random; start the studio again"
            )
        return network.to(self._device)

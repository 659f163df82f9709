"""Explain one clip in several ways and compare the maps: networks, methods, classes or layers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, TypeAlias

from torch import nn

from videxplain.attribution.engine import Precision
from videxplain.attribution.registry import METHODS
from videxplain.attribution.targets import Contrast, Target, class_index
from videxplain.attribution.texts import with_texts
from videxplain.data.stream import FrameSource
from videxplain.errors import VidexplainError, unknown
from videxplain.explanation.api import explain
from videxplain.explanation.comparing.comparison import Comparison, joint_question
from videxplain.explanation.comparing.pair_agreement import pair_agreements
from videxplain.explanation.origin import config_of, contrast_of
from videxplain.explanation.question import layer_name, question_of
from videxplain.explanation.result import Explanation
from videxplain.explanation.sources import ClipLike, as_source
from videxplain.progress import Progress

Scale: TypeAlias = Literal["own", "shared"]
SCALES = ("own", "shared")
MOST = 40
"""So many maps on one page."""
_PLACES = {"models": "model", "methods": "method", "targets": "target", "layers": "layer"}
"""What differs, to the argument of an explanation."""


def compare(
    model: nn.Module | Mapping[str, nn.Module],
    clip: ClipLike,
    method: str | None = None,
    *,
    methods: Sequence[str] | None = None,
    targets: Sequence[Target] | None = None,
    layers: Sequence[str] | None = None,
    target: Target | None = None,
    layer: str | nn.Module | None = None,
    scale: Scale | None = None,
    precision: Precision = "fp32",
    stride: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Comparison:
    """Explain one clip in several ways, and put the maps beside each other.

    Exactly one thing is compared: networks (``model`` holds several by name), ``methods``, ``targets`` or ``layers``.

    ::

        vx.compare(model, "video.avi", methods=["gradcam", "rise"]).save("methods.png")
        vx.compare({"i3d": i3d, "c3d": c3d}, "video.avi", target="Wave").save("networks.mp4")

    Args:
        model: A network with a ``config``, or several by name.
        clip: As for :func:`videxplain.explain`.
        method: The method, unless methods are compared; None for Grad-CAM.
        methods: Names of methods.
        targets: Classes by index or label, or contrasts.
        layers: Names of layers.
        target: What is explained, unless classes are compared; None for the class that is predicted, by each network
            its own.
        layer: The layer, unless layers are compared; None for the default of each method and network.
        scale: ``"own"`` gives each map a colour scale of its own, ``"shared"`` gives all maps one. None takes one scale
            for classes, whose maps have one unit, and own scales otherwise.
        precision: As for :func:`videxplain.explain`.
        stride: As for :func:`videxplain.explain`.
        progress: Called with the maps done and the maps in all.
        **options: Options of methods; each goes to those of the methods that have it.

    Raises:
        VidexplainError: Nothing or more than one thing to compare, an option that no method has, or anything that
            :func:`videxplain.explain` refuses.
    """
    asked = Asked.of(
        model,
        method,
        methods=methods,
        targets=targets,
        layers=layers,
        target=target,
        layer=layer,
        scale=scale,
        options=options,
    )
    return asked.answered(as_source(clip), precision=precision, stride=stride, progress=progress)


@dataclass(frozen=True)
class Entry:
    """One of the explanations that are compared.

    Attributes:
        name: What it is called.
        model: The network.
        method: The method.
        target: What is explained.
        layer: The layer.
        options: Options of the method.
    """

    name: str
    model: nn.Module
    method: str
    target: Target | None
    layer: str | nn.Module | None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What a comparison was asked for, checked, before anything is computed.

    Attributes:
        compared: What differs: ``"models"``, ``"methods"``, ``"targets"`` or ``"layers"``.
        entries: The explanations.
        shared_scale: Whether all maps have one colour scale.
    """

    compared: str
    entries: tuple[Entry, ...]
    shared_scale: bool

    @classmethod
    def of(
        cls,
        model: nn.Module | Mapping[str, nn.Module],
        method: str | None,
        *,
        methods: Sequence[str] | None = None,
        targets: Sequence[Target] | None = None,
        layers: Sequence[str] | None = None,
        target: Target | None = None,
        layer: str | nn.Module | None = None,
        scale: Scale | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Self:
        """Check the arguments of :func:`compare`.

        Raises:
            VidexplainError: They do not say one comparison.
        """
        models = list(model) if isinstance(model, Mapping) else None
        lists = {"models": models, "methods": methods, "targets": targets, "layers": layers}
        given = [name for name, values in lists.items() if values is not None]
        if len(given) != 1:
            found = f", not {' and '.join(given)}" if given else ""
            raise VidexplainError(f"one thing is compared: several models, methods, targets or layers{found}")
        compared = given[0]
        listed: Any = lists[compared]
        if isinstance(listed, str):
            raise VidexplainError(f"{compared} is a list of names, not the text '{listed}'")
        if not isinstance(listed, Iterable):
            raise VidexplainError(f"{compared} is a list, not {listed!r}")
        values: Sequence[Any] = list(listed)
        one = {"methods": method, "targets": target, "layers": layer}.get(compared)
        if one is not None:
            raise VidexplainError(f"give {compared} or {_PLACES[compared]}, not both")
        if not 2 <= len(values) <= MOST:
            raise VidexplainError(f"2 to {MOST} {compared} can be compared, not {len(values)}")
        if scale is not None and scale not in SCALES:
            raise unknown("scale", scale, SCALES)
        names = _names(compared, values)
        same: dict[str, Any] = {"model": model, "method": method or "gradcam", "target": target, "layer": layer}
        same["options"] = dict(options or {})
        own = list(model.values()) if isinstance(model, Mapping) else values
        entries = tuple(
            _fitted(
                Entry(name, **{**same, _PLACES[compared]: value}),
                values if compared == "targets" else (target,),
                compared == "methods",
            )
            for name, value in zip(names, own, strict=True)
        )
        if compared == "targets":
            _refuse_one_class_twice(entries)
        for option in options or {}:
            if not any(option in one.options for one in entries):
                users = ", ".join(dict.fromkeys(one.method for one in entries))
                raise VidexplainError(f"no method compared here has the option '{option}': {users}")
        if layer is not None and not any(METHODS[one.method].layer for one in entries):
            raise VidexplainError(f"no method compared here has a layer: {', '.join(one.method for one in entries)}")
        return cls(compared, entries, scale == "shared" if scale else compared == "targets")

    def question(self, source: FrameSource, precision: Precision, stride: int | None) -> str:
        """The SHA-256 of what is asked, known before anything is computed; that of the :class:`Comparison`."""
        questions = [
            question_of(
                source,
                config_of(one.model),
                one.method,
                target=one.target,
                layer=layer_name(one.model, one.layer),
                token_grid=None,
                precision=precision,
                stride=stride,
                options=one.options,
            )
            for one in self.entries
        ]
        return joint_question(self.compared, [one.name for one in self.entries], self.shared_scale, questions)

    def answered(
        self, source: FrameSource, *, precision: Precision, stride: int | None, progress: Progress | None = None
    ) -> Comparison:
        """Explain the clip in all ways."""
        explanations: list[Explanation] = []
        for one in self.entries:
            rest: dict[str, Any] = {"precision": precision, "stride": stride, **one.options}
            explanations.append(explain(one.model, source, one.method, target=one.target, layer=one.layer, **rest))
            if progress:
                progress(len(explanations), len(self.entries))
        names = tuple(one.name for one in self.entries)
        return Comparison(
            compared=self.compared,
            names=names,
            explanations=tuple(explanations),
            shared_scale=self.shared_scale,
            agreement=pair_agreements(names, explanations),
        )


def _names(compared: str, values: Sequence[Any]) -> list[str]:
    """What each of the values is called.

    Raises:
        VidexplainError: Two of them are called the same.
    """
    names = [_target_name(value) if compared == "targets" else str(value) for value in values]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise VidexplainError(f"{compared} has '{twice}' twice")
    return names


def _refuse_one_class_twice(entries: Sequence[Entry]) -> None:
    """Raise if two targets are the same class, such as ``"Run"`` and its index, or the same contrast."""
    seen: dict[object, str] = {}
    for entry in entries:
        config = config_of(entry.model)
        target = entry.target
        if isinstance(target, Contrast):
            place: object = contrast_of(target, config)
        elif target is None or callable(target):
            continue
        else:
            place = class_index(target, config.num_outcomes, config.outcome_labels)
        if place in seen:
            raise VidexplainError(f"targets '{seen[place]}' and '{entry.name}' are one class: compare different ones")
        seen[place] = entry.name


def _target_name(target: Any) -> str:
    if isinstance(target, Contrast):
        return f"{target.target} rather than {target.against}"
    return getattr(target, "__name__", str(target))


def _fitted(entry: Entry, targets: Sequence[Target | None], several: bool) -> Entry:
    """The entry with what its method takes.

    Args:
        entry: With the options of all methods.
        targets: All targets. The network learns all texts among them at once, so that their probabilities compare.
        several: Whether methods are compared. Some of them may depend on no class, or look at no layer.
    """
    method = METHODS[entry.method]
    known = {option.name for option in method.options}
    return replace(
        entry,
        model=with_texts(entry.model, targets),
        target=entry.target if method.candidates or not several else None,
        layer=entry.layer if method.layer or not several else None,
        options={option: value for option, value in entry.options.items() if option in known},
    )

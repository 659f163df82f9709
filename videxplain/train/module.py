"""A step of training and of validation."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videxplain.errors import VidexplainError
from videxplain.evaluation.loading import Batch
from videxplain.models.weights.config_json import CONFIG_KEY, config_to_json
from videxplain.train.onednn import TwoFramesExactly
from videxplain.train.sparsity import SparsityPrior
from videxplain.train.two_heads import ManyHeads


class Classifier(L.LightningModule):
    """Cross entropy, Adam, and a learning rate that shrinks by a constant factor in each epoch.

    It logs ``train_loss``, ``train_acc``, ``val_loss``, ``val_acc`` (top-1) and ``val_acc5``. With two datasets these
    are means over both, and the value of each is logged too, such as ``val_acc/ucf101``. The prediction for a video
    with several validation clips is the mean of their probabilities. With ``sparsity``, the share of active places in
    the default layer is multiplied by it and added to the loss, and logged as ``train_share``.
    """

    def __init__(
        self,
        heads: ManyHeads,
        names: Sequence[str],
        *,
        lr: float,
        gamma: float,
        weight_decay: float = 0.0,
        seed: int = 0,
        freeze_trunk: bool = False,
        sparsity: float = 0.0,
    ) -> None:
        """Train ``heads``, one classifier for each of the datasets called ``names``."""
        super().__init__()
        self.heads, self.names = heads, list(names)
        self.lr, self.gamma, self.weight_decay, self.seed = lr, gamma, weight_decay, seed
        self.frozen = frozen_parts(heads) if freeze_trunk else []
        for part in self.frozen:
            part.requires_grad_(False)
        for part in heads.modules():
            # Convolutions are faster in these layouts, above all in bfloat16.
            if isinstance(part, nn.Conv3d):
                part.to(memory_format=torch.channels_last_3d)
            elif isinstance(part, nn.Conv2d):
                part.to(memory_format=torch.channels_last)
        self.sparsity = sparsity
        layer = heads.configs[0].default_layer
        self._prior = SparsityPrior(heads.network.get_submodule(layer)) if sparsity else None
        self._validated: list[list[tuple[Tensor, Tensor, Tensor]]] = [[] for _ in self.names]

    def forward(self, x: Tensor, which: int = 0) -> Tensor:
        """``(N, 3, T, H, W)`` to the logits of dataset ``which``, in float32."""
        x = x.contiguous(memory_format=torch.channels_last_3d)
        if self._prior:
            self._prior.clips = len(x)
        guarded = self.training and x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        with TwoFramesExactly() if guarded else nullcontext():
            return self.heads(x, which).float()

    def train(self, mode: bool = True) -> "Classifier":
        """Set the mode. Frozen parts stay in evaluation mode, so that their batch statistics do not change."""
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the networks' configurations into the checkpoint, so that it can be loaded like a file of weights."""
        checkpoint[CONFIG_KEY] = [config_to_json(config) for config in self.heads.configs]

    def configure_optimizers(self) -> Any:
        """Adam on the parameters that are trained, and the decay of its learning rate."""
        learned = [parameter for parameter in self.parameters() if parameter.requires_grad]
        adam = torch.optim.Adam(learned, lr=self.lr, weight_decay=self.weight_decay)
        return [adam], [torch.optim.lr_scheduler.ExponentialLR(adam, self.gamma)]

    def training_step(self, batches: Sequence[Batch], _: int) -> Tensor:
        """The mean loss over a batch of each dataset, and the prior."""
        # The seed of dropout depends on the step, so that a resumed run continues exactly.
        torch.manual_seed(hash((self.seed, self.global_step, self.global_rank)) % 2**63)
        losses, right = [], []
        for i, (clips, labels, _videos) in enumerate(batches):
            logits = self(clips, i)
            losses.append(F.cross_entropy(logits, labels))
            right.append((logits.argmax(1) == labels).float().mean())
        # All batches have the same size, so the mean over batches is the mean over clips.
        self._log("train_loss", [loss.detach() for loss in losses], on_epoch=True)
        self._log("train_acc", right, on_epoch=True)
        loss = torch.stack(losses).mean()
        if self._prior is None:
            return loss
        share = self._prior.taken()
        self._log("train_share", [share.detach()], on_epoch=True)
        return loss + self.sparsity * share

    def validation_step(self, batch: Batch, _: int, dataloader_idx: int = 0) -> None:
        """Keep the network's answer for each clip."""
        clips, labels, videos = batch
        self._validated[dataloader_idx].append((videos, labels, self(clips, dataloader_idx).log_softmax(1)))

    def on_validation_epoch_end(self) -> None:
        """Average the clips of each video, count, and log."""
        losses, right = [], []
        for kept in self._validated:
            videos, labels, logs = map(torch.cat, zip(*kept, strict=True))
            losses.append(F.nll_loss(logs, labels))
            right.append(top_k_right(*video_means(videos, labels, logs.exp())).mean(0))
            kept.clear()
        if not torch.stack(losses).isfinite().all():
            raise VidexplainError(f"the loss is not finite after epoch {self.current_epoch + 1}: try a smaller lr")
        self._log("val_loss", losses)
        self._log("val_acc", [share[0] for share in right])
        self._log("val_acc5", [share[1] for share in right])

    def _log(self, name: str, values: Sequence[Tensor], on_epoch: bool | None = None) -> None:
        """Log the mean over datasets and, if there are two, each of them; averaged over processes."""
        logged = {name: torch.stack(list(values)).mean()}
        if len(values) > 1:
            logged |= {f"{name}/{dataset}": value for dataset, value in zip(self.names, values, strict=True)}
        self.log_dict(logged, on_step=False if on_epoch else None, on_epoch=on_epoch, sync_dist=True, batch_size=1)


def frozen_parts(heads: ManyHeads) -> list[nn.Module]:
    """The parts that ``freeze_trunk`` does not train: the image network, or all layers before the classifiers."""
    trunk = getattr(heads.network, "trunk", None)
    if isinstance(trunk, nn.Module):
        return [trunk]
    last = set(heads.classifiers.modules())
    # Dropout has no parameters to freeze, and stays active.
    return [part for part in heads.network.modules() if part not in last and any(True for _ in part.parameters(False))]


def video_means(videos: Tensor, labels: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """Merge the clips of each video.

    Args:
        videos: ``(N,)``, the position of each clip's video.
        labels: ``(N,)``.
        probabilities: ``(N, K)``.

    Returns:
        Labels ``(V,)`` and mean probabilities ``(V, K)`` of the V videos.
    """
    _, place, counts = videos.unique(return_inverse=True, return_counts=True)
    means = probabilities.new_zeros(len(counts), probabilities.shape[1]).index_add_(0, place, probabilities)
    merged = labels.new_zeros(len(counts)).scatter_(0, place, labels)
    return merged, means / counts[:, None]


def top_k_right(labels: Tensor, scores: Tensor) -> Tensor:
    """``(V, 2)`` float: whether the label is the best class, and whether it is among the best five."""
    best = scores.topk(min(5, scores.shape[1]), dim=1).indices == labels[:, None]
    return torch.stack([best[:, 0], best.any(1)], dim=1).float()

"""Names that the Python reference imports and the bench does not install: those of Dassl and torchvision, and CUDA on a CPU.

Only what the reference's training step calls does anything: Dassl's backward pass with the optimiser, and its accuracy.
"""

import sys
from types import ModuleType, SimpleNamespace

import torch


class TrainerX:
    """The part of Dassl's trainer that `forward_backward` calls."""

    def model_backward_and_update(self, loss):
        self.optim.zero_grad()
        if not torch.isfinite(loss).all():
            raise FloatingPointError("Loss is infinite or NaN!")
        loss.backward()
        self.optim.step()

    def update_lr(self):
        pass


def accuracy(output, target):
    """Share of right answers in per cent, in a list, as Dassl gives it."""
    return [(output.argmax(dim=1) == target).float().mean() * 100]


def nothing(*_, **__):
    return None


def module(name, **names):
    made = ModuleType(name)
    vars(made).update(names)
    sys.modules[name] = made
    return made


def remove():
    """Takes the modules away again, for libraries that look whether they are installed; what was imported keeps them."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("dassl", "torchvision")]:
        del sys.modules[name]


def install():
    registry = SimpleNamespace(register=lambda: lambda trainer: trainer)
    module("dassl")
    module("dassl.engine", TRAINER_REGISTRY=registry, TrainerX=TrainerX)
    module("dassl.metrics", compute_accuracy=accuracy)
    module("dassl.utils", load_pretrained_weights=nothing, load_checkpoint=nothing)
    module("dassl.optim", build_optimizer=nothing, build_lr_scheduler=nothing)
    names = ["Compose", "Resize", "CenterCrop", "ToTensor", "Normalize"]
    transforms = module(
        "torchvision.transforms",
        InterpolationMode=SimpleNamespace(BICUBIC="bicubic"),
        **dict.fromkeys(names, nothing),
    )
    module("torchvision", transforms=transforms, datasets=module("torchvision.datasets"))
    torch.Tensor.cuda = lambda self, *_, **__: self
    torch.nn.Module.cuda = lambda self, *_, **__: self

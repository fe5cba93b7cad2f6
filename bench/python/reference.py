"""The Python reference of LoCoOp, from a clone that LOCOOP_REFERENCE names: its towers, prompt learner, loss and training step."""

import os
import sys
import warnings
from functools import cache
from types import SimpleNamespace

import numpy
import torch
from common import inputs, normalised, timed, weights

import stand_ins

stand_ins.install()
sys.path.insert(0, os.environ["LOCOOP_REFERENCE"])
warnings.filterwarnings("ignore")

from clip_w_local import clip  # noqa: E402
from clip_w_local.model import build_model  # noqa: E402
from clip_w_local.simple_tokenizer import SimpleTokenizer  # noqa: E402
from trainers.locoop import CustomCLIP, LoCoOp  # noqa: E402
from utils.detection_util import get_measures  # noqa: E402

stand_ins.remove()

TRAINERS = {}


@cache
def model():
    made = build_model(dict(weights())).float()
    made.load_state_dict(weights())  # `build_model` rounds to float16; these weights are float32
    return made.eval()


class Given(torch.nn.Module):
    """In place of the image tower: features computed before, as when only the text step is measured."""

    def __init__(self, features, local):
        super().__init__()
        self.features, self.local = features, local

    def forward(self, _):
        return self.features, self.local


def trainer(names, top_k, with_images):
    """The reference's trainer for these class names: 16 generic contexts at the end, SGD as in its configuration."""
    key = (len(names), top_k, with_images)
    if key in TRAINERS:
        return TRAINERS[key]
    locoop = SimpleNamespace(N_CTX=16, CTX_INIT="", CSC=False, CLASS_TOKEN_POSITION="end", PREC="fp32")
    cfg = SimpleNamespace(TRAINER=SimpleNamespace(LOCOOP=locoop), INPUT=SimpleNamespace(SIZE=(224, 224)))
    custom = CustomCLIP(cfg, names, model())
    if not with_images:
        custom.image_encoder = Given(inputs()["features.global"], inputs()["features.local"])
        custom.dtype = torch.float32
    for name, parameter in custom.named_parameters():
        parameter.requires_grad_("prompt_learner" in name)
    custom.prompt_learner.ctx.data.copy_(inputs()["contexts"])
    made = LoCoOp.__new__(LoCoOp)
    made.cfg, made.model, made.device = cfg, custom, "cpu"
    made.lambda_value, made.top_k = 0.25, top_k
    made.batch_idx, made.num_batches = 0, 2
    made.optim = torch.optim.SGD(custom.prompt_learner.parameters(), lr=0.002, momentum=0.9, weight_decay=5e-4)
    TRAINERS[key] = made
    return made


def outcome(made, summary, time):
    gradient = made.model.prompt_learner.ctx.grad.flatten().numpy()
    return {**time, "values": gradient, "loss": summary["loss"]}


def text_step(names, top_k):
    """Prompts, text tower, cosines with given pictures, loss, gradient, optimiser."""
    made = trainer(names, top_k, with_images=False)
    labels = torch.arange(inputs()["features.global"].shape[0]) % len(names)
    batch = {"img": torch.zeros(1), "label": labels}
    summary, time = timed(lambda: made.forward_backward(batch))
    return outcome(made, summary, time)


def image(batch):
    """The image tower with local features."""
    pixels = normalised(inputs()["pixels"][:batch])
    with torch.no_grad():
        (features, local), time = timed(lambda: model().visual(pixels))
    return {**time, "values": torch.cat([features.flatten(), local.flatten()[::997]]).numpy()}


def load(path, crop):
    """Decoded, cut, resized and mirrored as torchvision does it with the same random numbers; uint8 [S,S,3]."""
    from PIL import Image

    box = (crop["left"], crop["top"], crop["left"] + crop["width"], crop["top"] + crop["height"])
    picture = Image.open(path).convert("RGB").crop(box).resize((224, 224), Image.BICUBIC)
    if crop["flip"]:
        picture = picture.transpose(Image.FLIP_LEFT_RIGHT)
    return torch.from_numpy(numpy.array(picture))


def training_step(names, top_k, paths, crops, labels):
    """One step of training on the fly: decode, augment, both towers, loss, gradient, optimiser."""
    made = trainer(names, top_k, with_images=True)

    def step():
        pixels = torch.stack([load(path, crop) for path, crop in zip(paths, crops)])
        return made.forward_backward({"img": normalised(pixels), "label": torch.tensor(labels)})

    summary, time = timed(step)
    return outcome(made, summary, time)


def metrics():
    """AUROC and AUPR by scikit-learn, FPR95 by the reference."""
    scores_id, scores_ood = inputs()["scores.id"].numpy(), inputs()["scores.ood"].numpy()
    values, time = timed(lambda: get_measures(scores_id, scores_ood))
    return {**time, "measures": [float(value) for value in values]}


def tokenize(names, fresh):
    """Token ids of class names, with words already met (`fresh` false) or in a new tokenizer."""
    if fresh:
        clip._tokenizer = SimpleTokenizer()
    rows, time = timed(lambda: clip.tokenize(names))
    return {**time, "values": rows.flatten().numpy()}

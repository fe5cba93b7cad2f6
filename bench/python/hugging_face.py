"""Global image features by Hugging Face's transformers, from the same weights."""

import re
from functools import cache

import torch
from common import inputs, normalised, timed, weights

BLOCK = re.compile(r"visual\.transformer\.resblocks\.(\d+)\.(.+)")
PARTS = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
SINGLE = {
    "visual.class_embedding": "embeddings.class_embedding",
    "visual.positional_embedding": "embeddings.position_embedding.weight",
    "visual.conv1.weight": "embeddings.patch_embedding.weight",
    "visual.ln_pre.weight": "pre_layrnorm.weight",
    "visual.ln_pre.bias": "pre_layrnorm.bias",
    "visual.ln_post.weight": "post_layernorm.weight",
    "visual.ln_post.bias": "post_layernorm.bias",
}


def renamed():
    """The image tower's weights under transformers' names, in its layout."""
    result = {}
    for name, value in weights().items():
        if name == "visual.proj":
            result["visual_projection.weight"] = value.t().contiguous()
        elif name in SINGLE:
            result["vision_model." + SINGLE[name]] = value
        elif found := BLOCK.fullmatch(name):
            place, part = f"vision_model.encoder.layers.{found[1]}.", found[2]
            if part.startswith("attn.in_proj_"):
                kind = part.removeprefix("attn.in_proj_")
                for letter, piece in zip("qkv", value.chunk(3)):
                    result[f"{place}self_attn.{letter}_proj.{kind}"] = piece
            else:
                owner, kind = part.rsplit(".", 1)
                result[f"{place}{PARTS[owner]}.{kind}"] = value
    return result


@cache
def model():
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    sizes = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    config = CLIPVisionConfig(**sizes, patch_size=16, image_size=224, projection_dim=512, hidden_act="quick_gelu")
    made = CLIPVisionModelWithProjection(config).eval()
    missing, unexpected = made.load_state_dict(renamed(), strict=False)
    if unexpected or [name for name in missing if "position_ids" not in name]:
        raise ValueError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    return made


def hugging_face_image(batch):
    pixels = normalised(inputs()["pixels"][:batch])
    with torch.no_grad():
        features, time = timed(lambda: model()(pixel_values=pixels).image_embeds)
    return {**time, "values": features.flatten().numpy()}

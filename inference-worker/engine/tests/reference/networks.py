"""Writes networks.json: what diffusers and transformers compute with the weights of the tests.

Run with `pip install diffusers transformers torch` in the folder that `REFERENCE_DIR=.. cargo test --test references`
filled (weights, inputs and configurations of every case); the tests read the file alone.
"""

import json
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    LlamaConfig,
    LlamaForCausalLM,
)


def load(model, name):
    weights = load_file(f"{name}.weights.safetensors")
    own = model.state_dict()
    if not set(weights) & set(own):  # transformers 5 dropped the prefix of the stored names
        weights = {key.removeprefix("text_model."): tensor for key, tensor in weights.items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [key for key in missing if "position_ids" not in key and key != "lm_head.weight"]
    assert not missing and not unexpected, (name, missing, unexpected)
    return model.eval().double()


def config(name):
    with open(f"{name}.config.json") as file:
        return json.load(file)


def inputs(name):
    tensors = load_file(f"{name}.inputs.safetensors")
    return {key: t.double() if t.is_floating_point() else t.long() for key, t in tensors.items()}


def guidance_embedding(w, width):
    """`LatentConsistencyModelPipeline.get_guidance_scale_embedding`."""
    half = width // 2
    step = torch.log(torch.tensor(10000.0, dtype=torch.float64)) / (half - 1)
    angles = 1000 * w[:, None] * torch.exp(-step * torch.arange(half))[None, :]
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)


@torch.no_grad()
def outputs():
    for name in ["clip", "clip_gelu"]:
        model = load(CLIPTextModel(CLIPTextConfig(**config(name))), name)
        out = model(inputs(name)["ids"])
        yield name, out.last_hidden_state, out.pooler_output
    for name in ["unet", "unet_film"]:
        model = load(UNet2DConditionModel.from_config(config(name)), name)
        x = inputs(name)
        out = model(x["sample"], x["timesteps"], x["states"], class_labels=x.get("class"))
        yield name, out.sample
    model = load(CLIPTextModelWithProjection(CLIPTextConfig(**config("clip_projection"))), "clip_projection")
    out = model(inputs("clip_projection")["ids"], output_hidden_states=True)
    yield "clip_projection", out.hidden_states[-2], out.text_embeds
    model = load(UNet2DConditionModel.from_config(config("unet_sdxl")), "unet_sdxl")
    x = inputs("unet_sdxl")
    told = dict(text_embeds=x["pooled"], time_ids=x["sizes"].repeat(2, 1))
    scale = guidance_embedding(x["guidance"] - 1, model.config.time_cond_proj_dim)
    out = model(x["sample"], x["timesteps"], x["states"], timestep_cond=scale.repeat(2, 1), added_cond_kwargs=told)
    yield "unet_sdxl", out.sample
    model = load(AutoencoderKL.from_config(config("vae")), "vae")
    x = inputs("vae")
    yield "vae", model.decode(x["latents"]).sample, model.encode(x["picture"]).latent_dist.mean
    for name in ["llama", "llama_scaled"]:
        model = LlamaForCausalLM(LlamaConfig(**config(name)))
        load(model, name)
        model.tie_weights()
        yield name, model(inputs(name)["ids"]).logits


result = {}
for name, *tensors in outputs():
    # Every 7th value covers all channels and places and keeps the file small.
    result[name] = [[round(v, 7) for v in t.flatten().float().tolist()[::7]] for t in tensors]
    print(name, [list(t.shape) for t in tensors], file=sys.stderr)
with open("networks.json", "w") as file:
    json.dump(result, file)

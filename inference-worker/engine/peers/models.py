"""Small models of every architecture with random weights, in the layouts of diffusers and transformers, and of others that
publish models: single checkpoints, adapters, GGUF. Nothing is downloaded."""

import re

import gguf
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

STABLE_DIFFUSION_BETAS = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")

# Words of the small models' tokenizers, in the byte-level letters of published ones.
MERGES = "a t</w>,c at</w>,e d</w>,r ed</w>,o n</w>,b l,u e</w>,bl ue</w>,o g</w>,d og</w>".split(",")


@torch.no_grad()
def randomise(model, seed):
    """Weights that keep signals at about their size, so that no error hides behind a small factor."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() > 1:
            values /= parameter[0].numel() ** 0.5
        elif name.endswith("weight"):
            values = 1 + 0.1 * values
        else:
            values *= 0.1
        parameter.copy_(values)
    return model.eval()


def bytes_to_letters():
    """The letters that byte-level tokenizers write bytes with, in the order of the bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def clip_tokenizer(length=77, merges=MERGES):
    letters = bytes_to_letters()
    words = letters + [letter + "</w>" for letter in letters] + [merge.replace(" ", "") for merge in merges]
    vocabulary = {word: i for i, word in enumerate(words + ["<|startoftext|>", "<|endoftext|>"])}
    merges = [tuple(merge.split(" ")) for merge in merges]
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=length)


def open_clip_tokenizer():
    """That of OpenCLIP's text encoders, of SD 2 and SDXL. It pads with `!`, which is its padding within a prompt too."""
    tokenizer = clip_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "!"})
    return tokenizer


def text_encoder(tokenizer, width, act, seed, projection=None):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=77,
        hidden_act=act,
        projection_dim=projection or width,
        bos_token_id=tokenizer.bos_token_id,
        # OpenAI's configurations have 2 here, which is a mistake that implementations have to know.
        eos_token_id=2 if act == "quick_gelu" else tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return randomise((CLIPTextModelWithProjection if projection else CLIPTextModel)(config), seed)


def autoencoder(seed, channels=(16, 32, 32, 32), **settings):
    levels = len(channels)
    config = dict(
        down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels,
        block_out_channels=channels,
        layers_per_block=2,
        norm_num_groups=8,
        sample_size=8 << (levels - 1),
    )
    return randomise(AutoencoderKL(**{**config, **settings}), seed)


def unet(seed, **settings):
    config = dict(block_out_channels=(16, 32, 32, 32), norm_num_groups=8, attention_head_dim=4, sample_size=8)
    return randomise(UNet2DConditionModel(**{**config, **settings}), seed)


def stable_diffusion_15():
    tokenizer = clip_tokenizer()
    return StableDiffusionPipeline(
        vae=autoencoder(1),
        text_encoder=text_encoder(tokenizer, 32, "quick_gelu", 2),
        tokenizer=tokenizer,
        unet=unet(3, cross_attention_dim=32),
        scheduler=DDIMScheduler(**STABLE_DIFFUSION_BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_21():
    tokenizer = open_clip_tokenizer()
    return StableDiffusionPipeline(
        vae=autoencoder(4, channels=(16, 24, 32), layers_per_block=1),
        text_encoder=text_encoder(tokenizer, 48, "gelu", 5),
        tokenizer=tokenizer,
        unet=unet(6, cross_attention_dim=48, attention_head_dim=[2, 4, 4, 4], use_linear_projection=True),
        scheduler=EulerDiscreteScheduler(
            **STABLE_DIFFUSION_BETAS, prediction_type="v_prediction", timestep_spacing="leading", steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl():
    tokenizer, second = clip_tokenizer(), open_clip_tokenizer()
    return StableDiffusionXLPipeline(
        vae=autoencoder(7, channels=(16, 32, 48, 32), scaling_factor=0.13025, force_upcast=False),
        text_encoder=text_encoder(tokenizer, 32, "quick_gelu", 8),
        text_encoder_2=text_encoder(second, 48, "gelu", 9, projection=48),
        tokenizer=tokenizer,
        tokenizer_2=second,
        unet=unet(
            10,
            block_out_channels=(16, 32, 32),
            down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            transformer_layers_per_block=[1, 2, 3],
            attention_head_dim=[2, 4, 4],
            cross_attention_dim=80,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 48,
        ),
        scheduler=EulerDiscreteScheduler(**STABLE_DIFFUSION_BETAS, timestep_spacing="leading", steps_offset=1),
        add_watermarker=False,
    )


PICTURE_MODELS = {"SD 1.5": stable_diffusion_15, "SD 2.1": stable_diffusion_21, "SDXL": stable_diffusion_xl}

# Beside those of the pipelines: the one of Stable Diffusion 3.
AUTOENCODERS = {
    "SD 3": lambda: autoencoder(
        15,
        channels=(16, 32, 32),
        latent_channels=16,
        scaling_factor=1.5305,
        shift_factor=0.0609,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ),
}

SMALL = dict(
    vocab_size=512,
    hidden_size=64,
    intermediate_size=160,
    num_hidden_layers=3,
    num_attention_heads=8,
    num_key_value_heads=2,
    max_position_embeddings=256,
    bos_token_id=1,
    eos_token_id=2,
)
LLAMA3_ROPE = dict(
    rope_type="llama3",
    rope_theta=500000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=64,
)


LINEAR_ROPE = dict(rope_type="linear", rope_theta=10000.0, factor=4.0)
DYNAMIC_ROPE = dict(rope_type="dynamic", rope_theta=10000.0, factor=2.0)
YARN_ROPE = dict(rope_type="yarn", rope_theta=1e6, factor=4.0, original_max_position_embeddings=64)


def small(**settings):
    return {**SMALL, **settings}


def plain_rope(base):
    return dict(rope_type="default", rope_theta=base)


def text_models():
    yield "Llama", LlamaForCausalLM(LlamaConfig(**SMALL, rms_norm_eps=1e-5)), 11
    llama3 = LlamaConfig(**SMALL, rope_parameters=LLAMA3_ROPE, tie_word_embeddings=True)
    yield "Llama 3.2", LlamaForCausalLM(llama3), 12
    # One key head for eight queries, and layers that are wider than they are in Llama.
    tiny = LlamaConfig(**small(hidden_size=128, intermediate_size=352, num_attention_heads=16, num_key_value_heads=2))
    yield "TinyLlama", LlamaForCausalLM(tiny), 16
    # Numbers that are no powers of two.
    smol = LlamaConfig(
        **small(hidden_size=72, intermediate_size=192, num_attention_heads=9, num_key_value_heads=3),
        tie_word_embeddings=True,
        rope_parameters=plain_rope(100000.0),
    )
    yield "SmolLM 2", LlamaForCausalLM(smol), 17
    smol3 = SmolLM3Config(
        **small(num_hidden_layers=5, pad_token_id=0), no_rope_layer_interval=4, rope_parameters=plain_rope(5e6)
    )
    yield "SmolLM 3", SmolLM3ForCausalLM(smol3), 18
    qwen2 = Qwen2Config(**SMALL, rope_parameters=plain_rope(1e6))
    yield "Qwen 2.5", Qwen2ForCausalLM(qwen2), 13
    qwen3 = Qwen3Config(**SMALL, head_dim=16, rope_parameters=plain_rope(1e6))
    yield "Qwen 3", Qwen3ForCausalLM(qwen3), 14
    biased = LlamaConfig(**SMALL, attention_bias=True, mlp_bias=True)
    yield "Llama, biases", LlamaForCausalLM(biased), 19
    yield "Llama, linear rope", LlamaForCausalLM(LlamaConfig(**SMALL, rope_parameters=LINEAR_ROPE)), 20
    yield "Llama, dynamic rope", LlamaForCausalLM(LlamaConfig(**SMALL, rope_parameters=DYNAMIC_ROPE)), 21
    yield "Qwen 2.5, YaRN", Qwen2ForCausalLM(Qwen2Config(**SMALL, rope_parameters=YARN_ROPE)), 22


def save_text_model(folder, model, seed):
    randomise(model, seed).save_pretrained(folder)
    return model


# By the `model_type` of transformers. Files of the first two have the pairs of the rotary embedding side by side.
GGUF = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "smollm3": gguf.MODEL_ARCH.SMOLLM3,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
}
PAIRED = {"llama", "smollm3"}


def side_by_side(rows, heads):
    """The halves of each head's rows interleaved, as ggml has them."""
    pairs = rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1)
    return pairs.transpose(1, 2).reshape(rows.shape)


def save_gguf(path, network):
    """The weights as they are, f32 or f16, and what a GGUF file says of a model."""
    config, kind = network.config, network.config.model_type
    writer = gguf.GGUFWriter(path, kind, use_temp_file=False)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    names = gguf.get_tensor_name_map(GGUF[kind], config.num_hidden_layers)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, tensor in network.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        for projection, count in heads.items():
            if kind in PAIRED and f"{projection}." in name:
                tensor = side_by_side(tensor, count)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), tensor.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# The original layout of Stable Diffusion: what stands in for a name of diffusers, tried in this order.
ORIGINAL_UNET = [
    (r"time_embedding\.linear_1", "time_embed.0"),
    (r"time_embedding\.linear_2", "time_embed.2"),
    (r"add_embedding\.linear_1", "label_emb.0.0"),
    (r"add_embedding\.linear_2", "label_emb.0.2"),
    (r"conv_in", "input_blocks.0.0"),
    (r"conv_norm_out", "out.0"),
    (r"conv_out", "out.2"),
    (r"mid_block\.resnets\.(\d)", lambda m: f"middle_block.{2 * int(m[1])}"),
    (r"mid_block\.attentions\.0", "middle_block.1"),
    (r"down_blocks\.(\d)\.resnets\.(\d)", lambda m: f"input_blocks.{3 * int(m[1]) + int(m[2]) + 1}.0"),
    (r"down_blocks\.(\d)\.attentions\.(\d)", lambda m: f"input_blocks.{3 * int(m[1]) + int(m[2]) + 1}.1"),
    (r"down_blocks\.(\d)\.downsamplers\.0\.conv", lambda m: f"input_blocks.{3 * int(m[1]) + 3}.0.op"),
    (r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"output_blocks.{3 * int(m[1]) + int(m[2])}.0"),
    (r"up_blocks\.(\d)\.attentions\.(\d)", lambda m: f"output_blocks.{3 * int(m[1]) + int(m[2])}.1"),
]
ORIGINAL_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
ORIGINAL_VAE = [
    (r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}"),
    (r"mid_block\.attentions\.0", "mid.attn_1"),
    (r"attn_1\.group_norm", "attn_1.norm"),
    (r"attn_1\.to_([qkv])", r"attn_1.\1"),
    (r"attn_1\.to_out\.0", "attn_1.proj_out"),
    (r"conv_shortcut", "nin_shortcut"),
    (r"conv_norm_out", "norm_out"),
    (r"down_blocks\.(\d)\.resnets", r"down.\1.block"),
    (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
]
OPEN_CLIP = [
    (r"embeddings\.token_embedding", "token_embedding"),
    (r"embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"final_layer_norm", "ln_final"),
    (r"encoder\.layers", "transformer.resblocks"),
    (r"layer_norm([12])", r"ln_\1"),
    (r"self_attn\.out_proj", "attn.out_proj"),
    (r"mlp\.fc1", "mlp.c_fc"),
    (r"mlp\.fc2", "mlp.c_proj"),
]


def renamed(rules, name):
    for pattern, new in rules:
        name = re.sub(pattern, new, name)
    return name


def original_unet_name(pipeline, name):
    blocks = pipeline.unet.config.up_block_types

    def upsampler(match):
        level = int(match[1])
        # Behind the last layer's transformer, if it has one.
        return f"output_blocks.{3 * level + 2}.{2 if 'CrossAttn' in blocks[level] else 1}.conv"

    new = renamed([(r"up_blocks\.(\d)\.upsamplers\.0\.conv", upsampler), *ORIGINAL_UNET], name)
    if ".resnets." in name:
        new = re.sub("|".join(ORIGINAL_RESNET), lambda match: ORIGINAL_RESNET[match[0]], new)
    return new


def original_vae_name(pipeline, name):
    last = len(pipeline.vae.config.block_out_channels) - 1
    up = [
        (r"up_blocks\.(\d)\.resnets", lambda m: f"up.{last - int(m[1])}.block"),
        (r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{last - int(m[1])}.upsample"),
    ]
    return renamed(up + ORIGINAL_VAE, name)


def text_weights(encoder):
    """The tensors under the names of published files, which transformers 5 shortens."""
    for name, tensor in encoder.state_dict().items():
        outside = name.startswith(("text_model.", "text_projection."))
        yield (name if outside else f"text_model.{name}"), tensor


def open_clip(encoder):
    """OpenCLIP's layout: query, key and value in one, the projection transposed."""
    tensors, joint = {}, {}
    for name, tensor in text_weights(encoder):
        if name == "text_projection.weight":
            tensors["text_projection"] = tensor.T
            continue
        name = renamed(OPEN_CLIP, name.removeprefix("text_model."))
        projection = re.fullmatch(r"(.*)\.self_attn\.([qkv])_proj\.(weight|bias)", name)
        if projection:
            joint.setdefault(f"{projection[1]}.attn.in_proj_{projection[3]}", {})[projection[2]] = tensor
        else:
            tensors[name] = tensor
    return tensors | {name: torch.cat([parts[part] for part in "qkv"]) for name, parts in joint.items()}


def checkpoint(name, pipeline):
    """A pipeline's networks in one file."""
    tensors = {f"model.diffusion_model.{original_unet_name(pipeline, key)}": tensor
               for key, tensor in pipeline.unet.state_dict().items()}
    for key, tensor in pipeline.vae.state_dict().items():
        key = original_vae_name(pipeline, key)
        # Convolutions there, linear layers here.
        is_projection = re.search(r"attn_1\.(q|k|v|proj_out)\.weight", key)
        tensors[f"first_stage_model.{key}"] = tensor[:, :, None, None] if is_projection else tensor
    encoders = {
        "SD 1.5": [("cond_stage_model.transformer", "text_encoder", False)],
        "SD 2.1": [("cond_stage_model.model", "text_encoder", True)],
        "SDXL": [
            ("conditioner.embedders.0.transformer", "text_encoder", False),
            ("conditioner.embedders.1.model", "text_encoder_2", True),
        ],
    }
    for prefix, part, is_open in encoders[name]:
        encoder = getattr(pipeline, part)
        weights = open_clip(encoder) if is_open else dict(text_weights(encoder))
        tensors |= {f"{prefix}.{key}": tensor for key, tensor in weights.items()}
    return {key: tensor.contiguous() for key, tensor in tensors.items()}


RANK = 4


def low_rank_layers(network, wanted):
    """Names and layers that an adapter changes."""
    for name, layer in network.named_modules():
        if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)) and re.search(wanted, name):
            yield name, layer


def low_rank(layer, draw):
    """What goes down to the rank, and up again."""
    outputs, inputs = layer.weight.shape[:2]
    kernel = layer.weight.shape[2:]
    down = torch.randn(RANK, inputs, *kernel, generator=draw) / layer.weight[0].numel() ** 0.5
    up = torch.randn(outputs, RANK, *[1 for _ in kernel], generator=draw) / RANK**0.5
    return down, up


def published_text_name(name):
    return name if name.startswith("text_model.") else f"text_model.{name}"


def kohya_lora(pipeline, seed):
    """An adapter with the names of kohya's scripts, and alphas; for SDXL its UNet has the blocks of the original layout."""
    draw, tensors = torch.Generator().manual_seed(seed), {}
    has_two = getattr(pipeline, "text_encoder_2", None) is not None

    def add(prefix, name, layer):
        base = f"{prefix}_{name.replace('.', '_')}"
        tensors[f"{base}.lora_down.weight"], tensors[f"{base}.lora_up.weight"] = low_rank(layer, draw)
        tensors[f"{base}.alpha"] = torch.tensor(RANK / 2)

    for name, layer in low_rank_layers(pipeline.unet, r"attn[12]\.to_|ff\.net|proj_in|proj_out"):
        add("lora_unet", original_unet_name(pipeline, name) if has_two else name, layer)
    for prefix, part in [("lora_te1" if has_two else "lora_te", "text_encoder"), ("lora_te2", "text_encoder_2")]:
        encoder = getattr(pipeline, part, None)
        if encoder is not None:
            for name, layer in low_rank_layers(encoder, r"[qkv]_proj|out_proj|mlp\.fc"):
                add(prefix, published_text_name(name), layer)
    return tensors


def peft_lora(pipeline, seed):
    """An adapter with the names of PEFT, as diffusers saves it; of convolutions too."""
    draw, tensors = torch.Generator().manual_seed(seed), {}
    parts = [
        ("unet", pipeline.unet, r"attn[12]\.to_(q|v|out)|resnets\.\d\.conv1|downsamplers\.0\.conv"),
        ("text_encoder", pipeline.text_encoder, r"[qv]_proj"),
    ]
    for prefix, network, wanted in parts:
        for name, layer in low_rank_layers(network, wanted):
            name = name if prefix == "unet" else published_text_name(name)
            down, up = low_rank(layer, draw)
            tensors |= {f"{prefix}.{name}.lora_A.weight": down, f"{prefix}.{name}.lora_B.weight": up}
    return tensors

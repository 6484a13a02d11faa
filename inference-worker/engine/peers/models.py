"""Small models of every architecture with random weights, in the layouts of diffusers and transformers. Nothing is
downloaded."""

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
    tokenizer = clip_tokenizer()
    return StableDiffusionPipeline(
        vae=autoencoder(4),
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
    # The second tokenizer of SDXL pads with `!`, which is the first letter.
    tokenizer, second = clip_tokenizer(), clip_tokenizer()
    second.pad_token = "!"
    return StableDiffusionXLPipeline(
        vae=autoencoder(7, scaling_factor=0.13025, force_upcast=False),
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


def text_models():
    yield "Llama", LlamaForCausalLM(LlamaConfig(**SMALL, rms_norm_eps=1e-5)), 11
    llama3 = LlamaConfig(**SMALL, rope_parameters=LLAMA3_ROPE, tie_word_embeddings=True)
    yield "Llama 3.2", LlamaForCausalLM(llama3), 12
    yield "Qwen 2.5", Qwen2ForCausalLM(Qwen2Config(**SMALL, rope_parameters=dict(rope_type="default", rope_theta=1e6))), 13
    qwen3 = Qwen3Config(**SMALL, head_dim=16, rope_parameters=dict(rope_type="default", rope_theta=1e6))
    yield "Qwen 3", Qwen3ForCausalLM(qwen3), 14


def save_text_model(folder, model, seed):
    randomise(model, seed).save_pretrained(folder)
    return model

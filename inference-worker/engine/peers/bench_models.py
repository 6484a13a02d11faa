"""The models that bench.py measures: random weights in the shapes of Stable Diffusion 1.5 and of a Llama with a billion
parameters, in f16 and bf16 as such models are published, and the inputs that all peers get."""

import json
import pathlib

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from models import bytes_to_letters
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, LlamaConfig, LlamaForCausalLM

UNET = dict(sample_size=64, cross_attention_dim=768, attention_head_dim=8, block_out_channels=(320, 640, 1280, 1280))
VAE = dict(
    block_out_channels=(128, 256, 512, 512),
    down_block_types=["DownEncoderBlock2D"] * 4,
    up_block_types=["UpDecoderBlock2D"] * 4,
    layers_per_block=2,
    sample_size=512,
)
TEXT_ENCODER = dict(
    vocab_size=49408,
    hidden_size=768,
    intermediate_size=3072,
    num_hidden_layers=12,
    num_attention_heads=12,
    max_position_embeddings=77,
    projection_dim=768,
    eos_token_id=2,
)
LLAMA = dict(
    vocab_size=128256,
    hidden_size=2048,
    intermediate_size=8192,
    num_hidden_layers=16,
    num_attention_heads=32,
    num_key_value_heads=8,
    head_dim=64,
    max_position_embeddings=2048,
    rms_norm_eps=1e-5,
    tie_word_embeddings=True,
    bos_token_id=128000,
    eos_token_id=128001,
)
ROPE_THETA = 500000.0


def done(folder):
    """Whether an earlier run finished this file or folder."""
    return pathlib.Path(f"{folder}.done").exists()


def finish(folder):
    pathlib.Path(f"{folder}.done").touch()


def write(folder, prompt, following):
    """The model that belongs into the folder of this name, and its inputs."""
    if done(folder):
        return
    print(f"    writing {folder}", flush=True)
    torch.manual_seed(1)
    draw = torch.Generator().manual_seed(2)
    folder.mkdir(parents=True, exist_ok=True)
    if folder.name == "unet":
        UNet2DConditionModel(**UNET).half().save_pretrained(folder)
        sample, states = torch.randn(1, 4, 64, 64, generator=draw), torch.randn(1, 77, 768, generator=draw)
        inputs = dict(sample=sample, states=states)
    elif folder.name == "vae":
        AutoencoderKL(**VAE).half().save_pretrained(folder)
        inputs = dict(latents=torch.randn(1, 4, 64, 64, generator=draw))
    else:
        write_llama(folder)
        ids = torch.randint(3, LLAMA["vocab_size"], (1, prompt + following), generator=draw)
        inputs = dict(prompt=ids[:, :prompt].contiguous(), next=ids[:, prompt:].contiguous())
    save_file(inputs, folder / "inputs.safetensors")
    finish(folder)


@torch.no_grad()
def write_llama(folder):
    config = LlamaConfig(**LLAMA, rope_parameters=dict(rope_type="default", rope_theta=ROPE_THETA))
    standard = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        model = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(standard)
    model.save_pretrained(folder, max_shard_size="10GB")
    # transformers 5 keeps the base of the rotary embedding in `rope_parameters`; others look for `rope_theta`.
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["rope_theta"] = ROPE_THETA
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")


def write_whole_stable_diffusion(folder):
    """What stable-diffusion.cpp wants besides: a text encoder, and names of files that it looks for."""
    at = folder / "text_encoder"
    if not done(at):
        torch.manual_seed(3)
        CLIPTextModel(CLIPTextConfig(**TEXT_ENCODER)).half().save_pretrained(at)
        path = at / "model.safetensors"
        tensors = load_file(path)
        if not any(name.startswith("text_model.") for name in tensors):
            # transformers 5 leaves out the prefix that published files have.
            save_file({f"text_model.{name}": tensor for name, tensor in tensors.items()}, path, dict(format="pt"))
        finish(at)


def write_gguf(folder):
    """The same weights in f32 as GGUF. llama.cpp has the halves of each head's rows interleaved."""
    import gguf

    path = folder / "model.gguf"
    if done(path):
        return
    print(f"    writing {path}", flush=True)
    writer = gguf.GGUFWriter(path, "llama", use_temp_file=False)
    writer.add_block_count(LLAMA["num_hidden_layers"])
    writer.add_context_length(LLAMA["max_position_embeddings"])
    writer.add_embedding_length(LLAMA["hidden_size"])
    writer.add_feed_forward_length(LLAMA["intermediate_size"])
    writer.add_head_count(LLAMA["num_attention_heads"])
    writer.add_head_count_kv(LLAMA["num_key_value_heads"])
    writer.add_rope_dimension_count(LLAMA["head_dim"])
    writer.add_rope_freq_base(ROPE_THETA)
    writer.add_layer_norm_rms_eps(LLAMA["rms_norm_eps"])
    writer.add_vocab_size(LLAMA["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    letters = bytes_to_letters()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(letters + [f"token{i}" for i in range(len(letters), LLAMA["vocab_size"])])
    writer.add_token_types([gguf.TokenType.NORMAL] * LLAMA["vocab_size"])
    writer.add_token_merges([f"{letters[0]} {letters[1]}"])
    writer.add_bos_token_id(LLAMA["bos_token_id"])
    writer.add_eos_token_id(LLAMA["eos_token_id"])

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, LLAMA["num_hidden_layers"])
    heads = {"q_proj": LLAMA["num_attention_heads"], "k_proj": LLAMA["num_key_value_heads"]}
    for name, tensor in load_file(folder / "model.safetensors").items():
        tensor = tensor.float()
        for projection, count in heads.items():
            if f"{projection}.weight" in name:
                rows = tensor.reshape(count, 2, tensor.shape[0] // count // 2, tensor.shape[1])
                tensor = rows.transpose(1, 2).reshape(tensor.shape)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), tensor.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    finish(path)

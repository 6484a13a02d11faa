"""The models that bench.py measures: random weights in the shapes of Stable Diffusion 1.5 and of a Llama with a billion
parameters, in f16 and bf16 as such models are published, and the inputs that all peers get. Whole models are folders as they
are published, with tokenizers as large as theirs."""

import itertools
import json
import os
import pathlib
import shutil

import diffusers
import tokenizers
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from models import STABLE_DIFFUSION_BETAS, bytes_to_letters, clip_tokenizer, side_by_side
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

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
# Of the Llama's tokens, those that merges make; special ones follow.
LLAMA_WORDS = 128000
LLAMA_MARKS = {
    0: "<|begin_of_text|>", 1: "<|end_of_text|>", 6: "<|start_header_id|>", 7: "<|end_header_id|>", 9: "<|eot_id|>"
}
LLAMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
# What a whole model is asked for; no file of the model, since its name begins with a dot.
REQUEST = ".request.json"
SIDE, STEPS, GUIDANCE = 512, 2, 7.5


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


def write_gguf(folder, rounded):
    """The same weights as GGUF, in f32 or in the bf16 that they are in. llama.cpp has the halves of each head's rows
    interleaved."""
    import gguf

    path = folder / ("model-bf16.gguf" if rounded else "model.gguf")
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
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16 if rounded else gguf.LlamaFileType.ALL_F32)
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
                tensor = side_by_side(tensor, count)
        name, values = names.get_name(name, try_suffixes=(".weight",)), tensor.contiguous().numpy()
        if rounded and values.ndim > 1:
            kind = gguf.GGMLQuantizationType.BF16
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    finish(path)


def merges(count):
    """So many merges of letters that no prompt here has: a tokenizer as large as a published one, that reads a letter of the
    alphabet as a token."""
    letters = bytes_to_letters()[128:]
    pairs = [f"{a} {b}" for a, b in itertools.product(letters, letters)]
    triples = (f"{a}{b} {c}" for a, b, c in itertools.product(letters, letters, letters))
    return pairs[:count] + list(itertools.islice(triples, max(0, count - len(pairs))))


def link(source, target):
    """The same file in another folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def write_whole(folder, case, prompt, following):
    """The folder of a whole model, `picture` or `chat`, as an operator has it, and what it is asked for."""
    at = folder / case
    if done(at):
        return
    print(f"    writing {at}", flush=True)
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(parents=True)
    request = write_picture(folder, at) if case == "picture" else write_chat(folder, at, prompt, following)
    (at / REQUEST).write_text(json.dumps(request), encoding="utf-8")
    finish(at)


def write_picture(folder, at):
    parts = folder / "stable-diffusion"
    for part in ["unet", "vae"]:
        write(parts / part, 0, 0)
        for name in ["config.json", "diffusion_pytorch_model.safetensors"]:
            link(parts / part / name, at / part / name)
    write_whole_stable_diffusion(parts)
    for name in ["config.json", "model.safetensors"]:
        link(parts / "text_encoder" / name, at / "text_encoder" / name)
    letters = len(bytes_to_letters())
    tokenizer = clip_tokenizer(merges=merges(TEXT_ENCODER["vocab_size"] - 2 * letters - 2))
    tokenizer.save_pretrained(at / "tokenizer")
    scheduler = DDIMScheduler(**STABLE_DIFFUSION_BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    scheduler.save_pretrained(at / "scheduler")
    index = dict(
        _class_name="StableDiffusionPipeline",
        _diffusers_version=diffusers.__version__,
        feature_extractor=[None, None],
        requires_safety_checker=False,
        safety_checker=[None, None],
        scheduler=["diffusers", "DDIMScheduler"],
        text_encoder=["transformers", "CLIPTextModel"],
        tokenizer=["transformers", "CLIPTokenizer"],
        unet=["diffusers", "UNet2DConditionModel"],
        vae=["diffusers", "AutoencoderKL"],
    )
    (at / "model_index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")
    return dict(
        image=dict(
            prompt="a red cat on blue", negative_prompt="dog", width=SIDE, height=SIDE, steps=STEPS, guidance=GUIDANCE
        )
    )


def write_chat(folder, at, prompt, following):
    write(folder / "llama", prompt, following)
    for name in ["config.json", "generation_config.json", "model.safetensors"]:
        link(folder / "llama" / name, at / name)
    letters = bytes_to_letters()
    made = merges(LLAMA_WORDS - len(letters))
    words = letters + [merge.replace(" ", "") for merge in made]
    model = tokenizers.models.BPE(
        vocab={word: i for i, word in enumerate(words)}, merges=[tuple(merge.split(" ")) for merge in made]
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    marks = [LLAMA_MARKS.get(i, f"<|reserved_special_token_{i}|>") for i in range(LLAMA["vocab_size"] - LLAMA_WORDS)]
    tokenizer.add_special_tokens(marks)
    whole = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=LLAMA_MARKS[0],
        eos_token=LLAMA_MARKS[9],
        chat_template=LLAMA_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )
    whole.save_pretrained(at)
    text = ("what do you see there " * prompt)[: prompt - len(chat_ids(whole, ""))]
    assert len(chat_ids(whole, text)) == prompt
    return dict(text=dict(prompt=text, max_tokens=following, temperature=0))


def chat_ids(tokenizer, text):
    """The tokens of a message up to where the reply begins."""
    messages = [dict(role="user", content=text)]
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]

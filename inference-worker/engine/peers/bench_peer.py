"""A peer of the engine with one model, at the pace that bench.py sets: the counterpart of `examples/bench.rs`.

Usage: bench_peer.py ENGINE CASE FOLDER THREADS
  ENGINE  torch, llama.cpp or stable-diffusion.cpp; torch-bf16 or llama.cpp-bf16, which compute with less
  CASE    unet, unet-guided, vae, decode, prefill, picture or chat

It loads the model and says "ready". For every line that it reads it does the work of one round, and says on a line of JSON
how many seconds that took and what came out. What libraries print goes to stderr.
"""

import functools
import json
import os
import pathlib
import sys
import time

TIMESTEP = 500.0


def timed(work):
    start = time.perf_counter()
    output = work()
    return time.perf_counter() - start, output


def torch_round(case, folder, threads, rounded=False):
    import torch
    from safetensors.torch import load_file

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    if case in ["picture", "chat"]:
        return torch_whole(folder)
    dtype = torch.bfloat16 if rounded else torch.float32
    inputs = load_file(folder / "inputs.safetensors")
    if case in ["unet", "unet-guided"]:
        from diffusers import UNet2DConditionModel

        unet = UNet2DConditionModel.from_pretrained(folder, torch_dtype=dtype).eval()
        batch = 2 if case == "unet-guided" else 1
        sample, states = (torch.cat([inputs[name]] * batch).to(dtype) for name in ["sample", "states"])
        return lambda: timed(lambda: unet(sample, TIMESTEP, states).sample.float())
    if case == "vae":
        from diffusers import AutoencoderKL

        vae = AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).eval()
        return lambda: timed(lambda: vae.decode(inputs["latents"]).sample)

    import copy

    from transformers import DynamicCache, LlamaForCausalLM

    llama = LlamaForCausalLM.from_pretrained(folder, dtype=dtype).eval()

    def after(ids, cache):
        return llama(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1].float()

    if case == "prefill":
        return lambda: timed(lambda: after(inputs["prompt"], DynamicCache(config=llama.config)))
    full = DynamicCache(config=llama.config)
    after(inputs["prompt"], full)

    def decode():
        cache = copy.deepcopy(full)

        def work():
            for token in inputs["next"].split(1, dim=1):
                logits = after(token, cache)
            return logits

        return timed(work)

    return decode


def torch_whole(folder):
    """A whole job, as users run it."""
    import bench_models
    import torch
    from safetensors.torch import load_file

    request = json.loads((folder / bench_models.REQUEST).read_text(encoding="utf-8"))
    if "image" in request:
        from diffusers import StableDiffusionPipeline

        pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)
        pipeline.set_progress_bar_config(disable=True)
        wanted = request["image"]
        sides = [wanted[side] // pipeline.vae_scale_factor for side in ["height", "width"]]
        # The noise of the engine's seed.
        latents = load_file(folder / ".noise.safetensors")["noise"].reshape(1, -1, *sides)

        def picture():
            values = pipeline(
                wanted["prompt"],
                negative_prompt=wanted["negative_prompt"],
                width=wanted["width"],
                height=wanted["height"],
                num_inference_steps=wanted["steps"],
                guidance_scale=wanted["guidance"],
                latents=latents,
                output_type="np",
            ).images[0]
            return (values * 255).round()

        return lambda: timed(picture)

    from transformers import AutoTokenizer, LlamaForCausalLM

    llama = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    wanted = request["text"]

    def reply():
        ids = torch.tensor([bench_models.chat_ids(tokenizer, wanted["prompt"])])
        told = llama.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=wanted["max_tokens"],
            do_sample=False,
            pad_token_id=tokenizer.eos_token_id,
        )
        tokens = told[0, ids.shape[1] :]
        tokenizer.decode(tokens)
        return tokens

    return lambda: timed(reply)


def llama_cpp_round(case, folder, threads, rounded=False):
    import numpy
    import llama_cpp
    from safetensors.numpy import load_file

    inputs = load_file(folder / "inputs.safetensors")
    prompt, following = inputs["prompt"][0].tolist(), inputs["next"][0].tolist()
    llama = llama_cpp.Llama(
        model_path=str(folder / ("model-bf16.gguf" if rounded else "model.gguf")),
        n_ctx=len(prompt) + len(following) + 8,
        n_batch=len(prompt),
        n_ubatch=len(prompt),
        n_threads=threads,
        n_threads_batch=threads,
        n_gpu_layers=0,
        # Keys and values in f32, as everybody else has them.
        type_k=llama_cpp.GGML_TYPE_F32,
        type_v=llama_cpp.GGML_TYPE_F32,
        verbose=False,
    )

    def logits():
        pointer = llama_cpp.llama_get_logits_ith(llama.ctx, -1)
        return numpy.ctypeslib.as_array(pointer, shape=(llama.n_vocab(),)).copy()

    def prefill():
        llama.reset()
        return timed(lambda: (llama.eval(prompt), logits())[1])

    if case == "prefill":
        return prefill
    prefill()

    def decode():
        # What is behind this many tokens is forgotten at the next `eval`.
        llama.n_tokens = len(prompt)

        def work():
            for token in following:
                llama.eval([token])
            return logits()

        return timed(work)

    return decode


def stable_diffusion_cpp_round(case, folder, threads):
    import numpy
    from stable_diffusion_cpp import StableDiffusion

    engine = StableDiffusion(
        model_path=str(folder.parent), n_threads=threads, wtype="f32", vae_decode_only=True, verbose=False
    )

    steps = 3

    def round_():
        # Without guidance, unless it is asked for. A step lasts from one report to the next; the last one's end is where
        # decoding begins. Loading reports too, with other totals.
        reached = {}

        def report(step, of, _seconds):
            if of == steps:
                reached.setdefault(step, time.perf_counter())

        pictures = engine.generate_image(
            prompt="",
            width=512,
            height=512,
            sample_steps=steps,
            cfg_scale=7.5 if case == "unet-guided" else 1.0,
            sample_method="euler",
            seed=1,
            progress_callback=report,
        )
        end = time.perf_counter()
        if not {steps - 1, steps} <= set(reached):
            raise RuntimeError(f"it reported the ends of steps {sorted(reached)}, of {steps}")
        seconds = end - reached[steps] if case == "vae" else reached[steps] - reached[steps - 1]
        # It begins with noise of its own, so that its output is nobody else's.
        return seconds, numpy.asarray(pictures[0], dtype=numpy.float32)

    return round_


ENGINES = {
    "torch": torch_round,
    "torch-bf16": functools.partial(torch_round, rounded=True),
    "llama.cpp": llama_cpp_round,
    "llama.cpp-bf16": functools.partial(llama_cpp_round, rounded=True),
    "stable-diffusion.cpp": stable_diffusion_cpp_round,
}


def main():
    engine, case, folder, threads = sys.argv[1:]
    # Libraries print to stdout, some of them from C.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(what):
        print(json.dumps(what), file=out, flush=True)

    import numpy

    work = ENGINES[engine](case, pathlib.Path(folder), int(threads))
    say("ready")
    for _ in sys.stdin:
        seconds, output = work()
        values = numpy.asarray(output, dtype=numpy.float64).reshape(-1)
        peek = values[:: max(1, values.size // 16)][:16]
        say({"seconds": seconds, "size": float(numpy.sqrt((values * values).mean())), "peek": peek.tolist()})


if __name__ == "__main__":
    main()

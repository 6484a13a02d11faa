"""Compares the engine with diffusers, transformers and PEFT: the same random weights, saved by those libraries in their own
layout, and the same inputs. The same weights stored in another way, as a single checkpoint, in shards or as GGUF, must give the
same bits. Prints a table, and fails when a difference is above its tolerance.

Usage: agree.py TENSORS FOLDER [--markdown FILE]
  TENSORS  the program that runs the engine, `inference-worker/engine/examples/tensors.rs`
  FOLDER   where models, inputs and outputs go
"""

import argparse
import contextlib
import json
import logging
import math
import pathlib
import shutil
import subprocess
import sys
import warnings
from unittest import mock

import diffusers
import models
import torch
import transformers
from diffusers import (
    AutoPipelineForImage2Image,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)
from PIL import Image
from safetensors.torch import load_file, save_file

# Differences count in units of the largest value (at least 1). Networks are run by the peers in f64 as well, because in
# f32 they are off by as much as the engine is.
NETWORK_TOLERANCE = 2e-5
# diffusers computes its schedules in f32, which costs the smallest noise levels a few digits.
SCHEDULER_TOLERANCE = 2e-4
# A pipeline has many steps behind each other.
PIPELINE_TOLERANCE = 1e-3

STABLE_DIFFUSION = models.STABLE_DIFFUSION_BETAS
SCHEDULERS = [
    ("DDIM", DDIMScheduler, 20, dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1)),
    ("DDIM, v, trailing, zero SNR", DDIMScheduler, 20, dict(
        prediction_type="v_prediction", timestep_spacing="trailing", rescale_betas_zero_snr=True, clip_sample=False)),
    ("Euler", EulerDiscreteScheduler, 20, dict(timestep_spacing="leading", steps_offset=1)),
    ("Euler, v, trailing", EulerDiscreteScheduler, 20, dict(
        prediction_type="v_prediction", timestep_spacing="trailing")),
    ("Euler, Karras", EulerDiscreteScheduler, 20, dict(use_karras_sigmas=True)),
    ("Euler ancestral", EulerAncestralDiscreteScheduler, 20, dict(timestep_spacing="leading", steps_offset=1)),
    ("Euler ancestral, v", EulerAncestralDiscreteScheduler, 20, dict(prediction_type="v_prediction")),
    ("Euler ancestral, Turbo", EulerAncestralDiscreteScheduler, 4, dict(timestep_spacing="trailing")),
    ("DPM++ 2M", DPMSolverMultistepScheduler, 20, {}),
    ("DPM++ 2M, Karras", DPMSolverMultistepScheduler, 20, dict(use_karras_sigmas=True)),
    ("DPM++ 2M, Karras, v", DPMSolverMultistepScheduler, 20, dict(
        use_karras_sigmas=True, prediction_type="v_prediction")),
    ("DPM++ 2M, Heun", DPMSolverMultistepScheduler, 12, dict(solver_type="heun", timestep_spacing="trailing")),
    ("UniPC", UniPCMultistepScheduler, 20, {}),
    # With a last noise level of zero diffusers' last step of it is not a number.
    ("UniPC, bh1", UniPCMultistepScheduler, 12, dict(
        solver_type="bh1", timestep_spacing="trailing", final_sigmas_type="sigma_min")),
    ("UniPC, Karras, v", UniPCMultistepScheduler, 20, dict(use_karras_sigmas=True, prediction_type="v_prediction")),
    ("LCM", LCMScheduler, 4, dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1)),
    ("LCM, v", LCMScheduler, 8, dict(prediction_type="v_prediction")),
]


class Table:
    """The rows, and whether all of them are good."""

    def __init__(self):
        self.rows = []
        self.bad = 0

    def add(self, what, model, peer, difference, tolerance, own, verdict):
        self.rows.append((what, model, peer, difference, tolerance, own, verdict))
        self.bad += verdict != "agrees"
        print(f"{what:26} {model:28} {difference:>10} {tolerance:>10} {own:>10}  {verdict}", flush=True)

    def compare(self, what, model, peer, ours, theirs, tolerance, exact=None):
        """`exact` is what the peer computes in f64: the column `own` says how far its f32 is from it."""
        if tuple(ours.shape) != tuple(theirs.shape):
            self.add(what, model, peer, "-", "-", "-", f"shapes {list(ours.shape)} and {list(theirs.shape)}")
            return
        reference = theirs if exact is None else exact
        difference = distance(ours, reference)
        own = "" if exact is None else f"{distance(theirs, exact):.1e}"
        verdict = "agrees" if difference <= tolerance else "DIFFERS"
        self.add(what, model, peer, f"{difference:.1e}", f"{tolerance:.0e}", own, verdict)

    def same(self, what, model, peer, ours, theirs):
        ours, theirs = ours.flatten().tolist(), theirs.flatten().tolist()
        equal = sum(a == b for a, b in zip(ours, theirs))
        verdict = "agrees" if ours == theirs else "DIFFERS"
        self.add(what, model, peer, f"{equal} of {len(theirs)}", "all", "", verdict)

    def failed(self, what, model, peer, why):
        self.add(what, model, peer, "-", "-", "", why)

    def markdown(self):
        lines = [
            "| what | model | compared with | difference | tolerance | the peer's own f32 error | |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in self.rows])


def distance(ours, reference):
    ours, reference = ours.double(), reference.double()
    if not torch.isfinite(ours).all() or not torch.isfinite(reference).all():
        return math.inf
    return ((ours - reference).abs().max() / max(1.0, reference.abs().max().item())).item()


class Refused(Exception):
    """The engine ran, and said no."""


class OurEngine:
    """Runs parts of models in the engine."""

    def __init__(self, program, folder):
        self.program, self.folder, self.count = program, folder, 0

    def run(self, part, model, inputs):
        """`inputs` are tensors by name, or what becomes a JSON file."""
        self.count += 1
        base = self.folder / f"{self.count:03}-{part}"
        outputs = base.with_suffix(".outputs.safetensors")
        if part in ["pipeline", "image-to-image"]:
            path = base.with_suffix(".json")
            path.write_text(json.dumps(inputs), encoding="utf-8")
        else:
            path = base.with_suffix(".inputs.safetensors")
            save_file({name: tensor.contiguous() for name, tensor in inputs.items()}, path)
        done = subprocess.run([self.program, part, model, path, outputs], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Refused((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])
        return load_file(outputs)


@contextlib.contextmanager
def row(table, what, model, peer):
    """One comparison or a few: what the engine refuses is a row as well."""
    try:
        yield
    except Refused as refused:
        table.failed(what, model, peer, str(refused))


def generator(seed):
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def in_both(network, run):
    """What `run(network, dtype)` gives in f32 and in f64."""
    single = run(network.float(), torch.float32)
    double = run(network.double(), torch.float64)
    network.float()
    return list(zip(single, double))


def text_encoders(table, engine, name, pipeline, folder):
    for part in ["text_encoder", "text_encoder_2"]:
        network = getattr(pipeline, part, None)
        if network is None:
            continue
        tokenizer = pipeline.tokenizer if part == "text_encoder" else pipeline.tokenizer_2
        prompts = ["a red cat on blue", "", "dog " * 90]
        ids = tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids

        def run(network, _):
            inner = getattr(network, "text_model", network)
            out = inner(ids)
            return out.last_hidden_state, out.pooler_output

        label = name if part == "text_encoder" else f"{name}, second"
        with row(table, "text encoder", label, "transformers"):
            ours = engine.run("text-encoder", folder / part, dict(ids=ids))
            states, pooled = in_both(network, run)
            table.compare("text states", label, "transformers", ours["states"], states[0], NETWORK_TOLERANCE, states[1])
            table.compare("pooled text", label, "transformers", ours["pooled"], pooled[0], NETWORK_TOLERANCE, pooled[1])


def unets(table, engine, name, pipeline, folder):
    network = pipeline.unet
    draw = generator(21)
    size = network.config.sample_size
    inputs = dict(
        sample=torch.randn(2, 4, size, 2 * size, generator=draw),
        states=torch.randn(2, 77, network.config.cross_attention_dim, generator=draw),
        timesteps=torch.tensor([961.0, 41.0]),
    )
    if network.config.addition_embed_type == "text_time":
        width = network.config.projection_class_embeddings_input_dim - 6 * network.config.addition_time_embed_dim
        inputs["text_embeds"] = torch.randn(2, width, generator=draw)
        inputs["time_ids"] = torch.tensor([[1024.0, 768, 8, 16, 1024, 768]] * 2)

    def run(network, dtype):
        added = {key: inputs[key].to(dtype) for key in ["text_embeds", "time_ids"] if key in inputs}
        sample, states = inputs["sample"].to(dtype), inputs["states"].to(dtype)
        return (network(sample, inputs["timesteps"], states, added_cond_kwargs=added or None).sample,)

    with row(table, "UNet", name, "diffusers"):
        ours = engine.run("unet", folder / "unet", inputs)
        ((single, double),) = in_both(network, run)
        table.compare("UNet", name, "diffusers", ours["prediction"], single, NETWORK_TOLERANCE, double)


def autoencoders(table, engine, name, network, folder):
    draw = generator(22)
    channels = network.config.latent_channels
    inputs = dict(
        latents=torch.randn(1, channels, 6, 8, generator=draw), picture=torch.rand(1, 3, 64, 48, generator=draw) * 2 - 1
    )

    def run(network, dtype):
        decoded = network.decode(inputs["latents"].to(dtype)).sample
        return decoded, network.encode(inputs["picture"].to(dtype)).latent_dist.mean

    with row(table, "VAE", name, "diffusers"):
        ours = engine.run("vae", folder, inputs)
        decoded, encoded = in_both(network, run)
        table.compare("VAE decode", name, "diffusers", ours["decoded"], decoded[0], NETWORK_TOLERANCE, decoded[1])
        table.compare("VAE encode", name, "diffusers", ours["encoded"], encoded[0], NETWORK_TOLERANCE, encoded[1])


STEPS, PROMPT, UNWANTED = 6, "a red cat on blue", "dog"


def request_of(pipeline, guidance, prompt=PROMPT):
    """The same request as the engine and as diffusers have it, and the shape of its latents."""
    side = pipeline.unet.config.sample_size * pipeline.vae_scale_factor
    ours = dict(prompt=prompt, negative_prompt=UNWANTED, width=side, height=side, steps=STEPS, guidance=guidance)
    theirs = dict(negative_prompt=UNWANTED, num_inference_steps=STEPS, guidance_scale=guidance, output_type="np")
    shape = (1, pipeline.unet.config.in_channels, side // pipeline.vae_scale_factor, side // pipeline.vae_scale_factor)
    return ours, theirs, shape


def compare_pictures(table, label, ours, run):
    """`run(callback)` gives the peer's picture, and calls `callback` after each step."""
    latents = []

    def keep(_pipeline, _step, _timestep, state):
        latents.append(state["latents"].flatten().clone())
        return state

    picture = run(keep)
    theirs = torch.stack(latents)
    table.compare("latents of each step", label, "diffusers", ours["latents"], theirs, PIPELINE_TOLERANCE)
    apart = (ours["picture"].double() - torch.from_numpy(picture * 255).round().double()).abs().max().item()
    verdict = "agrees" if apart <= 1 else "DIFFERS"
    table.add("picture, levels of 256", label, "diffusers", f"{apart:g}", "1", "", verdict)


@torch.no_grad()
def pipelines(table, engine, name, pipeline, folder, guidances=(1.0, 4.0), prompt=PROMPT):
    """Prompt to picture, beginning with the engine's noise."""
    for guidance in guidances:
        label = f"{name}, guidance {guidance:g}"
        with row(table, "pipeline", label, "diffusers"):
            request, options, shape = request_of(pipeline, guidance, prompt)
            ours = engine.run("pipeline", folder, dict(image=request))
            size = dict(width=request["width"], height=request["height"])
            latents = ours["noise"].reshape(shape)

            def run(keep):
                return pipeline(prompt, latents=latents, callback_on_step_end=keep, **size, **options).images[0]

            compare_pictures(table, label, ours, run)


@torch.no_grad()
def pictures_from_pictures(table, engine, name, pipeline, folder):
    """Picture to picture. diffusers draws a latent from what the autoencoder gives, unless it is told to take the mean."""
    other, strength = AutoPipelineForImage2Image.from_pipe(pipeline), 70
    other.set_progress_bar_config(disable=True)
    module = sys.modules[type(other).__module__]
    retrieve = module.retrieve_latents
    label = f"{name}, from a picture"
    with row(table, "pipeline", label, "diffusers"):
        request, options, shape = request_of(pipeline, 4.0)
        side = request["width"]
        picture = torch.randint(0, 256, (side, side, 3), generator=generator(25), dtype=torch.uint8)
        path = folder.parent / f"{folder.name}-picture.safetensors"
        save_file(dict(picture=picture), path)
        ours = engine.run("image-to-image", folder, dict(image=request, strength=strength, picture=str(path)))
        noise = ours["noise"].reshape(shape)

        def run(keep):
            image = Image.fromarray(picture.numpy())
            begin = dict(image=image, strength=strength / 100, callback_on_step_end=keep)
            return other(request["prompt"], **begin, **options).images[0]

        with (
            mock.patch.object(module, "randn_tensor", lambda *_, **__: noise),
            mock.patch.object(module, "retrieve_latents", lambda output, **_: retrieve(output, sample_mode="argmax")),
        ):
            compare_pictures(table, label, ours, run)


def checkpoints(table, engine, name, pipeline, folder):
    """The same networks in one file: the same bits. That diffusers finds the same tensors in it shows that it is such a file."""
    at = folder.parent / f"{folder.name}-checkpoint"
    at.mkdir()
    save_file(models.checkpoint(name, pipeline), at / "model.safetensors")
    for part in ["tokenizer", "tokenizer_2", "scheduler"]:
        if (folder / part).exists():
            shutil.copytree(folder / part, at / part)
    for part in ["unet", "vae", "text_encoder", "text_encoder_2"]:
        if (folder / part).exists():
            (at / part).mkdir()
            shutil.copy(folder / part / "config.json", at / part)
    label = f"{name}, one file"
    with row(table, "pipeline", label, "its folder"):
        request, _, _ = request_of(pipeline, 4.0)
        whole, single = (engine.run("pipeline", path, dict(image=request)) for path in [folder, at])
        for what in ["latents", "picture"]:
            table.same(f"{what}, bits", label, "its folder", single[what], whole[what])
    theirs = type(pipeline).from_single_file(
        str(at / "model.safetensors"), config=str(folder), local_files_only=True, torch_dtype=torch.float32
    )
    equal, count = 0, 0
    for part in ["unet", "vae", "text_encoder", "text_encoder_2"]:
        if (folder / part).exists():
            found, stored = (getattr(whole, part).state_dict() for whole in [theirs, pipeline])
            equal += sum(key in found and torch.equal(found[key], tensor) for key, tensor in stored.items())
            count += len(stored)
    verdict = "agrees" if equal == count else "DIFFERS"
    table.add("tensors in the file", label, "diffusers", f"{equal} of {count}", "all", "", verdict)


@torch.no_grad()
def adapters(table, engine, name, make, folder):
    """LoRAs, merged by diffusers and PEFT, and a token with vectors of its own."""
    at = folder.parent / f"{folder.name}-adapters"
    shutil.copytree(folder, at, ignore=shutil.ignore_patterns("manifest.json"))

    def changed(adapters, adapt):
        """A fresh pipeline with the adapters that the list in the folder names."""
        (at / "adapters.json").write_text(json.dumps(adapters), encoding="utf-8")
        pipeline = make()
        pipeline.set_progress_bar_config(disable=True)
        adapt(pipeline)
        return pipeline

    plain = make()
    if name != "SD 2.1":
        # The names of published text encoders; the others have those of this version of transformers.
        for part in ["text_encoder", "text_encoder_2"]:
            if (at / part).exists():
                save_file(dict(models.text_weights(getattr(plain, part))), at / part / "model.safetensors")
    files = {"kohya": models.kohya_lora(plain, 31), "peft": models.peft_lora(plain, 32)}
    scales = {"kohya": 0.8, "peft": 0.5}
    for kind, tensors in files.items():
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, at / f"{kind}.safetensors")

    def merge(kinds):
        def adapt(pipeline):
            for kind in kinds:
                pipeline.load_lora_weights(at, weight_name=f"{kind}.safetensors", adapter_name=kind)
            pipeline.set_adapters(list(kinds), [scales[kind] for kind in kinds])
            parts = ["unet", "text_encoder"] + ["text_encoder_2"] * hasattr(pipeline, "text_encoder_2")
            pipeline.fuse_lora(components=parts, adapter_names=list(kinds))
            pipeline.unload_lora_weights()

        return adapt

    for kinds in [("kohya",), ("peft",), ("kohya", "peft")]:
        loras = [dict(file=f"{kind}.safetensors", scale=scales[kind]) for kind in kinds]
        pipeline = changed(dict(loras=loras), merge(kinds))
        pipelines(table, engine, f"{name}, LoRA {' and '.join(kinds)}", pipeline, at, guidances=[4.0])

    token, draw = "<thing>", generator(33)
    encoders = {"clip_l": plain.text_encoder, "clip_g": getattr(plain, "text_encoder_2", None)}
    encoders = {key: encoder for key, encoder in encoders.items() if encoder is not None}
    vectors = {key: torch.randn(3, encoder.config.hidden_size, generator=draw) for key, encoder in encoders.items()}
    only = dict(emb_params=vectors["clip_l"])
    save_file(vectors if len(encoders) > 1 else only, at / "thing.safetensors")

    def learn(pipeline):
        parts = [(pipeline.tokenizer, pipeline.text_encoder)]
        if len(encoders) > 1:
            parts.append((pipeline.tokenizer_2, pipeline.text_encoder_2))
        for (tokenizer, encoder), learnt in zip(parts, vectors.values()):
            pipeline.load_textual_inversion(learnt, token=token, tokenizer=tokenizer, text_encoder=encoder)

    pipeline = changed(dict(embeddings=[dict(file="thing.safetensors", token=token)]), learn)
    prompt = f"a red {token} on blue"
    pipelines(table, engine, f"{name}, learnt token", pipeline, at, guidances=[4.0], prompt=prompt)


def schedulers(table, engine, folder):
    for name, kind, steps, settings in SCHEDULERS:
        label = f"{name}, {steps} steps"
        scheduler = kind(**STABLE_DIFFUSION, **settings)
        at = folder / f"scheduler-{len(table.rows)}"
        scheduler.save_pretrained(at)
        draw = generator(23)
        values = 64
        start = torch.randn(values, generator=draw)
        outputs = torch.randn(steps, values, generator=draw)
        noise = torch.randn(steps, values, generator=draw)
        # Only what is drawn is looked at, whatever the scheduler does with it.
        drawn = iter(noise.double().reshape(steps, 1, 1, values))
        module = sys.modules[kind.__module__]
        scheduler.set_timesteps(steps)
        # Some schedulers want a batch and channels.
        sample = start.double().reshape(1, 1, values) * float(scheduler.init_noise_sigma)
        samples, scales = [], []
        with contextlib.ExitStack() as stack:
            if hasattr(module, "randn_tensor"):
                stack.enter_context(mock.patch.object(module, "randn_tensor", lambda *_, **__: next(drawn)))
            for i, timestep in enumerate(scheduler.timesteps):
                scaled = scheduler.scale_model_input(sample, timestep)
                scales.append((scaled.sum() / sample.sum()).item())
                output = outputs[i].double().reshape(1, 1, values)
                sample = scheduler.step(output, timestep, sample).prev_sample
                samples.append(sample.flatten().clone())
        with row(table, "scheduler", label, "diffusers"):
            ours = engine.run("scheduler", at, dict(start=start, outputs=outputs, noise=noise))
            times = scheduler.timesteps.double()
            table.compare("time steps", label, "diffusers", ours["timesteps"], times, SCHEDULER_TOLERANCE)
            table.compare("input scales", label, "diffusers", ours["scales"], torch.tensor(scales), SCHEDULER_TOLERANCE)
            table.compare("trajectory", label, "diffusers", ours["samples"], torch.stack(samples), SCHEDULER_TOLERANCE)


@torch.no_grad()
def language_models(table, engine, folder):
    for name, network, seed in models.text_models():
        at = folder / name.replace(" ", "-").replace(",", "")
        models.save_text_model(at, network, seed)
        draw = generator(24)
        vocabulary = network.config.vocab_size
        ids = torch.randint(3, vocabulary, (2, 96), generator=draw)
        prompt = torch.randint(3, vocabulary, (1, 17), generator=draw)
        count = 48
        inputs = dict(ids=ids, prompt=prompt, count=torch.tensor([count]))
        with row(table, "language model", name, "transformers"):
            ours = engine.run("language-model", at, inputs)
            ((single, double),) = in_both(network, lambda network, _: (network(ids).logits,))
            table.compare("logits", name, "transformers", ours["logits"], single, NETWORK_TOLERANCE, double)
            told = network.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=count,
                min_new_tokens=count,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
            )
            table.same("greedy tokens", name, "transformers", ours["tokens"], told[0, prompt.shape[1] :])
        if "," not in name:
            stores(table, engine, name, network, at, inputs)


def stores(table, engine, name, network, folder, inputs):
    """The same weights, in half precision, in one file, in shards and as GGUF: the same bits."""
    network.half()
    kinds = {"one file": "10GB", "shards": "60KB", "GGUF": None}
    results = {}
    for kind, size in kinds.items():
        at = folder.parent / f"{folder.name}-{kind.replace(' ', '-')}"
        with row(table, "language model", f"{name}, {kind}", "one file"):
            if size is None:
                at.mkdir()
                models.save_gguf(at / "model.gguf", network)
                shutil.copy(folder / "config.json", at)
            else:
                network.save_pretrained(at, max_shard_size=size)
                assert (at / "model.safetensors.index.json").exists() == (kind == "shards")
            results[kind] = engine.run("language-model", at, inputs)
            if kind != "one file" and "one file" in results:
                label, whole = f"{name}, {kind}", results["one file"]["logits"]
                table.same("logits, bits", label, "one file", results[kind]["logits"], whole)
    network.float()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tensors", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--markdown", type=pathlib.Path, help="write the table there as well")
    arguments = parser.parse_args()

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.disable_progress_bar()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    engine = OurEngine(arguments.tensors.resolve(), arguments.folder)
    table = Table()
    print(f"torch {torch.__version__}, diffusers {diffusers.__version__}, transformers {transformers.__version__}")
    print(f"{'what':26} {'model':28} {'difference':>10} {'tolerance':>10} {'own error':>10}")
    for name, make in models.PICTURE_MODELS.items():
        pipeline = make()
        pipeline.set_progress_bar_config(disable=True)
        folder = arguments.folder / name.replace(" ", "-")
        pipeline.save_pretrained(folder)
        text_encoders(table, engine, name, pipeline, folder)
        unets(table, engine, name, pipeline, folder)
        autoencoders(table, engine, name, pipeline.vae, folder / "vae")
        pipelines(table, engine, name, pipeline, folder)
        pictures_from_pictures(table, engine, name, pipeline, folder)
        checkpoints(table, engine, name, pipeline, folder)
        adapters(table, engine, name, make, folder)
    for name, make in models.AUTOENCODERS.items():
        network, folder = make(), arguments.folder / f"VAE-{name.replace(' ', '-')}"
        network.save_pretrained(folder)
        autoencoders(table, engine, name, network, folder)
    schedulers(table, engine, arguments.folder)
    language_models(table, engine, arguments.folder)
    if arguments.markdown:
        arguments.markdown.write_text(table.markdown() + "\n", encoding="utf-8")
    print(f"agree: {len(table.rows) - table.bad} agree, {table.bad} do not")
    sys.exit(table.bad != 0)


if __name__ == "__main__":
    main()

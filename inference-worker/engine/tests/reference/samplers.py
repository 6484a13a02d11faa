"""Writes samplers.json: what diffusers' schedulers do with fixed model outputs.

Run with `pip install diffusers torch` when a scheduler's arithmetic is in doubt; the tests read the file alone.
"""

import json
import math

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete, scheduling_lcm

START = torch.tensor([[0.5, -1.25, 2.0, 0.1, -0.3, 1.5, -2.5, 0.75]], dtype=torch.float64)
STABLE_DIFFUSION = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
COSINE = dict(beta_schedule="squaredcos_cap_v2")


def output(i):
    """The model's output at step i."""
    return torch.tensor([[math.sin(i * 1.3 + j * 0.7) for j in range(8)]], dtype=torch.float64)


drawn = []


def noise(*_, **__):
    """What the schedulers draw after step i, in place of chance."""
    drawn.append(torch.tensor([[math.cos(len(drawn) * 0.9 + j * 0.4) for j in range(8)]], dtype=torch.float64))
    return drawn[-1]


scheduling_euler_ancestral_discrete.randn_tensor = noise
scheduling_lcm.randn_tensor = noise


def run(scheduler, steps, **config):
    s = scheduler(**config)
    s.set_timesteps(steps)
    drawn.clear()
    x, samples = START * float(s.init_noise_sigma), []
    for i, t in enumerate(s.timesteps):
        s.scale_model_input(x, t)
        x = s.step(output(i), t, x).prev_sample
        samples.append(x[0].tolist())
    return dict(
        config=dict(_class_name=scheduler.__name__, **config),
        steps=steps,
        timesteps=[float(t) for t in s.timesteps],
        initial_sigma=float(s.init_noise_sigma),
        samples=samples,
    )


cases = [
    run(DDIMScheduler, 5),
    run(DDIMScheduler, 7, **STABLE_DIFFUSION, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
    run(DDIMScheduler, 6, **COSINE, prediction_type="v_prediction", timestep_spacing="trailing"),
    run(DDIMScheduler, 6, **STABLE_DIFFUSION, prediction_type="v_prediction", timestep_spacing="trailing",
        rescale_betas_zero_snr=True),
    run(DDIMScheduler, 4, **STABLE_DIFFUSION, prediction_type="sample", timestep_spacing="linspace",
        clip_sample=False),
    run(EulerDiscreteScheduler, 6, **STABLE_DIFFUSION),
    run(EulerDiscreteScheduler, 5, **STABLE_DIFFUSION, prediction_type="v_prediction", timestep_spacing="leading",
        steps_offset=1),
    run(EulerDiscreteScheduler, 5, **STABLE_DIFFUSION, timestep_spacing="trailing", use_karras_sigmas=True),
    run(EulerDiscreteScheduler, 5, **STABLE_DIFFUSION, final_sigmas_type="sigma_min"),
    run(EulerDiscreteScheduler, 5, **STABLE_DIFFUSION, timestep_spacing="trailing", rescale_betas_zero_snr=True),
    run(DPMSolverMultistepScheduler, 6, **STABLE_DIFFUSION),
    run(DPMSolverMultistepScheduler, 16, **STABLE_DIFFUSION, use_karras_sigmas=True, prediction_type="v_prediction"),
    run(DPMSolverMultistepScheduler, 5, **COSINE, prediction_type="sample", timestep_spacing="leading",
        solver_type="heun", final_sigmas_type="sigma_min", lower_order_final=False),
    run(DPMSolverMultistepScheduler, 7, **STABLE_DIFFUSION, timestep_spacing="trailing", solver_order=1),
    run(EulerAncestralDiscreteScheduler, 6, **STABLE_DIFFUSION),
    run(EulerAncestralDiscreteScheduler, 1, **STABLE_DIFFUSION, timestep_spacing="trailing"),
    run(EulerAncestralDiscreteScheduler, 4, **STABLE_DIFFUSION, prediction_type="v_prediction",
        timestep_spacing="leading", steps_offset=1),
    run(UniPCMultistepScheduler, 8, **STABLE_DIFFUSION),
    run(UniPCMultistepScheduler, 6, **STABLE_DIFFUSION, use_karras_sigmas=True, prediction_type="v_prediction",
        disable_corrector=[0, 3]),
    run(UniPCMultistepScheduler, 5, **STABLE_DIFFUSION, prediction_type="sample", timestep_spacing="leading",
        solver_type="bh1", final_sigmas_type="sigma_min", lower_order_final=False),
    run(UniPCMultistepScheduler, 5, **STABLE_DIFFUSION, timestep_spacing="trailing", solver_order=1),
    run(LCMScheduler, 4, **STABLE_DIFFUSION),
    run(LCMScheduler, 7, **STABLE_DIFFUSION, original_inference_steps=100, prediction_type="v_prediction",
        timestep_scaling=2.0, clip_sample=True),
    run(LCMScheduler, 1, **STABLE_DIFFUSION, prediction_type="sample", set_alpha_to_one=False),
]
with open("samplers.json", "w") as file:
    json.dump(cases, file, indent=1)

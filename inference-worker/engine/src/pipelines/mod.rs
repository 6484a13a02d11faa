//! Whole runs: from a prompt and a seed to pictures or a text.

pub mod ballot;
pub mod chat;
pub mod template;
pub mod text_to_image;
mod token_sampler;
pub mod walk;

pub use token_sampler::{Sampling, TokenSampler};

/// Stream of the job's random numbers that the initial latents are made of.
///
/// With n values in a latent, values 0 to n − 1 are the noise of a picture or tile, and of every cell of a sprite sheet: what
/// the cells have in common then looks alike. An animation takes three noises, from values 0, n and 2n on, and mixes them
/// for each frame, see [`walk`].
pub const LATENT_STREAM: u32 = 0;
/// Stream of the job's random numbers that tokens are drawn with.
pub const TOKEN_STREAM: u32 = 1;
/// Stream of the job's random numbers that samplers with noise draw from (Euler ancestral, LCM).
///
/// With n values in a latent, values i · n on are added after step i, the same for every frame of an animation and every cell
/// of a sprite sheet.
pub const STEP_STREAM: u32 = 2;

/// First of the streams of the job's random numbers that an evaluation's noise is made of, one for each sample and level:
/// level `l` of sample `s` has stream `EVALUATION_STREAM + s · EVALUATION_LEVELS + l`.
pub const EVALUATION_STREAM: u32 = 1 << 16;

/// How far a run is. Reported after each denoise step or token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
	/// Steps done, from 1. The frames of an animation and the cells of a sprite sheet follow each other, and their steps are
	/// counted on. So are those of a ballot's second run.
	pub step: u32,
	/// Steps in all; for a text or a ballot the most that there can be.
	pub steps: u32,
}

/// What the caller wants next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Control {
	/// Go on.
	Continue,
	/// Stop; the run ends with [`JobFault::Cancelled`](crate::JobFault::Cancelled).
	Cancel,
}

/// Called after each step with the progress and the state that the trace covers: the latent, or a row of logits.
pub type Observer<'a> = dyn FnMut(Progress, &[f32]) -> Control + 'a;

/// Called with what a text gained, whenever whole characters are there.
pub type Listener<'a> = dyn FnMut(&str) + 'a;

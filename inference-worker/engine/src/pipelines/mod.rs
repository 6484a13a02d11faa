//! Whole runs: from a prompt and a seed to a picture or a text.

pub mod chat;
pub mod text_to_image;
mod token_sampler;

pub use token_sampler::{Sampling, TokenSampler};

/// Stream of the job's random numbers that the initial latent is made of.
pub const LATENT_STREAM: u32 = 0;
/// Stream of the job's random numbers that tokens are drawn with.
pub const TOKEN_STREAM: u32 = 1;

/// First of the streams of the job's random numbers that an evaluation's noise is made of, one for each sample and level:
/// level `l` of sample `s` has stream `EVALUATION_STREAM + s · EVALUATION_LEVELS + l`.
pub const EVALUATION_STREAM: u32 = 1 << 16;

/// How far a run is. Reported after each denoise step or token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
	/// Steps done, from 1.
	pub step: u32,
	/// Steps in all; for a text the most that there can be.
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

//! What a requester asks for, as it stands on chain: every operator of a job reads the same bytes.

use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{model::ModelLimits, Digest};

/// Longest prompt, in bytes of UTF-8.
pub const MAX_PROMPT_BYTES: u32 = 2048;
/// Longest negative prompt, in bytes of UTF-8.
pub const MAX_NEGATIVE_PROMPT_BYTES: u32 = 512;
/// One unit of image work is one denoise step over this many pixels.
pub const PIXELS_PER_UNIT: u32 = 64 * 64;
/// One unit of text work is one new token, or this many bytes of prompt.
pub const PROMPT_BYTES_PER_UNIT: u32 = 4;

/// A prompt: UTF-8, at most [`MAX_PROMPT_BYTES`] bytes.
pub type Prompt = BoundedVec<u8, ConstU32<MAX_PROMPT_BYTES>>;
/// A negative prompt: UTF-8, at most [`MAX_NEGATIVE_PROMPT_BYTES`] bytes.
pub type NegativePrompt = BoundedVec<u8, ConstU32<MAX_NEGATIVE_PROMPT_BYTES>>;

/// The kind of output that a model makes.
#[derive(
	Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Modality {
	/// One RGB picture.
	#[codec(index = 0)]
	Image,
	/// Text as token ids.
	#[codec(index = 1)]
	Text,
}

/// Input of a text-to-image job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct ImageInput {
	/// What the picture should show.
	pub prompt: Prompt,
	/// What it should not show; empty for nothing.
	pub negative_prompt: NegativePrompt,
	/// Width in pixels.
	pub width: u16,
	/// Height in pixels.
	pub height: u16,
	/// Denoise steps.
	pub steps: u16,
	/// Classifier-free guidance scale in hundredths: 250 is 2.5; 100 or less runs without guidance.
	pub guidance_centi: u16,
}

/// Input of a text job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TextInput {
	/// What the user says.
	pub prompt: Prompt,
	/// Most new tokens.
	pub max_tokens: u16,
	/// Sampling temperature in hundredths: 70 is 0.7; 0 is greedy.
	pub temperature_centi: u16,
	/// Nucleus sampling: cumulative probability in per mille; 1000 is off.
	pub top_p_permille: u16,
	/// Sampling among the k likeliest tokens; 0 is off.
	pub top_k: u16,
}

/// Input of a job.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum JobInput {
	/// Text to image.
	#[codec(index = 0)]
	Image(ImageInput),
	/// Text to text.
	#[codec(index = 1)]
	Text(TextInput),
}

/// Where a job's seed comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum SeedPolicy {
	/// The requester's own 32 bytes: the same seed and input give the same output again.
	#[codec(index = 0)]
	User(Digest),
	/// Drawn by the chain together with the committee, so that nobody can try seeds beforehand.
	#[codec(index = 1)]
	Chain,
}

/// Why an input does not fit a model. Each variant carries the value and the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitExceeded {
	/// The model makes another kind of output.
	Modality {
		/// What the input asks for.
		asked: Modality,
		/// What the model makes.
		offered: Modality,
	},
	/// The prompt is empty.
	EmptyPrompt,
	/// The prompt is not UTF-8.
	NotUtf8,
	/// The prompt has more bytes than the model takes.
	PromptBytes(u32, u32),
	/// No steps, or more than the model allows.
	Steps(u32, u32),
	/// A side of zero, or more pixels than the model allows.
	Pixels(u32, u32),
	/// No tokens, or more than the model allows.
	Tokens(u32, u32),
	/// A probability above 1000 per mille, or zero.
	TopP(u16),
}

impl core::fmt::Display for LimitExceeded {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		match self {
			Self::Modality { asked, offered } => write!(f, "the model makes {offered:?}, the job asks for {asked:?}"),
			Self::EmptyPrompt => f.write_str("the prompt is empty"),
			Self::NotUtf8 => f.write_str("the prompt is not UTF-8"),
			Self::PromptBytes(v, max) => write!(f, "the prompt has {v} bytes, the model takes {max}"),
			Self::Steps(v, max) => write!(f, "{v} steps, the model allows 1 to {max}"),
			Self::Pixels(v, max) => write!(f, "{v} pixels, the model allows 1 to {max}"),
			Self::Tokens(v, max) => write!(f, "{v} tokens, the model allows 1 to {max}"),
			Self::TopP(v) => write!(f, "top-p of {v} per mille, allowed are 1 to 1000"),
		}
	}
}

impl JobInput {
	/// The kind of output that the job asks for.
	pub fn modality(&self) -> Modality {
		match self {
			Self::Image(_) => Modality::Image,
			Self::Text(_) => Modality::Text,
		}
	}

	/// The prompt's bytes.
	pub fn prompt(&self) -> &[u8] {
		match self {
			Self::Image(input) => &input.prompt,
			Self::Text(input) => &input.prompt,
		}
	}

	/// Work that each operator is paid for, in units: denoise steps times 64×64-pixel tiles (twice with guidance,
	/// which runs the model twice a step), or new tokens plus a quarter of the prompt's bytes. Never zero.
	pub fn units(&self) -> u32 {
		let units = match self {
			Self::Image(input) => {
				let tiles = u32::from(input.width).saturating_mul(u32::from(input.height)).div_ceil(PIXELS_PER_UNIT);
				let passes = if input.guidance_centi > 100 { 2 } else { 1 };
				tiles.saturating_mul(u32::from(input.steps)).saturating_mul(passes)
			}
			Self::Text(input) => {
				let prompt = u32::try_from(input.prompt.len()).unwrap_or(u32::MAX).div_ceil(PROMPT_BYTES_PER_UNIT);
				u32::from(input.max_tokens).saturating_add(prompt)
			}
		};
		units.max(1)
	}

	/// Checks the input against what a model offers.
	pub fn check(&self, offered: Modality, limits: &ModelLimits) -> Result<(), LimitExceeded> {
		if self.modality() != offered {
			return Err(LimitExceeded::Modality { asked: self.modality(), offered });
		}
		let prompt = self.prompt();
		if prompt.is_empty() {
			return Err(LimitExceeded::EmptyPrompt);
		}
		if core::str::from_utf8(prompt).is_err() {
			return Err(LimitExceeded::NotUtf8);
		}
		within(prompt.len(), limits.max_prompt_bytes.into()).map_err(|(v, max)| LimitExceeded::PromptBytes(v, max))?;
		match self {
			Self::Image(input) => {
				if core::str::from_utf8(&input.negative_prompt).is_err() {
					return Err(LimitExceeded::NotUtf8);
				}
				let pixels = usize::from(input.width).saturating_mul(input.height.into());
				within(pixels, limits.max_pixels).map_err(|(v, max)| LimitExceeded::Pixels(v, max))?;
				within(input.steps.into(), limits.max_steps.into()).map_err(|(v, max)| LimitExceeded::Steps(v, max))
			}
			Self::Text(input) => {
				if input.top_p_permille == 0 || input.top_p_permille > 1000 {
					return Err(LimitExceeded::TopP(input.top_p_permille));
				}
				within(input.max_tokens.into(), limits.max_tokens.into())
					.map_err(|(v, max)| LimitExceeded::Tokens(v, max))
			}
		}
	}
}

/// `value` in `1..=max`, or both numbers.
fn within(value: usize, max: u32) -> Result<(), (u32, u32)> {
	let value = u32::try_from(value).unwrap_or(u32::MAX);
	if value == 0 || value > max {
		return Err((value, max));
	}
	Ok(())
}

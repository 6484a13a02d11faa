//! What a requester asks for, as it stands on chain: every operator of a job reads the same bytes.

use alloc::vec::Vec;
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{digest::Cid, evaluation::EvaluatedWeights, model::ModelLimits, Digest};

/// Longest prompt, in bytes of UTF-8.
pub const MAX_PROMPT_BYTES: u32 = 2048;
/// Longest negative prompt, in bytes of UTF-8.
pub const MAX_NEGATIVE_PROMPT_BYTES: u32 = 512;
/// One unit of image work is one denoise step over this many pixels.
pub const PIXELS_PER_UNIT: u32 = 64 * 64;
/// One unit of text work is one new token, or this many bytes of prompt.
pub const PROMPT_BYTES_PER_UNIT: u32 = 4;

/// Most frames of an animation.
pub const MAX_FRAMES: u8 = 32;
/// Most frames that an animation shows in a second.
pub const MAX_FRAMES_PER_SECOND: u8 = 50;
/// Most cells of a sprite sheet.
pub const MAX_CELLS: u32 = 16;
/// Longest description of a cell, in bytes of UTF-8.
pub const MAX_CELL_BYTES: u32 = 256;
/// Most samples of an evaluation.
pub const MAX_SAMPLES: u16 = 256;
/// Noise levels at which an evaluation asks a picture model for each sample.
pub const EVALUATION_LEVELS: u32 = 4;
/// Budgets of one job that an evaluation may take: it runs two sets of weights over all samples.
pub const EVALUATION_RUNS: u32 = 8;

/// A prompt: UTF-8, at most [`MAX_PROMPT_BYTES`] bytes.
pub type Prompt = BoundedVec<u8, ConstU32<MAX_PROMPT_BYTES>>;
/// A negative prompt: UTF-8, at most [`MAX_NEGATIVE_PROMPT_BYTES`] bytes.
pub type NegativePrompt = BoundedVec<u8, ConstU32<MAX_NEGATIVE_PROMPT_BYTES>>;

/// Description of a sprite sheet's cell: UTF-8, at most [`MAX_CELL_BYTES`] bytes.
pub type CellPrompt = BoundedVec<u8, ConstU32<MAX_CELL_BYTES>>;

/// A kind of output. A model is registered for pictures or for text; a picture model makes animations, sprite sheets and
/// tiles too, and every model can be evaluated.
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
	/// A loop of RGB pictures.
	#[codec(index = 2)]
	Animation,
	/// A grid of pictures with a transparent background.
	#[codec(index = 3)]
	SpriteSheet,
	/// An RGB picture whose opposite edges fit together.
	#[codec(index = 4)]
	Tile,
	/// Held-out losses of two versions of a model.
	#[codec(index = 5)]
	Evaluation,
	/// A character's decision on a proposal, with its reasons.
	#[codec(index = 6)]
	Ballot,
}

impl Modality {
	/// Whether a model that is registered for `model` makes this kind of output.
	pub fn is_made_by(self, model: Modality) -> bool {
		match self {
			Self::Image | Self::Animation | Self::SpriteSheet | Self::Tile => model == Self::Image,
			Self::Text | Self::Ballot => model == Self::Text,
			Self::Evaluation => matches!(model, Self::Image | Self::Text),
		}
	}
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

/// Input of an animation: a closed walk through the model's noise and, with a second prompt, from the first to it and
/// back. The last frame is followed by the first without a jump.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct AnimationInput {
	/// What every frame is made with.
	pub image: ImageInput,
	/// What the loop shows half-way; empty for the same all the time.
	pub prompt_to: Prompt,
	/// Frames: 2 to [`MAX_FRAMES`].
	pub frames: u8,
	/// Frames shown in a second: 1 to [`MAX_FRAMES_PER_SECOND`].
	pub frames_per_second: u8,
	/// How far the noise moves, in hundredths: 100 goes once round the circle between two noises, 0 keeps one. Between them,
	/// with m for the hundredth part and φ for the frame's share of a full turn, a frame has (1 − m²(1 − cos φ)) of a first
	/// noise, m · sin φ of a second and m · √(1 − m²) · (1 − cos φ) of a third: a smaller circle through the first.
	pub motion_centi: u8,
}

/// Input of a sprite sheet: the same style for every cell.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SpriteSheetInput {
	/// What every cell has in common. Width and height are those of a cell; the cell's own words are put before the prompt.
	pub image: ImageInput,
	/// What each cell shows, from the top left, row by row: 1 to [`MAX_CELLS`].
	pub cells: BoundedVec<CellPrompt, ConstU32<MAX_CELLS>>,
	/// Cells in a row, at most as many as there are cells. Cells that are left over in the last row are transparent.
	pub columns: u8,
	/// Pixels that hang together with a cell's edge and differ from the colour of its corners by at most this much in each
	/// channel become transparent; 0 keeps every pixel opaque.
	pub background_tolerance: u8,
}

/// Longest persona of a character, in bytes of UTF-8. A longer one cannot be talked to.
pub const MAX_PERSONA_BYTES: u32 = 8192;
/// Units of work for reading a persona, whatever its length.
const PERSONA_UNITS: u32 = MAX_PERSONA_BYTES / PROMPT_BYTES_PER_UNIT / 8;

/// Input of a talk with a character: what a user says, who the character is and what it remembers.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TalkInput {
	/// What the user says, and how the reply is sampled.
	pub text: TextInput,
	/// CID of the persona: UTF-8 text of at most [`MAX_PERSONA_BYTES`] bytes, which the model's chat template shows as the
	/// system's message.
	pub persona: Cid,
	/// The head of the character's memory before this talk. It is not shown to the model: it makes the input, and with it
	/// the result, say what came before.
	pub memory: Digest,
}

/// Longest words of a proposer, in bytes of UTF-8.
pub const MAX_PROSE_BYTES: u32 = 512;
/// Most new tokens of a ballot's reason, in each of its two runs. A reason ends at its first line break.
pub const MAX_REASON_TOKENS: u16 = 48;

/// Input of a ballot: what a character thinks of a proposal. It is asked twice, with the proposer's words and without
/// them, and is silent where they turn it round.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct BallotInput {
	/// What the proposal does, in words that nobody has chosen.
	pub question: Prompt,
	/// What the proposer says of it: UTF-8, at most [`MAX_PROSE_BYTES`] bytes. Empty for nothing; the character is asked
	/// once then.
	pub prose: BoundedVec<u8, ConstU32<MAX_PROSE_BYTES>>,
	/// CID of the persona, as in [`TalkInput`].
	pub persona: Cid,
}

/// Input of an evaluation: the loss of two versions of a model on a held-out set.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct EvaluationInput {
	/// The version that is compared with. The job's weights root is its root.
	pub base: EvaluatedWeights,
	/// The other version.
	pub candidate: EvaluatedWeights,
	/// CID of the held-out set, see `docs/evaluation-set.md`.
	pub set: Cid,
	/// The kind of model: [`Modality::Image`] or [`Modality::Text`].
	pub model: Modality,
	/// Samples that are taken, from the first; a set with fewer cannot be evaluated. 1 to [`MAX_SAMPLES`].
	pub samples: u16,
	/// Most pixels, or tokens with the prompt's, of one sample; a larger one cannot be evaluated.
	pub size: u32,
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
	/// Text to animation.
	#[codec(index = 2)]
	Animation(AnimationInput),
	/// Texts to sprite sheet.
	#[codec(index = 3)]
	SpriteSheet(SpriteSheetInput),
	/// Text to a tileable picture.
	#[codec(index = 4)]
	Tile(ImageInput),
	/// Evaluation of a version. Ordered through pallet-models alone.
	#[codec(index = 5)]
	Evaluation(EvaluationInput),
	/// A message to a character, answered in text. Sent through pallet-characters alone.
	#[codec(index = 6)]
	Talk(TalkInput),
	/// A question to a character about a proposal. Ordered through pallet-dso alone.
	#[codec(index = 7)]
	Ballot(BallotInput),
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
	/// Fewer than two frames, or more than [`MAX_FRAMES`].
	Frames(u8),
	/// No frames in a second, or more than [`MAX_FRAMES_PER_SECOND`].
	FramesPerSecond(u8),
	/// Further than once round.
	Motion(u8),
	/// A sprite sheet without cells.
	NoCells,
	/// No columns, or more than there are cells.
	Columns(u8, u32),
	/// The description of this cell is empty.
	EmptyCell(u32),
	/// No samples, or more than [`MAX_SAMPLES`].
	Samples(u16),
	/// Samples without pixels or tokens.
	SampleSize(u32),
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
			Self::Frames(v) => write!(f, "{v} frames, an animation has 2 to {MAX_FRAMES}"),
			Self::FramesPerSecond(v) => write!(f, "{v} frames per second, allowed are 1 to {MAX_FRAMES_PER_SECOND}"),
			Self::Motion(v) => write!(f, "a motion of {v} hundredths, allowed are 0 to 100"),
			Self::NoCells => write!(f, "a sprite sheet without cells, it has 1 to {MAX_CELLS}"),
			Self::Columns(v, max) => write!(f, "{v} columns, allowed are 1 to {max}, the number of cells"),
			Self::EmptyCell(cell) => write!(f, "cell {cell} has no description"),
			Self::Samples(v) => write!(f, "{v} samples, an evaluation has 1 to {MAX_SAMPLES}"),
			Self::SampleSize(v) => write!(f, "samples of at most {v} pixels or tokens, at least 1 is allowed"),
		}
	}
}

impl ImageInput {
	/// Denoise steps times 64×64-pixel tiles, twice with guidance, which runs the model twice a step.
	fn units(&self) -> u32 {
		let tiles = u32::from(self.width).saturating_mul(u32::from(self.height)).div_ceil(PIXELS_PER_UNIT);
		let passes = if self.guidance_centi > 100 { 2 } else { 1 };
		tiles.saturating_mul(u32::from(self.steps)).saturating_mul(passes)
	}

	/// Checks everything but the prompt.
	fn check(&self, limits: &ModelLimits) -> Result<(), LimitExceeded> {
		if core::str::from_utf8(&self.negative_prompt).is_err() {
			return Err(LimitExceeded::NotUtf8);
		}
		let pixels = usize::from(self.width).saturating_mul(self.height.into());
		within(pixels, limits.max_pixels).map_err(|(v, max)| LimitExceeded::Pixels(v, max))?;
		within(self.steps.into(), limits.max_steps.into()).map_err(|(v, max)| LimitExceeded::Steps(v, max))
	}
}

impl TextInput {
	fn units(&self) -> u32 {
		let prompt = u32::try_from(self.prompt.len()).unwrap_or(u32::MAX).div_ceil(PROMPT_BYTES_PER_UNIT);
		u32::from(self.max_tokens).saturating_add(prompt)
	}

	fn check(&self, limits: &ModelLimits) -> Result<(), LimitExceeded> {
		check_prompt(&self.prompt, limits)?;
		if self.top_p_permille == 0 || self.top_p_permille > 1000 {
			return Err(LimitExceeded::TopP(self.top_p_permille));
		}
		within(self.max_tokens.into(), limits.max_tokens.into()).map_err(|(v, max)| LimitExceeded::Tokens(v, max))
	}
}

impl BallotInput {
	/// For each run a full reason, the question and the persona, whatever their length, and the proposer's words.
	fn units(&self) -> u32 {
		let bytes = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).div_ceil(PROMPT_BYTES_PER_UNIT);
		let run = PERSONA_UNITS.saturating_add(MAX_REASON_TOKENS.into()).saturating_add(bytes(self.question.len()));
		run.saturating_mul(2).saturating_add(bytes(self.prose.len()))
	}

	fn check(&self, limits: &ModelLimits) -> Result<(), LimitExceeded> {
		check_prompt(&self.question, limits)?;
		if core::str::from_utf8(&self.prose).is_err() {
			return Err(LimitExceeded::NotUtf8);
		}
		let both = self.question.len().saturating_add(self.prose.len());
		within(both, limits.max_prompt_bytes.into()).map_err(|(v, max)| LimitExceeded::PromptBytes(v, max))?;
		within(MAX_REASON_TOKENS.into(), limits.max_tokens.into()).map_err(|(v, max)| LimitExceeded::Tokens(v, max))
	}
}

impl AnimationInput {
	fn check(&self) -> Result<(), LimitExceeded> {
		if !(2..=MAX_FRAMES).contains(&self.frames) {
			return Err(LimitExceeded::Frames(self.frames));
		}
		if !(1..=MAX_FRAMES_PER_SECOND).contains(&self.frames_per_second) {
			return Err(LimitExceeded::FramesPerSecond(self.frames_per_second));
		}
		if self.motion_centi > 100 {
			return Err(LimitExceeded::Motion(self.motion_centi));
		}
		Ok(())
	}
}

impl SpriteSheetInput {
	/// The prompt of a cell: its own words, a comma, and what all cells have in common.
	pub fn cell_prompt(&self, cell: &CellPrompt) -> Vec<u8> {
		if self.image.prompt.is_empty() {
			return cell.to_vec();
		}
		[&cell[..], b", ", &self.image.prompt[..]].concat()
	}

	fn check(&self, limits: &ModelLimits) -> Result<(), LimitExceeded> {
		let cells = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
		if cells == 0 {
			return Err(LimitExceeded::NoCells);
		}
		within(self.columns.into(), cells).map_err(|_| LimitExceeded::Columns(self.columns, cells))?;
		for (index, cell) in (0u32..).zip(&self.cells) {
			if cell.is_empty() {
				return Err(LimitExceeded::EmptyCell(index));
			}
			check_prompt(&self.cell_prompt(cell), limits)?;
		}
		Ok(())
	}
}

impl EvaluationInput {
	fn units(&self) -> u32 {
		let per_sample = match self.model {
			Modality::Text => self.size,
			_ => EVALUATION_LEVELS.saturating_mul(self.size.div_ceil(PIXELS_PER_UNIT)),
		};
		per_sample.saturating_mul(self.samples.into()).saturating_mul(2)
	}

	fn check(&self, offered: Modality) -> Result<(), LimitExceeded> {
		if self.model != offered {
			return Err(LimitExceeded::Modality { asked: self.model, offered });
		}
		if !(1..=MAX_SAMPLES).contains(&self.samples) {
			return Err(LimitExceeded::Samples(self.samples));
		}
		if self.size == 0 {
			return Err(LimitExceeded::SampleSize(self.size));
		}
		Ok(())
	}
}

impl JobInput {
	/// The kind of output that the job asks for.
	pub fn modality(&self) -> Modality {
		match self {
			Self::Image(_) => Modality::Image,
			Self::Text(_) | Self::Talk(_) => Modality::Text,
			Self::Animation(_) => Modality::Animation,
			Self::SpriteSheet(_) => Modality::SpriteSheet,
			Self::Tile(_) => Modality::Tile,
			Self::Evaluation(_) => Modality::Evaluation,
			Self::Ballot(_) => Modality::Ballot,
		}
	}

	/// The prompt's bytes: what an animation begins with, and what the cells of a sprite sheet have in common. An evaluation
	/// has none.
	pub fn prompt(&self) -> &[u8] {
		match self {
			Self::Image(input) | Self::Tile(input) => &input.prompt,
			Self::Text(input) => &input.prompt,
			Self::Talk(input) => &input.text.prompt,
			Self::Animation(input) => &input.image.prompt,
			Self::SpriteSheet(input) => &input.image.prompt,
			Self::Ballot(input) => &input.question,
			Self::Evaluation(_) => &[],
		}
	}

	/// Work that each operator is paid for, in units: denoise steps times 64×64-pixel tiles (twice with guidance,
	/// which runs the model twice a step) for each picture, frame or cell; or new tokens plus a quarter of the prompt's
	/// bytes, and for a talk 256 for the persona. A ballot counts as two talks with a reason of [`MAX_REASON_TOKENS`] each.
	/// An evaluation counts, for both versions, a step at each of [`EVALUATION_LEVELS`] noise levels, or the tokens, of
	/// every sample. Never zero.
	pub fn units(&self) -> u32 {
		let units = match self {
			Self::Image(input) | Self::Tile(input) => input.units(),
			Self::Text(input) => input.units(),
			Self::Talk(input) => input.text.units().saturating_add(PERSONA_UNITS),
			Self::Ballot(input) => input.units(),
			Self::Animation(input) => input.image.units().saturating_mul(input.frames.into()),
			Self::SpriteSheet(input) => {
				let cells = u32::try_from(input.cells.len()).unwrap_or(u32::MAX);
				input.image.units().saturating_mul(cells)
			}
			Self::Evaluation(input) => input.units(),
		};
		units.max(1)
	}

	/// How many times the model's compute budget the job may take.
	pub fn runs(&self) -> u32 {
		match self {
			Self::Image(_) | Self::Text(_) | Self::Talk(_) | Self::Tile(_) => 1,
			Self::Animation(input) => u32::from(input.frames).max(1),
			Self::SpriteSheet(input) => u32::try_from(input.cells.len()).unwrap_or(u32::MAX).max(1),
			Self::Ballot(_) => 2,
			Self::Evaluation(_) => EVALUATION_RUNS,
		}
	}

	/// Checks the input against what a model offers.
	pub fn check(&self, offered: Modality, limits: &ModelLimits) -> Result<(), LimitExceeded> {
		if !self.modality().is_made_by(offered) {
			return Err(LimitExceeded::Modality { asked: self.modality(), offered });
		}
		match self {
			Self::Image(input) | Self::Tile(input) => {
				check_prompt(&input.prompt, limits)?;
				input.check(limits)
			}
			Self::Text(input) => input.check(limits),
			Self::Talk(input) => input.text.check(limits),
			Self::Ballot(input) => input.check(limits),
			Self::Animation(input) => {
				check_prompt(&input.image.prompt, limits)?;
				if !input.prompt_to.is_empty() {
					check_prompt(&input.prompt_to, limits)?;
				}
				input.image.check(limits)?;
				input.check()
			}
			Self::SpriteSheet(input) => {
				input.check(limits)?;
				input.image.check(limits)
			}
			Self::Evaluation(input) => input.check(offered),
		}
	}
}

/// A prompt that is there, is UTF-8 and is not too long.
fn check_prompt(prompt: &[u8], limits: &ModelLimits) -> Result<(), LimitExceeded> {
	if prompt.is_empty() {
		return Err(LimitExceeded::EmptyPrompt);
	}
	if core::str::from_utf8(prompt).is_err() {
		return Err(LimitExceeded::NotUtf8);
	}
	within(prompt.len(), limits.max_prompt_bytes.into()).map_err(|(v, max)| LimitExceeded::PromptBytes(v, max))
}

/// `value` in `1..=max`, or both numbers.
fn within(value: usize, max: u32) -> Result<(), (u32, u32)> {
	let value = u32::try_from(value).unwrap_or(u32::MAX);
	if value == 0 || value > max {
		return Err((value, max));
	}
	Ok(())
}

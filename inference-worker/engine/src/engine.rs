//! The facade: a verified folder becomes a [`Model`], a job becomes a [`JobOutput`].

use crate::digest::{cid_text, state_bytes, Animation, Image, SpriteSheet};
use crate::evaluation::Losses;
use crate::pipelines::ballot::{Ballot, BallotRequest};
use crate::pipelines::chat::{Chat, ChatRequest, Reply};
use crate::pipelines::text_to_image::{AnimationRequest, Settings, SpriteSheetRequest, TextToImage};
use crate::pipelines::{Control, Listener, Observer, Progress, Sampling};
use crate::weights::{Architecture, Hash32, Manifest, ModelFolder};
use crate::{EngineError, JobFault};
use autonomy_kernels::{assert_float_environment, engine_id, rng::Noise};
use autonomy_primitives::digest::{self, cid, Cid, ResultContext};
use autonomy_primitives::job::{
	AnimationInput, BallotInput, ImageInput, JobInput, SpriteSheetInput, TalkInput, MAX_PERSONA_BYTES,
};
use autonomy_primitives::trace::{self, TraceBuilder, TraceOpening};
use autonomy_primitives::Digest;
use candle_core::Device;
use std::cell::RefCell;
use std::path::Path;

/// The way in: opens models.
pub struct Engine;

impl Engine {
	/// Opens the model in a folder. Every file of its manifest is read and verified before anything is loaded; a model
	/// of another version of the numeric specification is refused.
	pub fn open(dir: impl AsRef<Path>) -> Result<Model, EngineError> {
		Self::open_on(dir, &Device::Cpu)
	}

	/// Opens the model as [`Engine::open`] does, to run on a device: the CPU or, in a build with the feature `cuda`, an
	/// NVIDIA GPU. Take that from `Device::new_cuda_with_stream`: a stream of its own keeps the order of the work when a model
	/// runs on one thread now and on another one later.
	pub fn open_on(dir: impl AsRef<Path>, device: &Device) -> Result<Model, EngineError> {
		let dir = dir.as_ref();
		let manifest = Manifest::load(dir)?;
		manifest.verify(dir)?;
		Model::from_verified(dir, manifest, device)
	}
}

pub(crate) enum Pipeline {
	TextToImage(Box<TextToImage>),
	Chat(Box<Chat>),
}

/// A loaded model.
pub struct Model {
	manifest: Manifest,
	pub(crate) pipeline: Pipeline,
}

/// What a job made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
	/// A picture.
	Image(Image),
	/// A reply.
	Text(Reply),
	/// A loop of pictures.
	Animation(Animation),
	/// Cells in a grid.
	SpriteSheet(SpriteSheet),
	/// A picture whose opposite edges fit together.
	Tile(Image),
	/// The losses of two versions of a model.
	Evaluation(Losses),
	/// A decision on a proposal, with its reasons.
	Ballot(Ballot),
}

impl Output {
	/// The bytes that the result digest covers.
	fn canonical(&self) -> Vec<u8> {
		match self {
			Self::Image(image) | Self::Tile(image) => image.canonical(),
			Self::Text(reply) => reply.canonical(),
			Self::Animation(animation) => animation.canonical(),
			Self::SpriteSheet(sheet) => sheet.canonical(),
			Self::Evaluation(losses) => losses.canonical(),
			Self::Ballot(ballot) => ballot.record.canonical(),
		}
	}

	/// The file to store and its media type.
	fn artifact(&self) -> (Vec<u8>, &'static str) {
		match self {
			Self::Image(image) | Self::Tile(image) => (image.to_png(), "image/png"),
			Self::Text(reply) => (reply.text.clone().into_bytes(), "text/plain; charset=utf-8"),
			Self::Animation(animation) => (animation.to_gif(), "image/gif"),
			Self::SpriteSheet(sheet) => (sheet.to_png(), "image/png"),
			Self::Evaluation(losses) => (losses.to_json(), "application/json"),
			Self::Ballot(ballot) => (ballot.record.to_json(), "application/json"),
		}
	}
}

/// The output of a job and its digests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobOutput {
	/// The result digest.
	pub result: Digest,
	/// Root over the states after each step.
	pub trace_root: Digest,
	/// The bytes that the result digest covers.
	pub canonical: Vec<u8>,
	/// The file to store: a PNG, a GIF, UTF-8 text, or JSON.
	pub artifact: Vec<u8>,
	/// Its media type.
	pub mime: &'static str,
	/// Its CID.
	pub artifact_cid: Cid,
	/// The output itself.
	pub output: Output,
	/// Steps that were run: denoise steps, or rows of logits.
	pub steps: u32,
}

/// A step of a run, as its trace has it.
#[derive(Clone, Copy, Debug)]
pub struct TracedStep<'a> {
	/// How far the run is.
	pub progress: Progress,
	/// Root over the chunks of the state. The trace root is made of these, see
	/// [`root_of_steps`](autonomy_primitives::trace::root_of_steps).
	pub root: Digest,
	/// Chunks of 1 KiB of the state, the same for every step of a run.
	pub chunks: u32,
	/// The state after the step as f32-LE: the latent `(channels, height, width)`, or the row of logits `(vocab_size)` that
	/// the next token is chosen from.
	pub state: &'a [u8],
	/// What a reply has gained since the step before, for people who watch: no part of the trace. What its last token says is
	/// in the output.
	pub said: &'a str,
}

impl JobOutput {
	/// The artifact's CID in text form.
	pub fn artifact_cid_text(&self) -> String {
		cid_text(&self.artifact_cid)
	}
}

impl Model {
	/// Builds the pipeline of a folder whose files are known to be those of the manifest.
	pub(crate) fn from_verified(dir: &Path, manifest: Manifest, device: &Device) -> Result<Self, EngineError> {
		autonomy_kernels::init();
		assert_float_environment().map_err(|error| EngineError::FloatEnvironment(error.to_string()))?;
		if manifest.engine.0 != engine_id() {
			return Err(EngineError::Specification {
				expected: manifest.engine.to_string(),
				actual: Hash32(engine_id()).to_string(),
			});
		}
		let folder = ModelFolder::new(dir, manifest.files.iter().map(|file| file.path.clone()));
		let pipeline = match manifest.architecture {
			Architecture::TextToImage => Pipeline::TextToImage(Box::new(TextToImage::open_on(&folder, device)?)),
			Architecture::Llama => Pipeline::Chat(Box::new(Chat::open_on(&folder, device)?)),
		};
		Ok(Self { manifest, pipeline })
	}

	/// The model's manifest.
	pub fn manifest(&self) -> &Manifest {
		&self.manifest
	}

	/// Runs a job. `seed` is the job's, `genesis` the hash of the chain's first block (zeros off chain). `progress` is
	/// called after every step and can cancel.
	///
	/// The output depends on weights, input and seed alone: neither on the machine, nor on its threads, nor on what ran
	/// before.
	pub fn run(
		&self,
		input: &JobInput,
		seed: [u8; 32],
		genesis: [u8; 32],
		progress: &mut dyn FnMut(Progress) -> Control,
	) -> Result<JobOutput, JobFault> {
		self.run_traced(input, seed, genesis, &mut |step| progress(step.progress))
	}

	/// Runs a job as [`Model::run`] does, at the same cost, and shows every step's root and state to `sink`, which can
	/// cancel.
	///
	/// What the sink does not keep is gone. A root has 32 bytes; a state has 4 for each value of the latent (64 KiB for a
	/// picture, frame or cell of 512 × 512 pixels with an autoencoder of 4 channels) or for each token of the vocabulary
	/// (512 KiB for 131,072), so that whoever keeps every state of a long reply needs gigabytes.
	///
	/// Fails as [`Model::run`] does; the steps before a fault were shown.
	pub fn run_traced(
		&self,
		input: &JobInput,
		seed: [u8; 32],
		genesis: [u8; 32],
		sink: &mut dyn FnMut(TracedStep) -> Control,
	) -> Result<JobOutput, JobFault> {
		self.run_as(None, input, seed, genesis, sink)
	}

	fn run_as(
		&self,
		persona: Option<&str>,
		input: &JobInput,
		seed: [u8; 32],
		genesis: [u8; 32],
		sink: &mut dyn FnMut(TracedStep) -> Control,
	) -> Result<JobOutput, JobFault> {
		assert_float_environment().map_err(|error| JobFault::Io(error.to_string()))?;
		input
			.check(self.manifest.modality, &self.manifest.limits)
			.map_err(|error| JobFault::InputInvalid(error.to_string()))?;
		let noise = Noise::new(seed);
		let (mut builder, mut steps) = (TraceBuilder::default(), 0);
		let heard = RefCell::new(String::new());
		let mut observe = |progress: Progress, state: &[f32]| {
			let state = state_bytes(state);
			builder.push(&state);
			steps = progress.step;
			let root = builder.last_step().unwrap_or_default();
			let said = heard.take();
			sink(TracedStep { progress, root, chunks: builder.chunks(), state: &state, said: &said })
		};
		let mut listen = |text: &str| heard.borrow_mut().push_str(text);
		let output = self.pipeline_output(persona, input, &noise, &mut observe, &mut listen)?;
		let (canonical, (artifact, mime)) = (output.canonical(), output.artifact());
		let context = ResultContext {
			genesis,
			model_root: self.manifest.weights_root.0,
			engine: self.manifest.engine.0,
			input_hash: digest::input_hash(input),
			seed,
			modality: input.modality(),
		};
		Ok(JobOutput {
			result: digest::result(&context, &canonical),
			trace_root: builder.root(),
			artifact_cid: cid(&artifact),
			canonical,
			artifact,
			mime,
			output,
			steps,
		})
	}

	/// Runs a job as [`Model::run_traced`] does and opens the chunk of its trace that `operator` has to open for `draw`. The
	/// opening holds under the output's trace root.
	///
	/// Takes 32 bytes a step and one state more memory than [`Model::run`]. How many steps a reply or a ballot has, and thus
	/// which of them is to be opened, is known at its end only: its row of logits is then computed again in one pass over the
	/// prompt and the tokens before it, which costs a fraction of the run and gives the same bits.
	///
	/// Fails as [`Model::run`] does, and with [`JobFault::Io`] when that row comes out differently, which only failing memory
	/// can do.
	pub fn run_opening(
		&self,
		input: &JobInput,
		seed: [u8; 32],
		genesis: [u8; 32],
		operator: &[u8; 32],
		draw: &Digest,
		sink: &mut dyn FnMut(TracedStep) -> Control,
	) -> Result<(JobOutput, TraceOpening), JobFault> {
		self.open_as(None, input, [seed, genesis], operator, draw, sink)
	}

	fn open_as(
		&self,
		persona: Option<&str>,
		input: &JobInput,
		[seed, genesis]: [[u8; 32]; 2],
		operator: &[u8; 32],
		draw: &Digest,
		sink: &mut dyn FnMut(TracedStep) -> Control,
	) -> Result<(JobOutput, TraceOpening), JobFault> {
		let (mut roots, mut chunks, mut kept) = (Vec::new(), 0, None);
		let output = self.run_as(persona, input, seed, genesis, &mut |step| {
			let Progress { step: done, steps } = step.progress;
			// Right for pictures, whose steps are known, and for a reply that is cut off.
			let wanted = trace::position(operator, draw, steps, step.chunks);
			if wanted.is_some_and(|(at, _)| at == done - 1) {
				kept = Some((done - 1, step.state.to_vec()));
			}
			roots.push(step.root);
			chunks = step.chunks;
			sink(step)
		})?;
		let at = trace::position(operator, draw, output.steps, chunks).map(|(step, _)| step);
		let state = match (kept, at) {
			(Some((step, state)), Some(at)) if step == at => Some(state),
			(_, Some(at)) => self.state_again(persona, input, &output.output, at as usize)?,
			(_, None) => None,
		};
		let opening = state.and_then(|state| TraceOpening::of_step(&roots, &state, operator, draw));
		match opening.filter(|opening| opening.verify(&output.trace_root, operator, draw)) {
			Some(opening) => Ok((output, opening)),
			None => Err(JobFault::Io(format!(
				"the trace of {} steps cannot be opened at step {}: the same computation gave something else, so memory is failing",
				output.steps,
				at.map_or(0, |at| at + 1)
			))),
		}
	}

	/// The state after step `at` (from 0) of a run that made `output`, from its tokens. `None` for anything but a reply or a
	/// ballot.
	fn state_again(
		&self,
		persona: Option<&str>,
		input: &JobInput,
		output: &Output,
		at: usize,
	) -> Result<Option<Vec<u8>>, JobFault> {
		match (&self.pipeline, input, output) {
			(
				Pipeline::Chat(chat),
				JobInput::Text(text) | JobInput::Talk(TalkInput { text, .. }),
				Output::Text(reply),
			) => {
				let Some(before) = reply.tokens.get(..at) else { return Ok(None) };
				Ok(Some(state_bytes(&chat.logits_after(persona, utf8(&text.prompt)?, before)?)))
			}
			(Pipeline::Chat(chat), JobInput::Ballot(input), Output::Ballot(ballot)) => {
				let logits = chat.ballot_logits(&question(persona, input)?, &ballot.statements, at)?;
				Ok(logits.map(|logits| state_bytes(&logits)))
			}
			_ => Ok(None),
		}
	}

	fn pipeline_output(
		&self,
		persona: Option<&str>,
		input: &JobInput,
		noise: &Noise,
		observe: &mut Observer,
		listen: &mut Listener,
	) -> Result<Output, JobFault> {
		if persona.is_none() && matches!(input, JobInput::Talk(_) | JobInput::Ballot(_)) {
			return Err(JobFault::Io("a message to a character, or a ballot, was run without its persona".into()));
		}
		match (&self.pipeline, input) {
			(Pipeline::TextToImage(pipeline), JobInput::Image(image)) => {
				Ok(Output::Image(pipeline.run(utf8(&image.prompt)?, &settings(image)?, noise, observe)?))
			}
			(Pipeline::TextToImage(pipeline), JobInput::Tile(image)) => {
				Ok(Output::Tile(pipeline.run_tile(utf8(&image.prompt)?, &settings(image)?, noise, observe)?))
			}
			(Pipeline::TextToImage(pipeline), JobInput::Animation(input)) => {
				Ok(Output::Animation(animate(pipeline, input, noise, observe)?))
			}
			(Pipeline::TextToImage(pipeline), JobInput::SpriteSheet(input)) => {
				Ok(Output::SpriteSheet(draw_sheet(pipeline, input, noise, observe)?))
			}
			(Pipeline::Chat(pipeline), JobInput::Text(text) | JobInput::Talk(TalkInput { text, .. })) => {
				let request = ChatRequest {
					persona,
					text: utf8(&text.prompt)?,
					max_tokens: text.max_tokens.into(),
					sampling: Sampling {
						temperature: f32::from(text.temperature_centi) / 100.0,
						top_p: f32::from(text.top_p_permille) / 1000.0,
						top_k: text.top_k.into(),
					},
				};
				Ok(Output::Text(pipeline.run_heard(&request, noise, observe, listen)?))
			}
			(Pipeline::Chat(pipeline), JobInput::Ballot(input)) => {
				Ok(Output::Ballot(pipeline.ballot(&question(persona, input)?, observe)?))
			}
			(Pipeline::TextToImage(_), JobInput::Text(_) | JobInput::Talk(_) | JobInput::Ballot(_)) => {
				Err(JobFault::InputInvalid("the model makes pictures, the job asks for text".into()))
			}
			(
				Pipeline::Chat(_),
				JobInput::Image(_) | JobInput::Tile(_) | JobInput::Animation(_) | JobInput::SpriteSheet(_),
			) => Err(JobFault::InputInvalid("the model writes text, the job asks for a picture".into())),
			(_, JobInput::Evaluation(_)) => {
				Err(JobFault::InputInvalid("an evaluation is not run on one model alone".into()))
			}
		}
	}

	/// Runs the manifest's golden job and compares its result.
	pub fn check_golden(&self) -> Result<(), EngineError> {
		let golden = &self.manifest.golden;
		let input = golden.input.to_job_input().map_err(EngineError::GoldenFault)?;
		let output =
			self.run(&input, golden.seed.0, [0; 32], &mut |_| Control::Continue).map_err(EngineError::GoldenFault)?;
		let differs = |expected: String, actual: String| EngineError::GoldenDiffers { expected, actual };
		if output.result != golden.result.0 {
			return Err(differs(golden.result.to_string(), hex::encode(output.result)));
		}
		if output.artifact_cid_text() != golden.artifact {
			return Err(differs(golden.artifact.clone(), output.artifact_cid_text()));
		}
		Ok(())
	}
}

/// A message to a character, or a ballot of it, with everything that it takes.
#[derive(Clone, Copy)]
pub struct Message<'a> {
	/// The character's language model.
	pub model: &'a Model,
	/// The bytes of the persona's file.
	pub persona: &'a [u8],
	/// The job's input.
	pub input: &'a JobInput,
}

impl Message<'_> {
	/// Runs the model as [`Model::run_traced`] does.
	///
	/// Fails with [`JobFault::InputInvalid`] when the persona is empty, too long or not UTF-8, which every machine finds in
	/// the same file, and with [`JobFault::Io`] when it is not that of the input.
	pub fn run_traced(
		&self,
		seed: [u8; 32],
		genesis: [u8; 32],
		sink: &mut dyn FnMut(TracedStep) -> Control,
	) -> Result<JobOutput, JobFault> {
		self.model.run_as(Some(self.persona()?), self.input, seed, genesis, sink)
	}

	/// Runs the model and opens its trace as [`Model::run_opening`] does.
	///
	/// Fails as [`Message::run_traced`] does.
	pub fn run_opening(
		&self,
		seed: [u8; 32],
		genesis: [u8; 32],
		operator: &[u8; 32],
		draw: &Digest,
		sink: &mut dyn FnMut(TracedStep) -> Control,
	) -> Result<(JobOutput, TraceOpening), JobFault> {
		self.model.open_as(Some(self.persona()?), self.input, [seed, genesis], operator, draw, sink)
	}

	fn persona(&self) -> Result<&str, JobFault> {
		let (JobInput::Talk(TalkInput { persona: named, .. }) | JobInput::Ballot(BallotInput { persona: named, .. })) =
			self.input
		else {
			return Err(JobFault::Io("a job that asks no character was given a persona".into()));
		};
		let found = cid(self.persona);
		if found != *named {
			let (found, wanted) = (cid_text(&found), cid_text(named));
			return Err(JobFault::Io(format!("the persona has the CID {found}, the job names {wanted}")));
		}
		let bytes = self.persona.len();
		if !(1..=MAX_PERSONA_BYTES as usize).contains(&bytes) {
			let why = format!("a persona of {bytes} bytes, it may have 1 to {MAX_PERSONA_BYTES}");
			return Err(JobFault::InputInvalid(why));
		}
		std::str::from_utf8(self.persona)
			.map_err(|error| JobFault::InputInvalid(format!("the persona is not UTF-8: {error}")))
	}
}

/// What a character is to decide on.
fn question<'a>(persona: Option<&'a str>, input: &'a BallotInput) -> Result<BallotRequest<'a>, JobFault> {
	let (question, prose) = (utf8(&input.question)?, utf8(&input.prose)?);
	Ok(BallotRequest { persona, persona_cid: input.persona, question, prose })
}

/// What the pictures of a job are drawn with.
fn settings(image: &ImageInput) -> Result<Settings<'_>, JobFault> {
	Ok(Settings {
		negative_prompt: utf8(&image.negative_prompt)?,
		width: image.width.into(),
		height: image.height.into(),
		steps: image.steps.into(),
		guidance: f32::from(image.guidance_centi) / 100.0,
	})
}

fn animate(
	pipeline: &TextToImage,
	input: &AnimationInput,
	noise: &Noise,
	observe: &mut Observer,
) -> Result<Animation, JobFault> {
	let request = AnimationRequest {
		prompt: utf8(&input.image.prompt)?,
		prompt_to: utf8(&input.prompt_to)?,
		frames: input.frames,
		frames_per_second: input.frames_per_second,
		motion: f64::from(input.motion_centi) / 100.0,
	};
	pipeline.run_animation(&request, &settings(&input.image)?, noise, observe)
}

fn draw_sheet(
	pipeline: &TextToImage,
	input: &SpriteSheetInput,
	noise: &Noise,
	observe: &mut Observer,
) -> Result<SpriteSheet, JobFault> {
	let mut prompts = Vec::with_capacity(input.cells.len());
	for cell in &input.cells {
		prompts.push(utf8(&input.cell_prompt(cell))?.to_owned());
	}
	let request = SpriteSheetRequest {
		prompts: &prompts,
		columns: input.columns,
		background_tolerance: input.background_tolerance,
	};
	pipeline.run_sprite_sheet(&request, &settings(&input.image)?, noise, observe)
}

fn utf8(bytes: &[u8]) -> Result<&str, JobFault> {
	std::str::from_utf8(bytes).map_err(|error| JobFault::InputInvalid(format!("the prompt is not UTF-8: {error}")))
}

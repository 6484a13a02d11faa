//! Evaluations: the loss of two versions of a model on the same samples of a held-out set.
//!
//! Both versions are asked the same questions, bit for bit: the same latents with the same noise at the same levels, or the
//! same tokens. A candidate for which they would be other ones (another autoencoder, another noise schedule, another
//! tokenizer) is refused, since its loss would say nothing beside the base version's.
//!
//! The format of the set and the formulas are in `docs/evaluation-set.md`.

use crate::digest::{state_bytes, Image};
use crate::engine::Pipeline;
use crate::pipelines::{Control, Progress, EVALUATION_STREAM};
use crate::weights::Hash32;
use crate::{JobFault, JobOutput, Model, Output, TracedStep};
use autonomy_kernels::{assert_float_environment, engine_id, rng::Noise};
use autonomy_primitives::digest::{self, canonical_evaluation, cid, Cid, ResultContext};
use autonomy_primitives::job::{EvaluationInput, JobInput, Modality, EVALUATION_LEVELS, MAX_PROMPT_BYTES};
use autonomy_primitives::trace::{TraceBuilder, TraceOpening};
use autonomy_primitives::Digest;
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use image::codecs::png::PngDecoder;
use image::{ColorType, ImageDecoder};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::io::Cursor;

/// Most bytes of a held-out set.
pub const MAX_SET_BYTES: u64 = 64 << 20;
/// Most samples of a held-out set, far more than an evaluation takes: a file could have millions of empty ones, each of which
/// takes a hundred times its bytes of memory.
const MAX_SET_SAMPLES: usize = 1 << 20;
/// Most bytes of a caption or a prompt.
const MAX_CAPTION_BYTES: usize = MAX_PROMPT_BYTES as usize;
/// Most bytes of a reply.
const MAX_REPLY_BYTES: usize = 64 << 10;
/// Version of the set's layout, and of the result's.
const SCHEMA: u32 = 1;
/// Values of a step's state: one chunk of a trace.
const STATE_VALUES: usize = 256;
/// One, in the fixed point of losses.
const BILLION: f64 = 1e9;

/// A fault of the set as a whole.
fn set_fault(why: impl fmt::Display) -> JobFault {
	JobFault::InputInvalid(format!("the held-out set: {why}"))
}

/// A fault of one field of a sample.
fn field_fault(sample: usize, field: &str, why: impl fmt::Display) -> JobFault {
	set_fault(format_args!("samples[{sample}].{field}: {why}"))
}

/// What a pipeline found in a sample, with the sample's number.
fn in_sample(sample: usize, fault: JobFault) -> JobFault {
	match fault {
		JobFault::InputInvalid(why) => set_fault(format_args!("samples[{sample}]: {why}")),
		JobFault::NonFinite(place) => JobFault::NonFinite(format!("{place}, of samples[{sample}]")),
		fault @ (JobFault::Cancelled | JobFault::Io(_)) => fault,
	}
}

/// The fault of a set that is too large to be read.
pub fn too_large(bytes: u64) -> JobFault {
	set_fault(format_args!("it has {bytes} bytes, a set has at most {MAX_SET_BYTES}"))
}

/// A picture and what it shows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptionedPicture {
	/// What the picture shows.
	pub caption: String,
	/// A PNG file.
	pub png: Vec<u8>,
}

impl CaptionedPicture {
	/// The picture, of at most `most` pixels. `sample` is its number, for faults.
	fn picture(&self, sample: usize, most: u32) -> Result<Image, JobFault> {
		let fault = |why: String| field_fault(sample, "png", why);
		let (width, height) = png_size(&self.png).map_err(|why| fault(why.into()))?;
		let pixels = u64::from(width) * u64::from(height);
		if pixels == 0 || pixels > most.into() {
			return Err(fault(format!("{width} x {height} are {pixels} pixels, the job takes 1 to {most}")));
		}
		let unreadable = |error: image::ImageError| fault(format!("it cannot be decoded: {error}"));
		let decoder = PngDecoder::with_limits(Cursor::new(&self.png), image::Limits::default()).map_err(unreadable)?;
		if decoder.color_type() != ColorType::Rgb8 {
			return Err(fault(format!("its pixels are {:?}, RGB with 8 bits is taken", decoder.color_type())));
		}
		let mut rgb = vec![0; 3 * pixels as usize];
		decoder.read_image(&mut rgb).map_err(unreadable)?;
		Ok(Image { width, height, rgb })
	}
}

/// Width and height of a PNG file, from its first bytes.
fn png_size(png: &[u8]) -> Result<(u32, u32), &'static str> {
	const START: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
	let Some(&[a, b, c, d, e, f, g, h, depth, colour, ..]) = png.strip_prefix(START) else {
		return Err("it is no PNG file");
	};
	if (depth, colour) != (8, 2) {
		return Err("its pixels are not RGB with 8 bits each");
	}
	Ok((u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])))
}

/// A prompt and the reply to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exchange {
	/// What the user says.
	pub prompt: String,
	/// What the model should say.
	pub reply: String,
}

/// A held-out set: samples that a model was not trained on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EvaluationSet {
	/// For picture models.
	Image(Vec<CaptionedPicture>),
	/// For language models.
	Text(Vec<Exchange>),
}

/// The file, before its parts are looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
	schema: u32,
	model: Modality,
	samples: Samples,
}

/// A sample of either kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
	#[serde(default, deserialize_with = "caption")]
	caption: Option<String>,
	#[serde(default, deserialize_with = "png")]
	png: Option<String>,
	#[serde(default, deserialize_with = "prompt")]
	prompt: Option<String>,
	#[serde(default, deserialize_with = "reply")]
	reply: Option<String>,
}

fn caption<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
	named("caption", deserializer)
}

fn png<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
	named("png", deserializer)
}

fn prompt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
	named("prompt", deserializer)
}

fn reply<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
	named("reply", deserializer)
}

/// A text, whose faults are told with the name of its field.
fn named<'de, D: Deserializer<'de>>(field: &str, deserializer: D) -> Result<Option<String>, D::Error> {
	String::deserialize(deserializer).map(Some).map_err(|error| D::Error::custom(format_args!("{field}: {error}")))
}

/// Samples, whose faults are told with their number.
struct Samples(Vec<Sample>);

impl<'de> Deserialize<'de> for Samples {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		struct Reader;

		impl<'de> Visitor<'de> for Reader {
			type Value = Vec<Sample>;

			fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
				f.write_str("a list of samples")
			}

			fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Sample>, A::Error> {
				let mut samples = Vec::new();
				loop {
					match list.next_element() {
						Ok(Some(_)) if samples.len() == MAX_SET_SAMPLES => {
							return Err(A::Error::custom(format_args!("more than {MAX_SET_SAMPLES} samples")))
						}
						Ok(Some(sample)) => samples.push(sample),
						Ok(None) => return Ok(samples),
						Err(error) => {
							return Err(A::Error::custom(format_args!("samples[{}]: {error}", samples.len())))
						}
					}
				}
			}
		}

		deserializer.deserialize_seq(Reader).map(Self)
	}
}

impl Sample {
	fn picture(self, number: usize) -> Result<CaptionedPicture, JobFault> {
		refuse(number, "prompt", &self.prompt, "image")?;
		refuse(number, "reply", &self.reply, "image")?;
		let caption = require(number, "caption", self.caption, MAX_CAPTION_BYTES)?;
		let png = require(number, "png", self.png, MAX_SET_BYTES as usize)?;
		let png =
			STANDARD.decode(png).map_err(|error| field_fault(number, "png", format_args!("no base64: {error}")))?;
		Ok(CaptionedPicture { caption, png })
	}

	fn exchange(self, number: usize) -> Result<Exchange, JobFault> {
		refuse(number, "caption", &self.caption, "text")?;
		refuse(number, "png", &self.png, "text")?;
		let prompt = require(number, "prompt", self.prompt, MAX_CAPTION_BYTES)?;
		let reply = require(number, "reply", self.reply, MAX_REPLY_BYTES)?;
		Ok(Exchange { prompt, reply })
	}
}

/// A field that a sample must have.
fn require(sample: usize, field: &str, value: Option<String>, most: usize) -> Result<String, JobFault> {
	let value = value.ok_or_else(|| field_fault(sample, field, "it is missing"))?;
	match value.len() {
		bytes if bytes > most => {
			Err(field_fault(sample, field, format_args!("{bytes} bytes, at most {most} are taken")))
		}
		_ => Ok(value),
	}
}

/// A field that a sample must not have.
fn refuse(sample: usize, field: &str, value: &Option<String>, model: &str) -> Result<(), JobFault> {
	match value {
		Some(_) => Err(field_fault(sample, field, format_args!("{model} samples have no such field"))),
		None => Ok(()),
	}
}

impl EvaluationSet {
	/// Reads the file of a set: JSON, strictly. The fault names sample and field.
	pub fn parse(bytes: &[u8]) -> Result<Self, JobFault> {
		let size = bytes.len() as u64;
		if size > MAX_SET_BYTES {
			return Err(too_large(size));
		}
		let Layout { schema, model, samples: Samples(samples) } = serde_json::from_slice(bytes).map_err(set_fault)?;
		if schema != SCHEMA {
			return Err(set_fault(format_args!("schema: {schema}, this engine reads schema {SCHEMA}")));
		}
		let samples = samples.into_iter().enumerate();
		match model {
			Modality::Image => samples.map(|(i, sample)| sample.picture(i)).collect::<Result<_, _>>().map(Self::Image),
			Modality::Text => samples.map(|(i, sample)| sample.exchange(i)).collect::<Result<_, _>>().map(Self::Text),
			Modality::Animation | Modality::SpriteSheet | Modality::Tile | Modality::Evaluation | Modality::Ballot => {
				Err(set_fault(format_args!("model: {model:?}, a set is for an image or a text model")))
			}
		}
	}

	/// The kind of model that it is for.
	pub fn model(&self) -> Modality {
		match self {
			Self::Image(_) => Modality::Image,
			Self::Text(_) => Modality::Text,
		}
	}

	/// How many samples it has.
	pub fn len(&self) -> usize {
		match self {
			Self::Image(samples) => samples.len(),
			Self::Text(samples) => samples.len(),
		}
	}

	/// Whether it has none.
	pub fn is_empty(&self) -> bool {
		self.len() == 0
	}
}

/// What an evaluation found. Losses are in billionths: mean squared errors of a picture model's prediction, or nats of
/// cross-entropy of a reply's tokens.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Losses {
	/// Mean over the samples, of the base version.
	pub base_loss: u64,
	/// The loss of each sample, of the base version.
	pub base_samples: Vec<u64>,
	/// Mean over the samples, of the candidate.
	pub candidate_loss: u64,
	/// The loss of each sample, of the candidate.
	pub candidate_samples: Vec<u64>,
	/// How much less the candidate's loss is, in millionths of the base version's, rounded towards zero; negative for a worse
	/// candidate, 0 when the base version has no loss.
	pub gain_ppm: i64,
	/// Version of this layout.
	pub schema: u32,
}

impl Losses {
	fn of(base: &[f64], candidate: &[f64]) -> Result<Self, JobFault> {
		let each = |losses: &[f64]| losses.iter().map(|loss| billionths(*loss)).collect::<Result<Vec<_>, _>>();
		let (base_loss, candidate_loss) = (billionths(mean(base))?, billionths(mean(candidate))?);
		Ok(Self {
			base_loss,
			base_samples: each(base)?,
			candidate_loss,
			candidate_samples: each(candidate)?,
			gain_ppm: gain_ppm(base_loss, candidate_loss),
			schema: SCHEMA,
		})
	}

	/// The bytes that the result digest covers.
	pub fn canonical(&self) -> Vec<u8> {
		canonical_evaluation(self.base_loss, self.candidate_loss)
	}

	/// The file: JSON on one line, its fields sorted by name, and a line break. The same losses always give the same bytes.
	pub fn to_json(&self) -> Vec<u8> {
		let mut text = serde_json::to_vec(self).expect("whole numbers have a form in JSON");
		text.push(b'\n');
		text
	}

	/// Reads what [`Losses::to_json`] wrote. `None` for anything else.
	pub fn from_json(bytes: &[u8]) -> Option<Self> {
		let losses: Self = serde_json::from_slice(bytes).ok()?;
		(losses.to_json() == bytes).then_some(losses)
	}
}

/// In order, in f64. Not of nothing.
fn mean(values: &[f64]) -> f64 {
	values.iter().fold(0.0, |sum, value| sum + value) / values.len() as f64
}

/// A loss in billionths, rounded half to even.
fn billionths(loss: f64) -> Result<u64, JobFault> {
	let scaled = (loss * BILLION).round_ties_even();
	match (0.0..i64::MAX as f64).contains(&scaled) {
		true => Ok(scaled as u64),
		false => Err(JobFault::NonFinite(format!("a loss of {loss}, which has no form in billionths"))),
	}
}

fn gain_ppm(base: u64, candidate: u64) -> i64 {
	let gain = (i128::from(base) - i128::from(candidate)) * 1_000_000;
	let gain = gain.checked_div(base.into()).unwrap_or(0);
	i64::try_from(gain).unwrap_or(if gain < 0 { i64::MIN } else { i64::MAX })
}

/// The loss of both versions on the first samples of a set, as [`Evaluation::run_traced`] finds it.
pub fn evaluate(
	base: &Model,
	candidate: &Model,
	set: &[u8],
	input: &EvaluationInput,
	seed: [u8; 32],
	genesis: [u8; 32],
	sink: &mut dyn FnMut(TracedStep) -> Control,
) -> Result<JobOutput, JobFault> {
	Evaluation { base, candidate, set, input }.run_traced(seed, genesis, sink)
}

/// An evaluation with everything that it takes.
#[derive(Clone, Copy)]
pub struct Evaluation<'a> {
	/// The version that is compared with.
	pub base: &'a Model,
	/// The other version.
	pub candidate: &'a Model,
	/// The bytes of the held-out set's file.
	pub set: &'a [u8],
	/// The job's input.
	pub input: &'a EvaluationInput,
}

impl Evaluation<'_> {
	/// Runs the evaluation. `seed` is the job's, from which all noise comes, `genesis` the hash of the chain's first block.
	/// `sink` sees a step for each sample of the base version and then for each of the candidate, with the sample's losses
	/// (one for each level of noise, or one for a reply) and zeros up to 256 values as the state; it can cancel.
	///
	/// Fails with [`JobFault::InputInvalid`] for what every machine finds in the same set and the same versions, with
	/// [`JobFault::NonFinite`] likewise, and with [`JobFault::Io`] when models or set are not those of the input.
	pub fn run_traced(
		&self,
		seed: [u8; 32],
		genesis: [u8; 32],
		sink: &mut dyn FnMut(TracedStep) -> Control,
	) -> Result<JobOutput, JobFault> {
		assert_float_environment().map_err(|error| JobFault::Io(error.to_string()))?;
		self.check_given()?;
		let set = EvaluationSet::parse(self.set)?;
		self.check(&set)?;
		let noise = Noise::new(seed);
		let samples = usize::from(self.input.samples);
		let mut builder = TraceBuilder::default();
		let mut progress = Progress { step: 0, steps: 2 * u32::from(self.input.samples) };
		let mut push = |losses: &[f32]| {
			let mut state = losses.to_vec();
			state.resize(STATE_VALUES, 0.0);
			let state = state_bytes(&state);
			builder.push(&state);
			progress.step += 1;
			let root = builder.last_step().unwrap_or_default();
			match sink(TracedStep { progress, root, chunks: builder.chunks(), state: &state, said: "" }) {
				Control::Continue => Ok(()),
				Control::Cancel => Err(JobFault::Cancelled),
			}
		};
		let mut asked = Vec::with_capacity(samples);
		let mut base = Vec::with_capacity(samples);
		for sample in 0..samples {
			let (question, losses) = self.ask(self.base, &set, sample, &noise, None)?;
			push(&losses)?;
			asked.push(question);
			base.push(mean_of(&losses));
		}
		let mut candidate = Vec::with_capacity(samples);
		for (sample, question) in asked.iter().enumerate() {
			let (_, losses) = self.ask(self.candidate, &set, sample, &noise, Some(question))?;
			push(&losses)?;
			candidate.push(mean_of(&losses));
		}
		let losses = Losses::of(&base, &candidate)?;
		let (canonical, artifact) = (losses.canonical(), losses.to_json());
		let context = ResultContext {
			genesis,
			model_root: self.input.base.weights_root,
			engine: engine_id(),
			input_hash: digest::input_hash(&JobInput::Evaluation(self.input.clone())),
			seed,
			modality: Modality::Evaluation,
		};
		Ok(JobOutput {
			result: digest::result(&context, &canonical),
			trace_root: builder.root(),
			artifact_cid: cid(&artifact),
			canonical,
			artifact,
			mime: "application/json",
			output: Output::Evaluation(losses),
			steps: progress.steps,
		})
	}

	/// Runs the evaluation as [`Evaluation::run_traced`] does and opens the chunk of its trace that `operator` has to open for
	/// `draw`. Takes 1 KiB a step more memory.
	pub fn run_opening(
		&self,
		seed: [u8; 32],
		genesis: [u8; 32],
		operator: &[u8; 32],
		draw: &Digest,
		sink: &mut dyn FnMut(TracedStep) -> Control,
	) -> Result<(JobOutput, TraceOpening), JobFault> {
		let mut states = Vec::new();
		let output = self.run_traced(seed, genesis, &mut |step| {
			states.push(step.state.to_vec());
			sink(step)
		})?;
		let opening = TraceOpening::new(&states, operator, draw);
		match opening.filter(|opening| opening.verify(&output.trace_root, operator, draw)) {
			Some(opening) => Ok((output, opening)),
			None => {
				Err(JobFault::Io(format!("the trace of {} steps cannot be opened: memory is failing", output.steps)))
			}
		}
	}

	/// Compares what was given with the input: whoever gives something else made a mistake, the input is not at fault.
	fn check_given(&self) -> Result<(), JobFault> {
		let differs = |what: &str, given: String, asked: String| {
			Err(JobFault::Io(format!("{what} is {given}, the evaluation asks for {asked}; fetch it again")))
		};
		let versions = [("base", self.base, &self.input.base), ("candidate", self.candidate, &self.input.candidate)];
		for (name, model, asked) in versions {
			let given = model.manifest().weights_root;
			if given.0 != asked.weights_root {
				let what = format!("the weights root of the {name} version");
				return differs(&what, given.to_string(), Hash32(asked.weights_root).to_string());
			}
		}
		let given = cid(self.set);
		if given != self.input.set {
			let text = crate::digest::cid_text;
			return differs("the held-out set", text(&given), text(&self.input.set));
		}
		Ok(())
	}

	/// What every machine finds before anything is run.
	fn check(&self, set: &EvaluationSet) -> Result<(), JobFault> {
		let Self { base, candidate, input, .. } = self;
		for (name, model, asked) in [("base", base, &input.base), ("candidate", candidate, &input.candidate)] {
			let (engine, made) = (Hash32(asked.engine), model.manifest().engine);
			if engine != made {
				let why = format!("the {name} version is registered for engine {engine}, its manifest says {made}");
				return Err(JobFault::InputInvalid(why));
			}
			JobInput::Evaluation((*input).clone())
				.check(model.manifest().modality, &model.manifest().limits)
				.map_err(|error| JobFault::InputInvalid(format!("the {name} version: {error}")))?;
		}
		if set.model() != input.model {
			let (is, asked) = (set.model(), input.model);
			return Err(set_fault(format_args!("model: it is for {is:?} models, the job is for {asked:?}")));
		}
		let (there, asked) = (set.len(), usize::from(input.samples));
		if there < asked {
			return Err(set_fault(format_args!("samples: it has {there}, the job takes {asked}")));
		}
		match (&base.pipeline, &candidate.pipeline) {
			(Pipeline::TextToImage(base), Pipeline::TextToImage(candidate)) if base.levels() != candidate.levels() => {
				Err(JobFault::InputInvalid(
					"the versions were trained to predict other things or at other levels of noise: their losses cannot be \
					 compared"
						.into(),
				))
			}
			_ => Ok(()),
		}
	}

	/// The losses of a version on a sample, and a digest of what it was asked; refused when that is not what the other version
	/// was asked.
	fn ask(
		&self,
		model: &Model,
		set: &EvaluationSet,
		sample: usize,
		noise: &Noise,
		other: Option<&Cid>,
	) -> Result<(Cid, Vec<f32>), JobFault> {
		let located = |fault| in_sample(sample, fault);
		let same = |question: Cid, what: &str| match other {
			Some(other) if *other != question => Err(located(JobFault::InputInvalid(format!(
				"the candidate makes other {what} of it than the base version: their losses cannot be compared"
			)))),
			_ => Ok(question),
		};
		match (&model.pipeline, set) {
			(Pipeline::TextToImage(pipeline), EvaluationSet::Image(samples)) => {
				let Some(pair) = samples.get(sample) else { return Err(missing(sample)) };
				let picture = pair.picture(sample, self.input.size)?;
				let latent = pipeline.latent(&picture).map_err(located)?;
				let values = latent.flatten_all().and_then(|latent| latent.to_vec1::<f32>())?;
				let question = same(cid(&state_bytes(&values)), "latents")?;
				let first = EVALUATION_STREAM + sample as u32 * EVALUATION_LEVELS;
				let noise_of = |level: u32| noise.normal(first + level, 0, values.len());
				Ok((question, pipeline.losses(&pair.caption, &latent, &noise_of).map_err(located)?))
			}
			(Pipeline::Chat(chat), EvaluationSet::Text(samples)) => {
				let Some(Exchange { prompt, reply }) = samples.get(sample) else { return Err(missing(sample)) };
				let (prompt, reply) = chat.exchange(prompt, reply).map_err(located)?;
				let (tokens, most) = (prompt.len() + reply.len(), self.input.size);
				if tokens > most as usize {
					let why = format!("{tokens} tokens with the prompt's, the job takes at most {most}");
					return Err(located(JobFault::InputInvalid(why)));
				}
				let bytes: Vec<u8> = reply.iter().flat_map(|token| token.to_le_bytes()).collect();
				let question = same(cid(&bytes), "tokens")?;
				let loss = chat.loss(&prompt, &reply).map_err(located)?;
				match loss.is_finite() {
					true => Ok((question, vec![loss])),
					false => Err(located(JobFault::NonFinite("the loss of a reply".into()))),
				}
			}
			(Pipeline::TextToImage(_), EvaluationSet::Text(_)) | (Pipeline::Chat(_), EvaluationSet::Image(_)) => {
				Err(set_fault(format_args!("model: {:?}, the version is of another kind", set.model())))
			}
		}
	}
}

/// A sample beyond the end of its set.
fn missing(sample: usize) -> JobFault {
	set_fault(format_args!("samples[{sample}]: it is missing"))
}

/// The mean of a sample's losses: in order, in f64.
fn mean_of(losses: &[f32]) -> f64 {
	let losses: Vec<f64> = losses.iter().copied().map(f64::from).collect();
	mean(&losses)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn parse(text: &str) -> Result<EvaluationSet, String> {
		EvaluationSet::parse(text.as_bytes()).map_err(|fault| fault.to_string())
	}

	#[test]
	fn set_should_be_read_when_it_is_well_formed() {
		let text =
			r#"{"schema":1,"model":"text","samples":[{"prompt":"hi","reply":"hello"},{"reply":"","prompt":"bye"}]}"#;
		let exchange = |prompt: &str, reply: &str| Exchange { prompt: prompt.into(), reply: reply.into() };
		assert_eq!(parse(text), Ok(EvaluationSet::Text(vec![exchange("hi", "hello"), exchange("bye", "")])));
		let image = r#"{"samples":[{"caption":"a dot","png":"AQI="}],"model":"image","schema":1}"#;
		let picture = CaptionedPicture { caption: "a dot".into(), png: vec![1, 2] };
		assert_eq!(parse(image), Ok(EvaluationSet::Image(vec![picture])));
		assert!(parse(r#"{"schema":1,"model":"text","samples":[]}"#).unwrap().is_empty());
	}

	#[test]
	fn fault_should_name_sample_and_field() {
		let text = |samples: &str| parse(&format!(r#"{{"schema":1,"model":"text","samples":[{samples}]}}"#));
		let image = |samples: &str| parse(&format!(r#"{{"schema":1,"model":"image","samples":[{samples}]}}"#));
		let good = r#"{"prompt":"a","reply":"b"}"#;
		let long = "x".repeat(MAX_CAPTION_BYTES + 1);
		let cases = [
			(parse("not json"), "line 1"),
			(parse(r#"{"schema":2,"model":"text","samples":[]}"#), "schema: 2"),
			(parse(r#"{"schema":1,"model":"tile","samples":[]}"#), "model: Tile"),
			(parse(r#"{"schema":1,"model":"sound","samples":[]}"#), "sound"),
			(parse(r#"{"schema":1,"model":"text"}"#), "samples"),
			(parse(r#"{"schema":1,"model":"text","samples":[],"notes":""}"#), "notes"),
			(parse(r#"{"schema":1,"model":"text","samples":[]} 1"#), "trailing"),
			(text(&format!(r#"{good},{{"prompt":"a"}}"#)), "samples[1].reply: it is missing"),
			(text(&format!(r#"{good},{{"prompt":"a","reply":5}}"#)), "samples[1]: reply: invalid type"),
			(text(&format!(r#"{good},{{"prompt":"a","reply":null}}"#)), "samples[1]: reply: invalid type"),
			(text(&format!(r#"{good},{{"prompt":"a","prompt":"b"}}"#)), "samples[1]: duplicate field `prompt`"),
			(text(r#"{"prompt":"a","reply":"b","tone":"c"}"#), "samples[0]: unknown field `tone`"),
			(text(r#"{"prompt":"a","reply":"b","png":"AA=="}"#), "samples[0].png: text samples have no such field"),
			(text(&format!(r#"{{"prompt":"{long}","reply":"b"}}"#)), "samples[0].prompt: 2049 bytes"),
			(image(r#"{"caption":"a"}"#), "samples[0].png: it is missing"),
			(image(r#"{"caption":"a","png":"%%"}"#), "samples[0].png: no base64"),
			(image(r#"{"caption":"a","png":"AA==","reply":"b"}"#), "samples[0].reply"),
		];
		for (result, needle) in cases {
			let fault = result.unwrap_err();
			assert!(fault.contains("the held-out set: ") && fault.contains(needle), "{needle}: {fault}");
		}
		let fault = EvaluationSet::parse(&vec![b' '; MAX_SET_BYTES as usize + 1]).unwrap_err();
		assert_eq!(fault, too_large(MAX_SET_BYTES + 1));
	}

	#[test]
	fn picture_should_be_refused_before_it_is_decoded_when_its_header_says_too_much() {
		let image = Image { width: 3, height: 2, rgb: (0..18).collect() };
		let sample = |png: Vec<u8>| CaptionedPicture { caption: String::new(), png };
		let png = image.to_png();
		assert_eq!(sample(png.clone()).picture(0, 6), Ok(image));
		let fault = |png: &[u8], most| sample(png.to_vec()).picture(4, most).unwrap_err().to_string();
		assert!(fault(&png, 5).contains("samples[4].png: 3 x 2 are 6 pixels, the job takes 1 to 5"));
		// A header that promises 2^64 pixels: nothing of that size is ever asked of the system.
		let mut huge = png.clone();
		huge[16..24].fill(0xff);
		assert!(fault(&huge, u32::MAX).contains("pixels, the job takes"));
		let mut grey = png.clone();
		grey[25] = 0;
		assert!(fault(&grey, 6).contains("not RGB with 8 bits"));
		assert!(fault(&png[..png.len() / 2], 6).contains("cannot be decoded"));
		for broken in [&b""[..], b"GIF89a", &png[..20]] {
			assert!(fault(broken, 6).contains("no PNG file"), "{broken:?}");
		}
	}

	#[test]
	fn loss_should_be_rounded_half_to_even_in_billionths() {
		assert_eq!(
			[0.0, 0.5e-9, 1.5e-9, 2.5e-9, 1.0].map(|loss| billionths(loss).unwrap()),
			[0, 0, 2, 2, 1_000_000_000]
		);
		for loss in [f64::NAN, f64::INFINITY, -1.0, 1e10] {
			assert!(matches!(billionths(loss), Err(JobFault::NonFinite(_))), "{loss}");
		}
		assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
		assert_eq!(mean_of(&[0.5, 1.5]), 1.0);
	}

	#[test]
	fn gain_should_be_in_millionths_of_the_base_loss() {
		assert_eq!(gain_ppm(200, 150), 250_000);
		assert_eq!(gain_ppm(200, 250), -250_000);
		assert_eq!(gain_ppm(3, 2), 333_333);
		assert_eq!(gain_ppm(3, 4), -333_333);
		assert_eq!((gain_ppm(0, 0), gain_ppm(0, 9), gain_ppm(9, 0)), (0, 0, 1_000_000));
		assert_eq!(gain_ppm(1, u64::MAX), i64::MIN);
	}

	#[test]
	fn file_should_have_sorted_fields_and_come_back() {
		let losses = Losses::of(&[0.25, 0.75], &[0.25, 0.5]).unwrap();
		let text = "{\"base_loss\":500000000,\"base_samples\":[250000000,750000000],\"candidate_loss\":375000000,\
			\"candidate_samples\":[250000000,500000000],\"gain_ppm\":250000,\"schema\":1}\n";
		assert_eq!(String::from_utf8(losses.to_json()).unwrap(), text);
		assert_eq!(Losses::from_json(text.as_bytes()), Some(losses.clone()));
		assert_eq!(losses.canonical(), [500_000_000u64.to_le_bytes(), 375_000_000u64.to_le_bytes()].concat());
		assert_eq!(Losses::from_json(text.trim_end().as_bytes()), None, "another form of it is another file");
		assert_eq!(Losses::from_json(b"{\"base_loss\":1}"), None);
	}
}

//! The engine process's side.

use std::{
	collections::HashMap,
	ffi::OsStr,
	io::{Read, Write},
	os::unix::ffi::OsStrExt,
	path::Path,
};

use autonomy_engine::{Engine, Model};
use autonomy_primitives::Digest;

use crate::{
	compute::{open_trace, read_set, run_job, trace_model, Ready},
	confine::{confine, ConfineError},
	memory::give_back,
	protocol::{read, write, Message, ProtocolError, Reply, Request, MAX_SAID},
	ComputeError, Job, Step, Trace,
};

/// Why the engine process ends before the worker lets it go.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
	/// The worker said something else than what belongs there.
	#[error("the worker's message was not understood: {0}")]
	Protocol(#[from] ProtocolError),
	/// The limits cannot be set.
	#[error(transparent)]
	Confine(#[from] ConfineError),
}

/// Limits this process as the worker asks, then opens and runs models until `input` ends, which is a success.
///
/// Must be called before the process has a second thread: some limits are a thread's, and later threads inherit them.
pub fn serve(input: &mut impl Read, output: &mut impl Write) -> Result<(), ServeError> {
	let said = match read(input)? {
		Request::Hello { parent, memory_limit, said } => {
			confine(parent, memory_limit)?;
			said
		}
		_ => return Err(ProtocolError::Unexpected("a request before Hello").into()),
	};
	write(output, &Reply::Ready)?;
	let mut models = Models::default();
	loop {
		let request = match read(input) {
			Ok(request) => request,
			Err(ProtocolError::Ended) => return Ok(()),
			Err(error) => return Err(error.into()),
		};
		let mut steps = Steps { input: &mut *input, output: &mut *output, said, broken: None };
		let answer = models.answer(request, &mut steps);
		if let Some(error) = steps.broken {
			return Err(error.into());
		}
		let reply = answer?;
		match write(output, &reply) {
			Err(ProtocolError::Length(length, limit)) => {
				let why = format!("the answer has {length} bytes, an engine process can send {limit}");
				write(output, &Reply::Failed(ComputeError::Machine(why)))?;
			}
			other => other?,
		}
	}
}

/// The models that were opened, by their weights root.
#[derive(Default)]
struct Models(HashMap<Digest, Model>);

impl Models {
	fn answer<I: Read, O: Write>(&mut self, request: Request, steps: &mut Steps<I, O>) -> Result<Reply, ProtocolError> {
		let outcome = match request {
			Request::Load { folder, weights_root } => {
				self.open(Path::new(OsStr::from_bytes(&folder)), weights_root).map(|()| Reply::Loaded)
			}
			Request::Free { weights_root } => {
				if let Some(weights_root) = weights_root {
					drop(self.0.remove(&weights_root));
				}
				give_back();
				Ok(Reply::Freed)
			}
			Request::Run { weights_root, job } => self
				.with(&weights_root, &job, |ready| run_job(ready, &job, &mut |step| steps.done(step)))
				.map(Reply::Done),
			Request::OpenTrace { weights_root, job, operator, draw } => self
				.with(&weights_root, &job, |ready| {
					open_trace(ready, &job, &operator, &draw, &mut |step| steps.done(step))
				})
				.map(|(computed, opening, trace)| Reply::Opened(computed, opening, trace)),
			Request::Trace { weights_root, job } => self.with(&weights_root, &job, |ready| {
				let mut trace = Trace::default();
				let computed = trace_model(ready, &job, &mut trace, &mut |step| steps.done(step))?;
				Ok(Reply::Traced(computed, trace))
			}),
			Request::Hello { .. } => return Err(ProtocolError::Unexpected("a second Hello")),
			Request::Continue | Request::Cancel => return Err(ProtocolError::Unexpected("an answer to no step")),
		};
		Ok(outcome.unwrap_or_else(Reply::Failed))
	}

	fn open(&mut self, folder: &Path, weights_root: Digest) -> Result<(), ComputeError> {
		let model = Engine::open(folder).map_err(|error| match error.is_of_the_model() {
			true => ComputeError::Unusable(error.to_string()),
			false => ComputeError::Model(error.to_string()),
		})?;
		let actual = model.manifest().weights_root;
		if actual.0 != weights_root {
			// The worker compared the manifest a moment ago, so somebody is changing the folder.
			let why = format!("{}: its weights root became {actual}; fetch the model again", folder.display());
			return Err(ComputeError::Model(why));
		}
		self.0.insert(weights_root, model);
		Ok(())
	}

	/// Has a job run with the model that it takes, an evaluation with both versions and its set.
	fn with<T>(
		&self,
		weights_root: &Digest,
		job: &Job,
		run: impl FnOnce(Ready) -> Result<T, ComputeError>,
	) -> Result<T, ComputeError> {
		let model = self.get(weights_root)?;
		match (job.candidate(), &job.evaluation) {
			(Some(candidate), Some(files)) => {
				let candidate = self.get(&candidate.weights_root)?;
				let set = read_set(files.set())?;
				run(Ready::Evaluation { base: model, candidate, set: &set })
			}
			_ => match &job.persona {
				Some(persona) => run(Ready::Character { model, persona }),
				None => run(Ready::Model(model)),
			},
		}
	}

	fn get(&self, weights_root: &Digest) -> Result<&Model, ComputeError> {
		self.0.get(weights_root).ok_or_else(|| ComputeError::Machine("the model to run was not loaded".into()))
	}
}

/// Reports the steps of a run and waits each time for leave to go on.
struct Steps<'a, I, O> {
	input: &'a mut I,
	output: &'a mut O,
	/// Whether the worker wants to hear what a reply says.
	said: bool,
	broken: Option<ProtocolError>,
}

impl<I: Read, O: Write> Steps<'_, I, O> {
	fn done(&mut self, Step { step, steps, said }: Step) -> bool {
		let said = if self.said { piece(said).into() } else { String::new() };
		self.ask(&Reply::Progress { step, steps, said }).unwrap_or_else(|error| {
			self.broken = Some(error);
			false
		})
	}

	fn ask(&mut self, progress: &impl Message) -> Result<bool, ProtocolError> {
		write(self.output, progress)?;
		match read(self.input)? {
			Request::Continue => Ok(true),
			Request::Cancel => Ok(false),
			_ => Err(ProtocolError::Unexpected("a request during a run")),
		}
	}
}

/// As much of a text as a message takes.
fn piece(said: &str) -> &str {
	&said[..said.floor_char_boundary(MAX_SAID)]
}

#[cfg(test)]
mod tests {
	use std::collections::HashSet;

	use crate::EvaluationFiles;
	use autonomy_engine::{InputSpec, Manifest, PictureSpec};
	use autonomy_primitives::trace::position;

	use super::*;

	#[test]
	fn engine_should_refuse_to_work_when_it_is_not_told_its_limits() {
		let mut input = Vec::new();
		write(&mut input, &Request::Load { folder: b"/".to_vec(), weights_root: [0; 32] }).unwrap();
		let mut output = Vec::new();
		let error = serve(&mut &input[..], &mut output).unwrap_err();
		assert!(error.to_string().contains("before Hello"), "{error}");
		assert!(output.is_empty());
	}

	#[test]
	fn model_should_be_refused_when_its_folder_is_missing_or_it_was_not_loaded() {
		let mut steps = Steps { input: &mut std::io::empty(), output: &mut Vec::new(), said: false, broken: None };
		let mut models = Models::default();
		let load = Request::Load { folder: b"/nowhere/model".to_vec(), weights_root: [0; 32] };
		let reply = models.answer(load, &mut steps).unwrap();
		let Reply::Failed(ComputeError::Model(why)) = reply else { panic!("{reply:?}") };
		assert!(why.contains("/nowhere/model"), "{why}");
		assert!(matches!(models.answer(Request::Continue, &mut steps), Err(ProtocolError::Unexpected(_))));
	}

	/// A request about a model of `inference-worker/models`, answered as the engine process does, and its steps.
	fn answered(models: &mut Models, request: Request) -> (Reply, u32) {
		answered_in(models, request, 100)
	}

	/// The same of one that takes at most so many steps.
	fn answered_in(models: &mut Models, request: Request, most: u32) -> (Reply, u32) {
		let (reply, said) = heard(models, request, most, false);
		assert!(said.iter().all(String::is_empty), "{said:?}");
		(reply, said.len() as u32)
	}

	/// The same with what is said at each step.
	fn heard(models: &mut Models, request: Request, most: u32, said: bool) -> (Reply, Vec<String>) {
		let (mut input, mut output) = (Vec::new(), Vec::new());
		(0..most).for_each(|_| write(&mut input, &Request::Continue).unwrap());
		let mut steps = Steps { input: &mut &input[..], output: &mut output, said, broken: None };
		let reply = models.answer(request, &mut steps).unwrap();
		assert!(steps.broken.is_none());
		// The answer goes through the pipe too.
		write(&mut output, &reply).unwrap();
		let (mut output, mut pieces) = (&output[..], Vec::new());
		loop {
			match read(&mut output).unwrap() {
				Reply::Progress { step, said, .. } => {
					pieces.push(said);
					assert_eq!(step as usize, pieces.len());
				}
				reply => return (reply, pieces),
			}
		}
	}

	#[test]
	fn opening_and_steps_should_belong_to_the_run_when_they_come_through_the_pipe() {
		let picture = PictureSpec {
			prompt: "a red circle on a black background".into(),
			negative_prompt: String::new(),
			width: 32,
			height: 32,
			steps: 2,
			guidance: 1.0,
		};
		let animation = InputSpec::Animation {
			image: picture.clone(),
			prompt_to: String::new(),
			frames: 3,
			frames_per_second: 8,
			motion: 1.0,
		};
		let (picture, animation) = (InputSpec::Image(picture).to_job_input(), animation.to_job_input());
		let cases = [("keeper", None), ("shapes", Some(picture.unwrap())), ("shapes", Some(animation.unwrap()))];
		for (name, input) in cases {
			let folder = format!("../models/{name}");
			let manifest = Manifest::load(Path::new(&folder)).unwrap();
			let (golden, weights_root) = (&manifest.golden, manifest.weights_root.0);
			let is_golden = input.is_none();
			let input = input.unwrap_or_else(|| golden.input.to_job_input().unwrap());
			let job = Job { input, seed: golden.seed.0, genesis: [0; 32], evaluation: None, persona: None };
			let mut models = Models::default();
			let load = Request::Load { folder: folder.into_bytes(), weights_root };
			assert_eq!(answered(&mut models, load), (Reply::Loaded, 0));

			let (done, steps) = answered(&mut models, Request::Run { weights_root, job: job.clone() });
			let Reply::Done(expected) = done else { panic!("{done:?}") };
			assert_eq!(expected.result == golden.result.0, is_golden);
			let (traced, _) = answered(&mut models, Request::Trace { weights_root, job: job.clone() });
			let Reply::Traced(computed, trace) = traced else { panic!("{traced:?}") };
			assert_eq!((&computed, trace.step_roots.len()), (&expected, steps as usize));
			assert_eq!(trace.root(), expected.trace_root);

			let mut places = HashSet::new();
			for n in 0..3 {
				let (operator, draw) = ([n; 32], [7; 32]);
				let request = Request::OpenTrace { weights_root, job: job.clone(), operator, draw };
				let (opened, _) = answered(&mut models, request);
				let Reply::Opened(computed, opening, steps_too) = opened else { panic!("{opened:?}") };
				assert_eq!((&computed, &steps_too), (&expected, &trace));
				assert!(opening.verify(&expected.trace_root, &operator, &draw), "{name} {n}");
				let here = open_trace(&models.0[&weights_root], &job, &operator, &draw, &mut |_| true);
				assert_eq!(here, Ok((expected.clone(), opening, steps_too)));
				places.insert(position(&operator, &draw, steps, trace.chunks));
			}
			assert!(places.len() > 1, "{name}: chance picked the same chunk for all");
		}
	}

	#[test]
	fn reply_should_be_told_while_it_is_written_when_the_worker_asks_for_it() {
		let folder = "../models/keeper";
		let manifest = Manifest::load(folder).unwrap();
		let (golden, weights_root) = (&manifest.golden, manifest.weights_root.0);
		let input = golden.input.to_job_input().unwrap();
		let job = Job { input, seed: golden.seed.0, genesis: [0; 32], evaluation: None, persona: None };
		let mut models = Models::default();
		let load = Request::Load { folder: folder.as_bytes().to_vec(), weights_root };
		assert_eq!(answered(&mut models, load), (Reply::Loaded, 0));
		let request = Request::Trace { weights_root, job };
		let (quiet, _) = answered(&mut models, request.clone());
		let (told, pieces) = heard(&mut models, request, 100, true);
		assert_eq!(told, quiet);
		let Reply::Traced(computed, _) = told else { panic!("{told:?}") };
		let (text, heard) = (String::from_utf8(computed.bytes).unwrap(), pieces.concat());
		assert!(text.starts_with(heard.trim()), "{pieces:?} of {text:?}");
		assert!(pieces.iter().filter(|piece| !piece.is_empty()).count() > 2, "{pieces:?}");
	}

	#[test]
	fn piece_should_be_cut_between_characters_when_it_is_too_long() {
		assert_eq!(piece("lamp"), "lamp");
		let long = "\u{e4}".repeat(600);
		assert_eq!(piece(&long), &long[..MAX_SAID]);
		let odd = format!("a{long}");
		assert_eq!(piece(&odd).len(), MAX_SAID - 1);
	}

	#[test]
	fn model_should_be_gone_when_it_is_closed() {
		let folder = "../models/keeper";
		let weights_root = Manifest::load(folder).unwrap().weights_root.0;
		let mut models = Models::default();
		let load = Request::Load { folder: folder.as_bytes().to_vec(), weights_root };
		for _ in 0..2 {
			assert_eq!(answered(&mut models, load.clone()), (Reply::Loaded, 0));
			assert_eq!(answered(&mut models, Request::Free { weights_root: None }), (Reply::Freed, 0));
			assert!(models.get(&weights_root).is_ok());
			for _ in 0..2 {
				let free = Request::Free { weights_root: Some(weights_root) };
				assert_eq!(answered(&mut models, free), (Reply::Freed, 0));
			}
			assert!(matches!(models.get(&weights_root), Err(ComputeError::Machine(_))));
		}
	}

	/// An evaluation of the shipped language model against itself, with its set's file.
	fn evaluation(set: &Path) -> (Digest, String, Job) {
		use autonomy_primitives::{
			digest::cid,
			evaluation::EvaluatedWeights,
			job::{EvaluationInput, JobInput, Modality},
		};
		let folder = "../models/keeper";
		let manifest = Manifest::load(folder).unwrap();
		let version = EvaluatedWeights {
			manifest: manifest.cid(),
			weights_root: manifest.weights_root.0,
			engine: manifest.engine.0,
		};
		let bytes = br#"{"schema":1,"model":"text","samples":[{"prompt":"Who are you?","reply":"Luma."}]}"#;
		std::fs::write(set, bytes).unwrap();
		let input = EvaluationInput {
			base: version.clone(),
			candidate: version,
			set: cid(bytes),
			model: Modality::Text,
			samples: 1,
			size: 100,
		};
		let evaluation = Some(EvaluationFiles::new(Path::new(folder), set));
		let job =
			Job { input: JobInput::Evaluation(input), seed: [5; 32], genesis: [9; 32], evaluation, persona: None };
		(manifest.weights_root.0, folder.into(), job)
	}

	#[test]
	fn evaluation_should_be_answered_as_any_other_job() {
		let dir = tempfile::tempdir().unwrap();
		let set = dir.path().join("set.json");
		let (weights_root, folder, job) = evaluation(&set);
		let mut models = Models::default();
		let request = Request::Run { weights_root, job: job.clone() };
		let (reply, _) = answered(&mut models, request.clone());
		assert!(matches!(reply, Reply::Failed(ComputeError::Machine(_))), "a model that was not loaded: {reply:?}");
		let load = Request::Load { folder: folder.into_bytes(), weights_root };
		assert_eq!(answered(&mut models, load), (Reply::Loaded, 0));

		let (done, steps) = answered(&mut models, request.clone());
		let Reply::Done(expected) = done else { panic!("{done:?}") };
		let losses = autonomy_engine::Losses::from_json(&expected.bytes).unwrap();
		assert_eq!((steps, losses.gain_ppm), (2, 0));
		let (traced, _) = answered(&mut models, Request::Trace { weights_root, job: job.clone() });
		let Reply::Traced(computed, trace) = traced else { panic!("{traced:?}") };
		assert_eq!((&computed, trace.root()), (&expected, expected.trace_root));
		let (operator, draw) = ([1; 32], [7; 32]);
		let (opened, _) = answered(&mut models, Request::OpenTrace { weights_root, job: job.clone(), operator, draw });
		let Reply::Opened(computed, opening, _) = opened else { panic!("{opened:?}") };
		assert_eq!(computed, expected);
		assert!(opening.verify(&expected.trace_root, &operator, &draw));

		// Without its files it is the worker's mistake, and another file is this machine's trouble: neither is the input's fault.
		let (bare, _) = answered(&mut models, Request::Run { weights_root, job: Job { evaluation: None, ..job } });
		assert!(matches!(bare, Reply::Failed(ComputeError::Machine(_))), "{bare:?}");
		std::fs::write(&set, b"{}").unwrap();
		let (other, _) = answered(&mut models, request);
		assert!(
			matches!(&other, Reply::Failed(ComputeError::Machine(why)) if why.contains("held-out set")),
			"{other:?}"
		);
	}

	#[test]
	fn ballot_should_be_answered_as_any_other_job() {
		use autonomy_primitives::digest::cid;
		let folder = "../models/keeper";
		let weights_root = Manifest::load(folder).unwrap().weights_root.0;
		let spec = InputSpec::Ballot {
			question: "Spend 5 AUTON on lamp oil?".into(),
			prose: "The nights are long.".into(),
			persona: autonomy_engine::digest::cid_text(&cid(b"wry")),
		};
		let (input, persona) = (spec.to_job_input().unwrap(), Some(b"wry".to_vec()));
		let job = Job { input, seed: [5; 32], genesis: [9; 32], evaluation: None, persona };
		let mut models = Models::default();
		let load = Request::Load { folder: folder.as_bytes().to_vec(), weights_root };
		assert_eq!(answered(&mut models, load), (Reply::Loaded, 0));
		let (done, steps) = answered_in(&mut models, Request::Run { weights_root, job: job.clone() }, 200);
		let Reply::Done(expected) = done else { panic!("{done:?}") };
		let record = autonomy_engine::BallotRecord::from_json(&expected.bytes).unwrap();
		assert_eq!(record.runs.len(), 2);
		let (operator, draw) = ([1; 32], [7; 32]);
		let request = Request::OpenTrace { weights_root, job: job.clone(), operator, draw };
		let (opened, _) = answered_in(&mut models, request, 200);
		let Reply::Opened(computed, opening, trace) = opened else { panic!("{opened:?}") };
		assert_eq!((&computed, trace.step_roots.len()), (&expected, steps as usize));
		assert!(opening.verify(&expected.trace_root, &operator, &draw));

		// Without its persona it is the worker's mistake.
		let (bare, _) = answered(&mut models, Request::Run { weights_root, job: Job { persona: None, ..job } });
		assert!(matches!(bare, Reply::Failed(ComputeError::Machine(_))), "{bare:?}");
	}

	#[test]
	fn model_should_be_called_unusable_when_its_intact_files_make_none() {
		let dir = tempfile::tempdir().unwrap();
		std::fs::write(dir.path().join("manifest.json"), b"{}").unwrap();
		let folder = dir.path().to_str().unwrap().as_bytes().to_vec();
		let (reply, _) = answered(&mut Models::default(), Request::Load { folder, weights_root: [0; 32] });
		assert!(matches!(reply, Reply::Failed(ComputeError::Unusable(_))), "{reply:?}");
	}
}

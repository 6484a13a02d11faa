//! Runs generative models so that the same weights, input and seed give the same bytes on every machine.
//!
//! No chain, no network, no async: a folder of weights goes in, bytes and digests come out.
//!
//! ```no_run
//! use autonomy_engine::{Control, Engine, InputSpec};
//!
//! let model = Engine::open("models/shapes")?; // verifies every file against manifest.json first
//! let input = InputSpec::image("a red circle on blue", 64, 64, 20, 2.5).to_job_input()?;
//! let output = model.run(&input, [7; 32], [0; 32], &mut |progress| {
//!     println!("step {} of {}", progress.step, progress.steps);
//!     Control::Continue
//! })?;
//! std::fs::write("circle.png", &output.artifact)?;
//! println!("{}", hex::encode(output.result));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The facade, in short:
//!
//! ```text
//! Engine::open(dir) -> Result<Model, EngineError>
//! Model::manifest() -> &Manifest
//! Model::run(&JobInput, seed: [u8; 32], genesis: [u8; 32], &mut dyn FnMut(Progress) -> Control)
//!     -> Result<JobOutput, JobFault>
//! Model::check_golden() -> Result<(), EngineError>
//! Manifest::build(dir, ManifestMeta) -> Result<Manifest, EngineError>; .write(dir); Manifest::load(dir); .verify(dir)
//! JobOutput { result, trace_root, canonical, artifact, mime, artifact_cid, output: Output::{Image, Text} }
//! ```
//!
//! Below it: [`models`] in the layouts of diffusers and transformers, [`samplers`], [`pipelines`], [`weights`] and
//! [`digest`]. All arithmetic is that of `autonomy-kernels`; the digests are those of `autonomy-primitives`.

pub mod digest;
mod engine;
mod error;
pub mod exactness;
pub mod models;
pub mod nn;
pub mod pipelines;
pub mod samplers;
pub mod tokenizer;
pub mod weights;

pub use engine::{Engine, JobOutput, Model, Output};
pub use error::{EngineError, JobFault};
pub use pipelines::{Control, Progress};
pub use weights::{Architecture, Golden, Hash32, InputSpec, Manifest, ManifestMeta};

#![doc = include_str!("../README.md")]

pub mod digest;
mod engine;
mod error;
pub mod evaluation;
pub mod exactness;
pub mod models;
pub mod nn;
pub mod pipelines;
pub mod samplers;
pub mod tokenizer;
pub mod weights;

pub use engine::{Engine, JobOutput, Message, Model, Output, TracedStep};
pub use error::{EngineError, JobFault};
pub use evaluation::{evaluate, Evaluation, Losses};
pub use pipelines::ballot::{Ballot, BallotRecord, BallotRun, Stance};
pub use pipelines::{Control, Progress};
pub use weights::{Architecture, Golden, Hash32, InputSpec, Manifest, ManifestMeta, PictureSpec, WeightsSpec};

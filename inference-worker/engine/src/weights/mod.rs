//! A model's folder: its manifest, the verification of its files, and its tensors.

mod adapters;
mod bounds;
pub mod checkpoint;
mod folder;
pub mod gguf;
mod header;
mod manifest;
mod placed;
mod settings;
mod survey;

pub use adapters::{Adapters, ADAPTERS_FILE};
pub use checkpoint::Checkpoint;
pub use folder::{ModelFolder, MAX_TEXT_BYTES};
pub(crate) use header::shown;
pub use header::{Header, TensorEntry, MAX_DIMENSIONS, MAX_HEADER_BYTES, MAX_TENSORS};
pub use manifest::{
	Architecture, FileEntry, Golden, Hash32, InputSpec, Manifest, ManifestMeta, PictureSpec, WeightsSpec,
	MANIFEST_FILE, MAX_MANIFEST_BYTES,
};
pub use placed::placed;
pub use survey::{model_dir, survey, Survey, SurveyPart};

//! A model's folder: its manifest, the verification of its files, and its tensors.

mod adapters;
pub mod checkpoint;
mod folder;
pub mod gguf;
mod manifest;

pub use adapters::{Adapters, ADAPTERS_FILE};
pub use checkpoint::Checkpoint;
pub use folder::ModelFolder;
pub use manifest::{
	Architecture, FileEntry, Golden, Hash32, InputSpec, Manifest, ManifestMeta, PictureSpec, WeightsSpec, MANIFEST_FILE,
};

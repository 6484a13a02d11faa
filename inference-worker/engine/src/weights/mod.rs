//! A model's folder: its manifest, the verification of its files, and its tensors.

mod folder;
pub mod gguf;
mod manifest;

pub use folder::ModelFolder;
pub use manifest::{
	Architecture, FileEntry, Golden, Hash32, InputSpec, Manifest, ManifestMeta, PictureSpec, WeightsSpec, MANIFEST_FILE,
};

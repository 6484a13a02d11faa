//! Model folders on this machine, found by the CID of their manifest.

use std::{
	collections::HashMap,
	path::{Path, PathBuf},
	sync::{Arc, Mutex, PoisonError},
};

use autonomy_engine::{
	digest::cid_text,
	weights::{FileEntry, MANIFEST_FILE},
	EngineError, Manifest,
};
use autonomy_primitives::digest::{cid, cid_of_sha256, Cid};
use tokio::runtime::Handle;

use crate::{
	artifacts::{ArtifactError, ArtifactStore},
	chain::ModelView,
};

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
	/// A folder cannot be read or written.
	#[error("model folder {path}: {source}", path = .path.display())]
	Folder {
		/// The folder.
		path: PathBuf,
		/// Why.
		source: std::io::Error,
	},
	/// The model is nowhere.
	#[error("no folder of models.dirs holds the manifest {manifest}, and the artifact store lacks {missing}")]
	Missing {
		/// CID of the manifest.
		manifest: String,
		/// What could not be fetched.
		missing: String,
	},
	/// The files are intact, and they are not what the chain registered.
	#[error("{folder}: {what} is 0x{actual}, the chain says 0x{expected} for model {model}; it is not served", folder = .folder.display())]
	Differs {
		/// The folder.
		folder: PathBuf,
		/// Weights root or engine.
		what: &'static str,
		/// Of the folder.
		actual: String,
		/// On chain.
		expected: String,
		/// Number of the model.
		model: u32,
	},
	/// The engine refused the folder: a corrupt file, an unknown setting.
	#[error("{0}")]
	Engine(#[from] EngineError),
	/// The artifact store failed.
	#[error("{0}")]
	Store(#[from] ArtifactError),
}

/// The model folders of this machine.
pub struct Library {
	folders: Mutex<HashMap<Cid, PathBuf>>,
	cache: PathBuf,
	store: Arc<dyn ArtifactStore>,
	runtime: Handle,
}

impl Library {
	/// Looks for `manifest.json` in each of `dirs`, in their subfolders, and in what was fetched into `cache` before.
	pub fn scan(dirs: &[PathBuf], cache: PathBuf, store: Arc<dyn ArtifactStore>) -> Result<Self, ModelError> {
		let mut folders = HashMap::new();
		for dir in dirs {
			for folder in model_folders(dir)? {
				folders.insert(manifest_cid(&folder)?, folder);
			}
		}
		if cache.is_dir() {
			for folder in model_folders(&cache)? {
				folders.insert(manifest_cid(&folder)?, folder);
			}
		}
		Ok(Self { folders: Mutex::new(folders), cache, store, runtime: Handle::current() })
	}

	/// The folder of a manifest, fetched from the artifact store when it is not there. Blocks.
	pub fn folder(&self, manifest: &Cid) -> Result<PathBuf, ModelError> {
		let known = self.folders.lock().unwrap_or_else(PoisonError::into_inner).get(manifest).cloned();
		if let Some(folder) = known {
			return Ok(folder);
		}
		let folder = self.runtime.block_on(fetch(manifest, self.store.as_ref(), &self.cache))?;
		self.folders.lock().unwrap_or_else(PoisonError::into_inner).insert(*manifest, folder.clone());
		Ok(folder)
	}
}

/// The folders that hold a manifest: `dir` itself, or those directly below it. A folder without any is an error.
pub fn model_folders(dir: &Path) -> Result<Vec<PathBuf>, ModelError> {
	let failed = |source| ModelError::Folder { path: dir.into(), source };
	if dir.join(MANIFEST_FILE).is_file() {
		return Ok(vec![dir.into()]);
	}
	let mut folders = Vec::new();
	for entry in std::fs::read_dir(dir).map_err(failed)? {
		let path = entry.map_err(failed)?.path();
		// The name of a fetch that was cut off begins with a dot.
		let hidden = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
		if !hidden && path.join(MANIFEST_FILE).is_file() {
			folders.push(path);
		}
	}
	folders.sort();
	Ok(folders)
}

/// CID of a folder's manifest: of the file's bytes as they stand.
pub fn manifest_cid(folder: &Path) -> Result<Cid, ModelError> {
	let path = folder.join(MANIFEST_FILE);
	let bytes = std::fs::read(&path).map_err(|source| ModelError::Folder { path, source })?;
	Ok(cid(&bytes))
}

/// Compares a folder's manifest with the registration. The files themselves are checked against the manifest by the
/// engine when it opens the folder.
pub fn check(folder: &Path, manifest: &Manifest, view: &ModelView) -> Result<(), ModelError> {
	let differs = |what, actual: &[u8; 32], expected: &[u8; 32]| ModelError::Differs {
		folder: folder.into(),
		what,
		actual: hex::encode(actual),
		expected: hex::encode(expected),
		model: view.id,
	};
	if manifest.weights_root.0 != view.weights_root {
		return Err(differs("the weights root", &manifest.weights_root.0, &view.weights_root));
	}
	if manifest.engine.0 != view.engine {
		return Err(differs("the engine", &manifest.engine.0, &view.engine));
	}
	Ok(())
}

/// Fetches a model: first its manifest, then each file by the hash in it. The folder appears complete or not at all.
async fn fetch(manifest: &Cid, store: &dyn ArtifactStore, cache: &Path) -> Result<PathBuf, ModelError> {
	let name = cid_text(manifest);
	let missing = |missing: String| ModelError::Missing { manifest: name.clone(), missing };
	let bytes = store.get(*manifest).await?.ok_or_else(|| missing("it".into()))?;

	let (part, folder) = (cache.join(format!(".{name}")), cache.join(&name));
	let failed = |path: &Path| {
		let path = path.to_path_buf();
		move |source| ModelError::Folder { path, source }
	};
	std::fs::create_dir_all(&part).map_err(failed(&part))?;
	let file = part.join(MANIFEST_FILE);
	std::fs::write(&file, &bytes).map_err(failed(&file))?;
	// `load` refuses paths that lead out of the folder, before anything is written under them.
	let parsed = Manifest::load(&part)?;
	tracing::info!(manifest = %name, model = %parsed.name, bytes = parsed.total_size(), "fetching a model");
	for FileEntry { path, size, sha256 } in &parsed.files {
		let key = cid_of_sha256(sha256.0);
		// Goes on where an earlier fetch was cut off, and passes over what is there already.
		if !store.download(key, *size, &part.join(path)).await? {
			return Err(missing(format!("{path} ({})", cid_text(&key))));
		}
	}
	std::fs::rename(&part, &folder).map_err(failed(&folder))?;
	Ok(folder)
}

/// Puts a model's manifest and files into the artifact store, so that other operators can fetch it by its CID. They stay
/// there whatever the age and the quota.
pub async fn publish(folder: &Path, store: &dyn ArtifactStore) -> Result<Cid, ModelError> {
	let manifest = Manifest::load(folder)?;
	manifest.verify(folder)?;
	let read = |path: PathBuf| std::fs::read(&path).map_err(|source| ModelError::Folder { path, source });
	for file in &manifest.files {
		let key = cid_of_sha256(file.sha256.0);
		store.pin(key).await?;
		store.put(key, read(folder.join(&file.path))?).await?;
	}
	let bytes = read(folder.join(MANIFEST_FILE))?;
	let key = cid(&bytes);
	store.pin(key).await?;
	store.put(key, bytes).await?;
	Ok(key)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::artifacts::Local;
	use autonomy_engine::{Architecture, Golden, Hash32, InputSpec};
	use autonomy_primitives::{digest::WeightsRoot, job::Modality, model::ModelLimits};
	use sha2::Digest as _;

	/// A folder whose manifest is right about files that no engine could load.
	fn folder(dir: &Path) -> Manifest {
		let files = [("config.json", &b"{}"[..]), ("unet/model.safetensors", &b"weights"[..])];
		let mut root = WeightsRoot::default();
		let mut entries = Vec::new();
		std::fs::create_dir_all(dir.join("unet")).unwrap();
		for (path, bytes) in files {
			std::fs::write(dir.join(path), bytes).unwrap();
			root.update(bytes);
			root.end_file();
			let sha256 = Hash32(sha2::Sha256::digest(bytes).into());
			entries.push(FileEntry { path: path.into(), size: bytes.len() as u64, sha256 });
		}
		let manifest = Manifest {
			schema: 1,
			name: "test".into(),
			version: "1".into(),
			architecture: Architecture::TextToImage,
			modality: Modality::Image,
			licence: "Apache-2.0".into(),
			files: entries,
			limits: ModelLimits::default(),
			engine: Hash32([1; 32]),
			weights_root: Hash32(root.root()),
			golden: Golden {
				input: InputSpec::image("x", 64, 64, 1, 1.0),
				seed: Hash32([2; 32]),
				result: Hash32([3; 32]),
				artifact: String::new(),
			},
		};
		manifest.write(dir).unwrap();
		manifest
	}

	async fn in_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
		tokio::task::spawn_blocking(f).await.unwrap()
	}

	#[tokio::test(flavor = "multi_thread")]
	async fn model_should_be_fetched_by_its_cid_when_no_folder_has_it() {
		let dir = tempfile::tempdir().unwrap();
		let source = dir.path().join("source/test");
		std::fs::create_dir_all(&source).unwrap();
		let manifest = folder(&source);
		let store = Arc::new(Local::open(&dir.path().join("store")).unwrap());
		let key = publish(&source, store.as_ref()).await.unwrap();
		assert_eq!(key, manifest.cid());

		let cache = dir.path().join("cache");
		let library = Library::scan(&[], cache.clone(), store.clone()).unwrap();
		let found = in_blocking(move || library.folder(&key).map(|f| (f, library))).await.unwrap().0;
		Manifest::load(&found).unwrap().verify(&found).unwrap();
		assert_eq!(manifest_cid(&found).unwrap(), key);

		// The folders given come first, and a folder of folders is looked through.
		let library = Library::scan(&[dir.path().join("source")], cache.clone(), store).unwrap();
		assert_eq!(model_folders(&dir.path().join("source")).unwrap(), [source]);
		in_blocking(move || library.folder(&key)).await.unwrap();
	}

	#[tokio::test(flavor = "multi_thread")]
	async fn model_should_be_named_missing_when_the_store_lacks_a_file() {
		let dir = tempfile::tempdir().unwrap();
		let source = dir.path().join("source");
		std::fs::create_dir_all(&source).unwrap();
		let manifest = folder(&source);
		let store_dir = dir.path().join("store");
		let store = Arc::new(Local::open(&store_dir).unwrap());
		let key = publish(&source, store.as_ref()).await.unwrap();
		let lost = cid_text(&cid_of_sha256(manifest.files[1].sha256.0));
		std::fs::remove_file(store_dir.join(&lost)).unwrap();

		let cache = dir.path().join("cache");
		let library = Library::scan(&[], cache.clone(), store.clone()).unwrap();
		let error = in_blocking(move || library.folder(&key)).await.unwrap_err().to_string();
		assert!(error.contains("unet/model.safetensors") && error.contains(&lost), "{error}");
		// The half-fetched folder is not taken for a model by the next start.
		assert!(model_folders(&cache).unwrap().is_empty());
	}

	#[tokio::test]
	async fn model_should_stay_in_the_store_when_it_was_published_and_everything_else_has_to_go() {
		use autonomy_artifacts::{sweep, Rule};
		let dir = tempfile::tempdir().unwrap();
		let source = dir.path().join("source");
		std::fs::create_dir_all(&source).unwrap();
		let manifest = folder(&source);
		let store_dir = dir.path().join("store");
		let store = Local::open(&store_dir).unwrap();
		publish(&source, &store).await.unwrap();
		store.put(cid(b"a picture"), b"a picture".to_vec()).await.unwrap();
		// After a restart nothing counts as new.
		let store = Local::open(&store_dir).unwrap();
		let rule = Rule { keep: std::time::Duration::ZERO, quota: 0 };
		let swept = sweep(&store, &rule, std::time::SystemTime::now(), &Default::default()).await.unwrap();
		assert_eq!(swept.deleted.iter().map(|d| d.cid).collect::<Vec<_>>(), [cid(b"a picture")]);
		assert!(store.get(manifest.cid()).await.unwrap().is_some());
	}

	#[test]
	fn model_should_be_refused_when_the_chain_registered_other_weights() {
		let dir = tempfile::tempdir().unwrap();
		let manifest = folder(dir.path());
		let mut view = crate::chain::memory::model(4);
		(view.weights_root, view.engine) = (manifest.weights_root.0, manifest.engine.0);
		check(dir.path(), &manifest, &view).unwrap();
		view.weights_root = [9; 32];
		let error = check(dir.path(), &manifest, &view).unwrap_err().to_string();
		assert!(error.contains("the weights root") && error.contains("model 4"), "{error}");
		view.weights_root = manifest.weights_root.0;
		view.engine = [9; 32];
		assert!(check(dir.path(), &manifest, &view).unwrap_err().to_string().contains("the engine"));
	}

	#[test]
	fn model_should_be_refused_when_a_weights_file_is_corrupt() {
		let dir = tempfile::tempdir().unwrap();
		folder(dir.path());
		std::fs::write(dir.path().join("unet/model.safetensors"), b"Weights").unwrap();
		let Err(error) = autonomy_engine::Engine::open(dir.path()) else { panic!("a corrupt file was loaded") };
		let error = error.to_string();
		assert!(error.contains("unet/model.safetensors") && error.contains("SHA-256"), "{error}");
	}
}

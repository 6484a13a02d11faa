//! Model folders on this machine, found by the CID of their manifest.

use std::{
	collections::HashMap,
	path::{Path, PathBuf},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use autonomy_engine::{
	digest::cid_text,
	weights::{FileEntry, MANIFEST_FILE},
	EngineError, Hash32, Manifest,
};
use autonomy_primitives::{
	digest::{cid, cid_of_sha256, Cid},
	evaluation::EvaluatedWeights,
	Digest, ModelId,
};
use serde::Deserialize;
use tokio::runtime::Handle;

use crate::{
	artifacts::{ArtifactError, ArtifactStore},
	chain::ModelView,
};

/// Folder of the held-out sets in the folder of fetched models.
const SETS: &str = "evaluation-sets";
/// A candidate may be as many times as large as the version that it is compared with. Whoever proposes a version chooses what
/// operators fetch.
const MOST_GROWTH: u64 = 4;

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
	/// A held-out set is nowhere.
	#[error("the held-out set {0} is not in the artifact store")]
	NoSet(String),
	/// A persona is nowhere.
	#[error("the persona {0} is not in the artifact store")]
	NoPersona(String),
	/// A version that this machine does not have any more, or never had.
	#[error(
		"no folder on this machine holds the weights 0x{weights_root} of model {model}, which is at another version now; put \
		 that version's folder into models.dirs"
	)]
	OtherVersion {
		/// Number of the model.
		model: ModelId,
		/// Root over the weights.
		weights_root: String,
	},
	/// A candidate is much larger than the version that it is compared with.
	#[error(
		"the model {manifest} has {bytes} bytes, at most {most} are taken beside the version that it is compared with"
	)]
	TooLarge {
		/// CID of the manifest.
		manifest: String,
		/// Bytes of all its files.
		bytes: u64,
		/// Most that are taken.
		most: u64,
	},
	/// A manifest was changed after it was found.
	#[error("{folder}: its manifest was changed while the worker ran; start it again", folder = .0.display())]
	Changed(PathBuf),
	/// The engine refused the folder: a corrupt file, an unknown setting.
	#[error("{0}")]
	Engine(#[from] EngineError),
	/// The artifact store failed.
	#[error("{0}")]
	Store(#[from] ArtifactError),
}

/// Model folders by what they are looked for by.
#[derive(Default)]
struct Folders {
	by_manifest: HashMap<Cid, PathBuf>,
	by_root: HashMap<Digest, PathBuf>,
}

impl Folders {
	fn insert(&mut self, manifest: Cid, folder: PathBuf) {
		// A manifest that cannot be read belongs to no version; whoever asks for it by its CID is told why.
		if let Some(root) = weights_root(&folder) {
			self.by_root.insert(root, folder.clone());
		}
		self.by_manifest.insert(manifest, folder);
	}
}

/// What a folder's manifest says of its weights.
fn weights_root(folder: &Path) -> Option<Digest> {
	#[derive(Deserialize)]
	struct Weights {
		weights_root: Hash32,
	}
	let bytes = std::fs::read(folder.join(MANIFEST_FILE)).ok()?;
	serde_json::from_slice::<Weights>(&bytes).ok().map(|weights| weights.weights_root.0)
}

/// The model folders of this machine: of every version that was given or fetched.
pub struct Library {
	folders: Mutex<Folders>,
	cache: PathBuf,
	store: Arc<dyn ArtifactStore>,
	runtime: Handle,
}

impl Library {
	/// Looks for `manifest.json` in each of `dirs`, in their subfolders, and in what was fetched into `cache` before.
	pub fn scan(dirs: &[PathBuf], cache: PathBuf, store: Arc<dyn ArtifactStore>) -> Result<Self, ModelError> {
		let mut folders = Folders::default();
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
		self.folder_within(manifest, u64::MAX)
	}

	/// The same of files of at most `most` bytes together.
	fn folder_within(&self, manifest: &Cid, most: u64) -> Result<PathBuf, ModelError> {
		let known = self.lock().by_manifest.get(manifest).cloned();
		if let Some(folder) = known {
			return Ok(folder);
		}
		let folder = self.runtime.block_on(fetch(manifest, most, self.store.as_ref(), &self.cache))?;
		self.lock().insert(*manifest, folder.clone());
		Ok(folder)
	}

	/// The folder of a registered model's weights: those of its present version, or of another one that is on this machine.
	/// Its manifest says that they are. Blocks.
	pub fn version(&self, view: &ModelView, weights_root: &Digest) -> Result<PathBuf, ModelError> {
		if view.weights_root == *weights_root {
			let folder = self.folder(&view.manifest)?;
			check(&folder, &Manifest::load(&folder)?, view)?;
			return Ok(folder);
		}
		let known = self.lock().by_root.get(weights_root).cloned();
		let folder = known
			.ok_or_else(|| ModelError::OtherVersion { model: view.id, weights_root: hex::encode(weights_root) })?;
		match Manifest::load(&folder)?.weights_root.0 == *weights_root {
			true => Ok(folder),
			false => Err(ModelError::Changed(folder)),
		}
	}

	/// The folder of weights that an evaluation of `model` names. A candidate is given the version that it is compared with,
	/// and refused when it is much larger. Blocks.
	pub fn evaluated(
		&self,
		model: ModelId,
		weights: &EvaluatedWeights,
		base: Option<&Path>,
	) -> Result<PathBuf, ModelError> {
		let most = match base {
			Some(base) => Manifest::load(base)?.total_size().saturating_mul(MOST_GROWTH),
			None => u64::MAX,
		};
		let folder = self.folder_within(&weights.manifest, most)?;
		if manifest_cid(&folder)? != weights.manifest {
			return Err(ModelError::Changed(folder));
		}
		let manifest = Manifest::load(&folder)?;
		check_size(&weights.manifest, &manifest, most)?;
		compare(&folder, &manifest, &weights.weights_root, &weights.engine, model)?;
		Ok(folder)
	}

	/// The file of a held-out set, fetched from the artifact store when it is not there. Blocks.
	pub fn set(&self, set: &Cid) -> Result<PathBuf, ModelError> {
		let folder = self.cache.join(SETS);
		let path = folder.join(format!("{}.json", cid_text(set)));
		if std::fs::read(&path).is_ok_and(|bytes| cid(&bytes) == *set) {
			return Ok(path);
		}
		let bytes = self.runtime.block_on(self.store.get(*set))?;
		let bytes = bytes.ok_or_else(|| ModelError::NoSet(cid_text(set)))?;
		let part = path.with_extension("part");
		let failed = |source| ModelError::Folder { path: folder.clone(), source };
		std::fs::create_dir_all(&folder).map_err(failed)?;
		std::fs::write(&part, &bytes).map_err(failed)?;
		std::fs::rename(&part, &path).map_err(failed)?;
		Ok(path)
	}

	/// The bytes of a persona's file, from the artifact store. Blocks.
	pub fn persona(&self, persona: &Cid) -> Result<Vec<u8>, ModelError> {
		let bytes = self.runtime.block_on(self.store.get(*persona))?;
		bytes.ok_or_else(|| ModelError::NoPersona(cid_text(persona)))
	}

	fn lock(&self) -> MutexGuard<'_, Folders> {
		self.folders.lock().unwrap_or_else(PoisonError::into_inner)
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
	compare(folder, manifest, &view.weights_root, &view.engine, view.id)
}

fn compare(
	folder: &Path,
	manifest: &Manifest,
	weights_root: &Digest,
	engine: &Digest,
	model: ModelId,
) -> Result<(), ModelError> {
	let differs = |what, actual: &[u8; 32], expected: &[u8; 32]| ModelError::Differs {
		folder: folder.into(),
		what,
		actual: hex::encode(actual),
		expected: hex::encode(expected),
		model,
	};
	if manifest.weights_root.0 != *weights_root {
		return Err(differs("the weights root", &manifest.weights_root.0, weights_root));
	}
	if manifest.engine.0 != *engine {
		return Err(differs("the engine", &manifest.engine.0, engine));
	}
	Ok(())
}

fn check_size(name: &Cid, manifest: &Manifest, most: u64) -> Result<(), ModelError> {
	let bytes = manifest.total_size();
	match bytes > most {
		true => Err(ModelError::TooLarge { manifest: cid_text(name), bytes, most }),
		false => Ok(()),
	}
}

/// Fetches a model: first its manifest, then each file by the hash in it, unless they are more than `most` bytes together.
/// The folder appears complete or not at all.
async fn fetch(manifest: &Cid, most: u64, store: &dyn ArtifactStore, cache: &Path) -> Result<PathBuf, ModelError> {
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
	check_size(manifest, &parsed, most)?;
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
	use autonomy_engine::{Architecture, Golden, InputSpec};
	use autonomy_primitives::{digest::WeightsRoot, job::Modality, model::ModelLimits};
	use sha2::Digest as _;

	/// A folder whose manifest is right about files that no engine could load.
	fn folder(dir: &Path) -> Manifest {
		folder_of(dir, b"weights")
	}

	/// The same with these weights.
	fn folder_of(dir: &Path, weights: &[u8]) -> Manifest {
		let files = [("config.json", &b"{}"[..]), ("unet/model.safetensors", weights)];
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

	/// Publishes a folder with these weights; as an evaluation names it.
	async fn published(dir: &Path, weights: &[u8], store: &Local) -> EvaluatedWeights {
		std::fs::create_dir_all(dir).unwrap();
		let manifest = folder_of(dir, weights);
		let key = publish(dir, store).await.unwrap();
		EvaluatedWeights { manifest: key, weights_root: manifest.weights_root.0, engine: manifest.engine.0 }
	}

	#[tokio::test(flavor = "multi_thread")]
	async fn folder_should_be_found_by_its_weights_when_the_model_is_at_another_version() {
		let dir = tempfile::tempdir().unwrap();
		let store = Arc::new(Local::open(&dir.path().join("store")).unwrap());
		let old = published(&dir.path().join("old"), b"old weights", &store).await;
		let new = published(&dir.path().join("new"), b"new weights", &store).await;
		let mut view = crate::chain::memory::model(4);
		(view.manifest, view.weights_root, view.engine) = (new.manifest, new.weights_root, new.engine);
		let cache = dir.path().join("cache");
		let library = Library::scan(&[dir.path().join("old")], cache.clone(), store.clone()).unwrap();
		in_blocking(move || {
			// The present version is fetched, the one before it is still there.
			let fetched = library.version(&view, &new.weights_root).unwrap();
			assert!(fetched.starts_with(&cache));
			assert_eq!(library.version(&view, &old.weights_root).unwrap(), dir.path().join("old"));
			let error = library.version(&view, &[7; 32]).unwrap_err().to_string();
			assert!(error.contains("070707") && error.contains("model 4"), "{error}");
			// What was fetched is found by its weights after a restart too.
			(view.manifest, view.weights_root) = (old.manifest, old.weights_root);
			let again = Library::scan(&[], cache, store).unwrap();
			assert_eq!(again.version(&view, &new.weights_root).unwrap(), fetched);
		})
		.await;
	}

	#[tokio::test(flavor = "multi_thread")]
	async fn candidate_should_be_refused_when_it_is_not_as_the_input_names_it() {
		let dir = tempfile::tempdir().unwrap();
		let store = Arc::new(Local::open(&dir.path().join("store")).unwrap());
		let base = published(&dir.path().join("base"), &[1; 100], &store).await;
		let good = published(&dir.path().join("good"), &[2; 300], &store).await;
		let huge = published(&dir.path().join("huge"), &[3; 1000], &store).await;
		let nowhere = EvaluatedWeights { manifest: cid(b"nowhere"), ..good.clone() };
		let other = EvaluatedWeights { weights_root: [9; 32], ..good.clone() };
		let cache = dir.path().join("cache");
		let library = Library::scan(&[], cache.clone(), store).unwrap();
		in_blocking(move || {
			let base = library.evaluated(4, &base, None).unwrap();
			let candidate = |weights: &EvaluatedWeights| library.evaluated(4, weights, Some(base.as_path()));
			assert_eq!(manifest_cid(&candidate(&good).unwrap()).unwrap(), good.manifest);
			assert!(matches!(candidate(&nowhere), Err(ModelError::Missing { .. })));
			assert!(matches!(candidate(&other), Err(ModelError::Differs { what: "the weights root", .. })));
			assert!(matches!(candidate(&huge), Err(ModelError::TooLarge { bytes: 1002, most: 408, .. })));
			assert!(!cache.join(cid_text(&huge.manifest)).exists(), "its files were fetched");
			// Also one that is here already: every machine finds the same.
			library.evaluated(4, &huge, None).unwrap();
			assert!(matches!(candidate(&huge), Err(ModelError::TooLarge { .. })));
		})
		.await;
	}

	#[tokio::test(flavor = "multi_thread")]
	async fn set_should_be_fetched_once_and_again_when_its_file_is_damaged() {
		let dir = tempfile::tempdir().unwrap();
		let store_dir = dir.path().join("store");
		let store = Arc::new(Local::open(&store_dir).unwrap());
		let set = cid(b"a set");
		store.put(set, b"a set".to_vec()).await.unwrap();
		let library = Library::scan(&[], dir.path().join("cache"), store).unwrap();
		in_blocking(move || {
			let path = library.set(&set).unwrap();
			std::fs::write(&path, b"another").unwrap();
			assert_eq!(library.set(&set).unwrap(), path);
			assert_eq!(std::fs::read(&path).unwrap(), b"a set");
			std::fs::remove_file(store_dir.join(cid_text(&set))).unwrap();
			assert_eq!(library.set(&set).unwrap(), path);
			let error = library.set(&cid(b"none")).unwrap_err();
			assert!(matches!(&error, ModelError::NoSet(name) if *name == cid_text(&cid(b"none"))), "{error}");
		})
		.await;
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

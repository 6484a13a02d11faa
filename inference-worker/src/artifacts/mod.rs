//! Files under their CIDs: pictures, texts and the files of models.
//!
//! What is read has been checked against the CID that it was asked for, whatever the storage below; what is written is
//! complete or absent.

use std::{path::Path, sync::Arc};

use autonomy_engine::digest::cid_text;
use autonomy_primitives::digest::{cid, Cid};
use futures::future::BoxFuture;
use object_store::{local::LocalFileSystem, memory::InMemory, path::Path as Key, ObjectStore, PutPayload};

/// Why a file cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
	/// The bytes are not those of the CID.
	#[error("the stored file {expected} is corrupt: its bytes have the CID {actual}; delete it and store it again")]
	Corrupt {
		/// What was asked for.
		expected: String,
		/// What was found.
		actual: String,
	},
	/// The bytes to be stored are not those of the CID.
	#[error("refused to store {actual} as {expected}")]
	WrongCid {
		/// The CID given.
		expected: String,
		/// That of the bytes.
		actual: String,
	},
	/// The storage failed.
	#[error("artifact store: {0}")]
	Store(#[from] object_store::Error),
	/// The local folder cannot be used.
	#[error("artifact folder {0}: {1}")]
	Folder(String, std::io::Error),
}

/// A content-addressed store.
pub trait ArtifactStore: Send + Sync {
	/// Stores bytes under their CID; the bytes must have it. Storing twice is fine.
	fn put(&self, cid: Cid, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), ArtifactError>>;
	/// The bytes of a CID, checked; `None` when the store does not have them.
	fn get(&self, cid: Cid) -> BoxFuture<'_, Result<Option<Vec<u8>>, ArtifactError>>;
}

/// Any storage of the `object_store` crate. A file's key is its CID's text.
pub struct Store {
	inner: Arc<dyn ObjectStore>,
}

impl Store {
	/// A store in a local folder, made when absent.
	pub fn local(folder: &Path) -> Result<Self, ArtifactError> {
		std::fs::create_dir_all(folder).map_err(|e| ArtifactError::Folder(folder.display().to_string(), e))?;
		Ok(Self { inner: Arc::new(LocalFileSystem::new_with_prefix(folder)?) })
	}

	/// For commands that only read: the store in a local folder, or an empty one when there is no such folder.
	pub fn reader(folder: &Path) -> Result<Self, ArtifactError> {
		if folder.is_dir() {
			return Self::local(folder);
		}
		Ok(Self { inner: Arc::new(InMemory::new()) })
	}
}

impl ArtifactStore for Store {
	fn put(&self, expected: Cid, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), ArtifactError>> {
		Box::pin(async move {
			let (expected, actual) = (cid_text(&expected), cid_text(&cid(&bytes)));
			if expected != actual {
				return Err(ArtifactError::WrongCid { expected, actual });
			}
			let length = bytes.len() as u64;
			self.inner.put(&Key::from(expected), PutPayload::from(bytes)).await?;
			metrics::counter!("autonomy_artifacts_stored_total").increment(1);
			metrics::counter!("autonomy_artifact_bytes_total").increment(length);
			Ok(())
		})
	}

	fn get(&self, expected: Cid) -> BoxFuture<'_, Result<Option<Vec<u8>>, ArtifactError>> {
		Box::pin(async move {
			let expected = cid_text(&expected);
			let bytes = match self.inner.get(&Key::from(expected.clone())).await {
				Ok(found) => found.bytes().await?.to_vec(),
				Err(object_store::Error::NotFound { .. }) => return Ok(None),
				Err(error) => return Err(error.into()),
			};
			let actual = cid_text(&cid(&bytes));
			if actual != expected {
				return Err(ArtifactError::Corrupt { expected, actual });
			}
			Ok(Some(bytes))
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn store() -> (tempfile::TempDir, Store) {
		let dir = tempfile::tempdir().unwrap();
		let store = Store::local(&dir.path().join("artifacts")).unwrap();
		(dir, store)
	}

	#[tokio::test]
	async fn store_should_give_back_the_bytes_when_asked_by_their_cid() {
		let (_dir, store) = store();
		let bytes = b"a red circle".to_vec();
		assert_eq!(store.get(cid(&bytes)).await.unwrap(), None);
		store.put(cid(&bytes), bytes.clone()).await.unwrap();
		store.put(cid(&bytes), bytes.clone()).await.unwrap();
		assert_eq!(store.get(cid(&bytes)).await.unwrap(), Some(bytes));
	}

	#[tokio::test]
	async fn store_should_refuse_when_the_bytes_are_not_those_of_the_cid() {
		let (_dir, store) = store();
		let error = store.put(cid(b"a"), b"b".to_vec()).await.unwrap_err();
		assert!(matches!(error, ArtifactError::WrongCid { .. }), "{error}");
		assert_eq!(store.get(cid(b"a")).await.unwrap(), None);
	}

	#[tokio::test]
	async fn store_should_complain_when_a_stored_file_is_corrupt() {
		let (dir, store) = store();
		store.put(cid(b"a"), b"a".to_vec()).await.unwrap();
		std::fs::write(dir.path().join("artifacts").join(cid_text(&cid(b"a"))), b"b").unwrap();
		let error = store.get(cid(b"a")).await.unwrap_err();
		assert!(matches!(&error, ArtifactError::Corrupt { actual, .. } if *actual == cid_text(&cid(b"b"))), "{error}");
	}
}

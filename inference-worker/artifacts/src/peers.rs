//! The servers of other operators.

use std::{path::Path, sync::Arc};

use autonomy_primitives::digest::Cid;
use futures::future::BoxFuture;

use crate::{
	error::ArtifactError,
	http::{check_url, client, Limits, Remote},
	store::{download_first, find, open_first, ArtifactStore, Body},
};

/// Other operators' servers, asked in order at `<address>/artifacts/<CID>`. They can only be read. Whoever runs one is not
/// trusted: what it sends has the right hash or does not count, and it cannot send the reader elsewhere.
pub struct Peers {
	servers: Vec<Arc<dyn ArtifactStore>>,
}

impl Peers {
	/// The servers at some addresses.
	pub fn new(addresses: &[String], limits: Limits) -> Result<Self, ArtifactError> {
		const FIELD: &str = "artifacts.peers";
		let client = client(FIELD, &limits, 0)?;
		let mut servers: Vec<Arc<dyn ArtifactStore>> = Vec::new();
		for address in addresses {
			check_url(address).map_err(|why| ArtifactError::Setting { field: FIELD.into(), why })?;
			let address = address.trim_end_matches('/');
			servers.push(Arc::new(Remote {
				place: format!("operator's server {address}"),
				before: format!("{address}/artifacts/"),
				after: "",
				accept: None,
				client: client.clone(),
				limits,
			}));
		}
		Ok(Self { servers })
	}

	/// The servers, each as a store of its own.
	pub fn sources(&self) -> &[Arc<dyn ArtifactStore>] {
		&self.servers
	}
}

impl ArtifactStore for Peers {
	fn place(&self) -> String {
		"other operators' servers".into()
	}

	fn put(&self, _: Cid, _: Vec<u8>) -> BoxFuture<'_, Result<(), ArtifactError>> {
		Box::pin(async { Err(ArtifactError::ReadOnly(self.place())) })
	}

	fn get(&self, cid: Cid) -> BoxFuture<'_, Result<Option<Vec<u8>>, ArtifactError>> {
		Box::pin(async move {
			match find(&self.servers, cid).await {
				Ok(found) => Ok(Some(found.bytes)),
				Err(unavailable) => unavailable.or_none(),
			}
		})
	}

	fn open(&self, cid: Cid, from: u64) -> BoxFuture<'_, Result<Option<Body>, ArtifactError>> {
		Box::pin(open_first(&self.servers, cid, from))
	}

	fn download<'a>(&'a self, cid: Cid, size: u64, target: &'a Path) -> BoxFuture<'a, Result<bool, ArtifactError>> {
		Box::pin(download_first(&self.servers, cid, size, target))
	}
}

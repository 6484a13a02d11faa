//! IPFS: read through HTTP gateways, written through the RPC interface of a Kubo node.

use std::{path::Path, sync::Arc};

use autonomy_primitives::digest::Cid;
use futures::future::BoxFuture;
use reqwest::{
	multipart::{Form, Part},
	Client, RequestBuilder, Response,
};
use serde::{Deserialize, Serialize};

use crate::{
	cid_text,
	error::ArtifactError,
	http::{check_url, client, refusal, root, transient, Limits, Remote},
	store::{check_put, download_first, find, open_first, ArtifactStore, Body},
};

/// Most bytes of a block that IPFS nodes pass on (<https://specs.ipfs.tech/bitswap-protocol/#block-sizes>). A file is one
/// block here, because its CID is that of its bytes.
pub const MOST_BLOCK_BYTES: u64 = 2 << 20;
/// Longest answer of the RPC interface, in bytes.
const MOST_ANSWER: usize = 64 << 10;
/// A gateway may send its reader to a name of its own for each CID.
const REDIRECTIONS: usize = 4;

/// Where IPFS is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IpfsSettings {
	/// Addresses of HTTP gateways, asked in this order.
	pub gateways: Vec<String>,
	/// Address of a Kubo node's RPC interface, to which files are written. Whoever reaches it administers the node, so it
	/// belongs on this machine or a private network.
	pub api: Option<String>,
}

/// Files as raw IPFS blocks.
pub struct Ipfs {
	gateways: Vec<Arc<dyn ArtifactStore>>,
	node: Option<Node>,
}

impl Ipfs {
	/// IPFS behind some gateways and perhaps a node.
	pub fn new(settings: &IpfsSettings, limits: Limits) -> Result<Self, ArtifactError> {
		const GATEWAYS: &str = "artifacts.ipfs.gateways";
		const API: &str = "artifacts.ipfs.api";
		let reader = client(GATEWAYS, &limits, REDIRECTIONS)?;
		let mut gateways: Vec<Arc<dyn ArtifactStore>> = Vec::new();
		for address in &settings.gateways {
			check_url(address).map_err(|why| ArtifactError::Setting { field: GATEWAYS.into(), why })?;
			let address = address.trim_end_matches('/');
			gateways.push(Arc::new(Remote {
				place: format!("IPFS gateway {address}"),
				before: format!("{address}/ipfs/"),
				// A raw block can be checked; what a gateway makes of it for people cannot.
				after: "?format=raw",
				accept: Some("application/vnd.ipld.raw"),
				client: reader.clone(),
				limits,
			}));
		}
		let node = settings.api.as_ref().map(|address| {
			check_url(address).map_err(|why| ArtifactError::Setting { field: API.into(), why })?;
			let address = address.trim_end_matches('/');
			let place = format!("IPFS node {address}");
			Ok::<_, ArtifactError>(Node {
				place,
				api: format!("{address}/api/v0"),
				client: client(API, &limits, 0)?,
				limits,
			})
		});
		Ok(Self { gateways, node: node.transpose()? })
	}

	/// Whether files can be written.
	pub fn writes(&self) -> bool {
		self.node.is_some()
	}

	/// The gateways, each as a store of its own.
	pub fn sources(&self) -> &[Arc<dyn ArtifactStore>] {
		&self.gateways
	}
}

impl ArtifactStore for Ipfs {
	fn place(&self) -> String {
		self.node.as_ref().map_or_else(|| "IPFS gateways".into(), |node| node.place.clone())
	}

	/// Stores the file as a pinned block. A file of more than [`MOST_BLOCK_BYTES`] is refused.
	fn put(&self, cid: Cid, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), ArtifactError>> {
		Box::pin(async move {
			check_put(&cid, &bytes)?;
			let Some(node) = &self.node else { return Err(ArtifactError::ReadOnly(self.place())) };
			if bytes.len() as u64 > MOST_BLOCK_BYTES {
				return Err(ArtifactError::TooLarge {
					place: node.place.clone(),
					limit: MOST_BLOCK_BYTES,
					why: "which IPFS nodes do not pass on",
				});
			}
			let limit = node.limits.total;
			let outcome = tokio::time::timeout(limit, node.put(&cid, bytes)).await;
			outcome.unwrap_or_else(|_| Err(transient(&node.place, format!("the file was not taken within {limit:?}"))))
		})
	}

	fn get(&self, cid: Cid) -> BoxFuture<'_, Result<Option<Vec<u8>>, ArtifactError>> {
		Box::pin(async move {
			match find(&self.gateways, cid).await {
				Ok(found) => Ok(Some(found.bytes)),
				Err(unavailable) => unavailable.or_none(),
			}
		})
	}

	fn open(&self, cid: Cid, from: u64) -> BoxFuture<'_, Result<Option<Body>, ArtifactError>> {
		Box::pin(open_first(&self.gateways, cid, from))
	}

	fn download<'a>(&'a self, cid: Cid, size: u64, target: &'a Path) -> BoxFuture<'a, Result<bool, ArtifactError>> {
		Box::pin(download_first(&self.gateways, cid, size, target))
	}
}

/// A Kubo node (<https://docs.ipfs.tech/reference/kubo/rpc/>).
struct Node {
	place: String,
	api: String,
	client: Client,
	limits: Limits,
}

impl Node {
	async fn put(&self, cid: &Cid, bytes: Vec<u8>) -> Result<(), ArtifactError> {
		#[derive(Deserialize)]
		#[serde(rename_all = "PascalCase")]
		struct Stored {
			key: String,
		}
		let name = cid_text(cid);
		// Nodes before Kubo 0.40 take no more than 1 MiB unless told that it is meant.
		let url = format!("{}/block/put?cid-codec=raw&mhtype=sha2-256&allow-big-block=true", self.api);
		let form = Form::new().part("data", Part::bytes(bytes).file_name(name.clone()));
		let answer = self.answer(self.client.post(url).multipart(form)).await?;
		let stored: Stored = serde_json::from_slice(&answer).map_err(|_| self.odd("no JSON with the block's key"))?;
		if stored.key != name {
			return Err(self.odd(&format!("that it stored {name} as {}", stored.key)));
		}
		// Without a pin the node's garbage collector may take the block.
		self.answer(self.client.post(format!("{}/pin/add?arg={name}", self.api))).await?;
		Ok(())
	}

	async fn answer(&self, request: RequestBuilder) -> Result<Vec<u8>, ArtifactError> {
		let failed = |e: reqwest::Error| transient(&self.place, format!("no answer: {}", root(&e)));
		let mut response: Response = request.send().await.map_err(failed)?;
		if !response.status().is_success() {
			return Err(refusal(&self.place, &self.limits, response).await);
		}
		let mut answer = Vec::new();
		while let Some(chunk) = response.chunk().await.map_err(failed)? {
			if answer.len() + chunk.len() > MOST_ANSWER {
				return Err(self.odd("more than an answer of this kind can have"));
			}
			answer.extend_from_slice(&chunk);
		}
		Ok(answer)
	}

	fn odd(&self, what: &str) -> ArtifactError {
		let why = format!("it answered {what}; is it the RPC interface of a Kubo node?");
		ArtifactError::Remote { place: self.place.clone(), why, again: false }
	}
}

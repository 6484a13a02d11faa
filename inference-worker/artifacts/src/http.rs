//! Servers that give a file for its CID.

use std::{
	error::Error,
	time::{Duration, Instant},
};

use autonomy_primitives::digest::Cid;
use bytes::Bytes;
use futures::{future::BoxFuture, stream, Stream, StreamExt};
use reqwest::{
	header::{ACCEPT, CONTENT_RANGE, RANGE},
	redirect::Policy,
	Client, Response, StatusCode, Url,
};

use crate::{
	cid_text,
	error::ArtifactError,
	store::{collect, ArtifactStore, Body},
};

/// How long servers may take and how much they may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
	/// Until a connection stands.
	pub connect: Duration,
	/// Longest silence of a server that has something to say.
	pub idle: Duration,
	/// Longest time for a file that is read into memory, with every new attempt.
	pub total: Duration,
	/// Pause before the second attempt; it doubles with each further one.
	pub pause: Duration,
	/// Most bytes of a file that is read into memory.
	pub most_bytes: u64,
}

impl Default for Limits {
	fn default() -> Self {
		Self {
			connect: Duration::from_secs(5),
			idle: Duration::from_secs(20),
			total: Duration::from_secs(60),
			pause: Duration::from_millis(200),
			most_bytes: 256 << 20,
		}
	}
}

/// How often a file is asked for before its server counts as failed.
pub(crate) const ATTEMPTS: u32 = 3;
/// Most characters that a server's complaint is quoted with.
const MOST_QUOTED: usize = 160;

/// Refuses a text that is not the address of a server, with the reason.
pub fn check_url(text: &str) -> Result<(), String> {
	let url =
		Url::parse(text).map_err(|e| format!("'{text}' is not an address: {e}; it begins with http:// or https://"))?;
	if !matches!(url.scheme(), "http" | "https") {
		return Err(format!("'{text}' does not begin with http:// or https://"));
	}
	if !url.username().is_empty() || url.password().is_some() {
		// The text may hold a secret, so it is not repeated.
		return Err(format!(
			"the address of {} holds a user or password, which is not supported",
			url.host_str().unwrap_or("a server")
		));
	}
	if url.query().is_some() || url.fragment().is_some() {
		return Err(format!("'{text}' has a part after ? or #; give the address without it"));
	}
	Ok(())
}

/// A client that follows at most so many redirections.
pub(crate) fn client(field: &str, limits: &Limits, redirections: usize) -> Result<Client, ArtifactError> {
	let policy = if redirections == 0 { Policy::none() } else { Policy::limited(redirections) };
	Client::builder()
		.user_agent(concat!("autonomy-worker/", env!("CARGO_PKG_VERSION")))
		.connect_timeout(limits.connect)
		.redirect(policy)
		.build()
		.map_err(|e| ArtifactError::Setting {
			field: field.into(),
			why: format!("no HTTP client can be made: {}", root(&e)),
		})
}

/// The innermost cause, which is the one that says something.
pub(crate) fn root(error: &(dyn Error + 'static)) -> String {
	let mut root = error;
	while let Some(cause) = root.source() {
		root = cause;
	}
	root.to_string()
}

/// A failure that may pass.
pub(crate) fn transient(place: &str, why: impl Into<String>) -> ArtifactError {
	ArtifactError::Remote { place: place.into(), why: why.into(), again: true }
}

/// An answer that is an error.
pub(crate) async fn refusal(place: &str, limits: &Limits, mut response: Response) -> ArtifactError {
	let status = response.status();
	let mut text = Vec::new();
	while text.len() < 4 * MOST_QUOTED {
		match tokio::time::timeout(limits.idle, response.chunk()).await {
			Ok(Ok(Some(chunk))) => text.extend_from_slice(&chunk),
			_ => break,
		}
	}
	let text = String::from_utf8_lossy(&text);
	let line = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().trim();
	let quoted: String = line.chars().filter(|c| !c.is_control()).take(MOST_QUOTED).collect();
	let why =
		if quoted.is_empty() { format!("it answered {status}") } else { format!("it answered {status}: {quoted}") };
	let again = status.is_server_error()
		|| matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY);
	ArtifactError::Remote { place: place.into(), why, again }
}

/// Ends a stream with an error when its server falls silent.
pub(crate) fn guarded<E: Error + 'static>(
	place: String,
	idle: Duration,
	stream: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> stream::BoxStream<'static, Result<Bytes, ArtifactError>> {
	let next = move |(mut stream, place): (stream::BoxStream<'static, Result<Bytes, E>>, String)| async move {
		match tokio::time::timeout(idle, stream.next()).await {
			Ok(Some(Ok(chunk))) => Ok(Some((chunk, (stream, place)))),
			Ok(Some(Err(error))) => Err(transient(&place, format!("the answer broke off: {}", root(&error)))),
			Ok(None) => Ok(None),
			Err(_) => Err(transient(&place, format!("it sent nothing for {idle:?}"))),
		}
	};
	stream::try_unfold((stream.boxed(), place), next).boxed()
}

/// A server with one address for each CID, of which nothing but the bytes is believed.
pub(crate) struct Remote {
	/// What messages call it.
	pub place: String,
	/// What stands before the CID.
	pub before: String,
	/// What stands behind it.
	pub after: &'static str,
	/// The media type to ask for.
	pub accept: Option<&'static str>,
	/// The client.
	pub client: Client,
	/// How long it may take.
	pub limits: Limits,
}

impl Remote {
	async fn request(&self, cid: Cid, from: u64) -> Result<Option<Body>, ArtifactError> {
		let mut request = self.client.get(format!("{}{}{}", self.before, cid_text(&cid), self.after));
		if let Some(accept) = self.accept {
			request = request.header(ACCEPT, accept);
		}
		if from > 0 {
			request = request.header(RANGE, format!("bytes={from}-"));
		}
		let answer = tokio::time::timeout(self.limits.idle, request.send()).await;
		let response = answer
			.map_err(|_| transient(&self.place, format!("no answer for {:?}", self.limits.idle)))?
			.map_err(|e| transient(&self.place, format!("no answer: {}", root(&e))))?;
		let from = match response.status() {
			StatusCode::OK => 0,
			StatusCode::PARTIAL_CONTENT if range_start(&response) == Some(from) => from,
			StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
			_ => return Err(refusal(&self.place, &self.limits, response).await),
		};
		let bytes = guarded(self.place.clone(), self.limits.idle, response.bytes_stream());
		Ok(Some(Body { from, bytes }))
	}

	async fn read(&self, cid: Cid) -> Result<Option<Vec<u8>>, ArtifactError> {
		match self.request(cid, 0).await? {
			Some(body) => collect(&self.place, cid, body, self.limits.most_bytes).await.map(Some),
			None => Ok(None),
		}
	}

	async fn read_again(&self, cid: Cid) -> Result<Option<Vec<u8>>, ArtifactError> {
		let (mut attempt, mut pause) = (1, self.limits.pause);
		loop {
			let started = Instant::now();
			match self.read(cid).await {
				// Who fell silent would most likely do so again, and somebody is waiting.
				Err(error) if error.is_transient() && attempt < ATTEMPTS && started.elapsed() < self.limits.idle => {
					tracing::debug!("{error}; asking again")
				}
				outcome => return outcome,
			}
			tokio::time::sleep(pause).await;
			(attempt, pause) = (attempt + 1, pause * 2);
		}
	}
}

impl ArtifactStore for Remote {
	fn place(&self) -> String {
		self.place.clone()
	}

	fn put(&self, _: Cid, _: Vec<u8>) -> BoxFuture<'_, Result<(), ArtifactError>> {
		Box::pin(async { Err(ArtifactError::ReadOnly(self.place.clone())) })
	}

	fn get(&self, cid: Cid) -> BoxFuture<'_, Result<Option<Vec<u8>>, ArtifactError>> {
		Box::pin(async move {
			let limit = self.limits.total;
			let outcome = tokio::time::timeout(limit, self.read_again(cid)).await;
			outcome.unwrap_or_else(|_| Err(transient(&self.place, format!("the file did not come within {limit:?}"))))
		})
	}

	fn open(&self, cid: Cid, from: u64) -> BoxFuture<'_, Result<Option<Body>, ArtifactError>> {
		Box::pin(self.request(cid, from))
	}
}

/// The first byte of `Content-Range: bytes 5-9/10`.
fn range_start(response: &Response) -> Option<u64> {
	let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
	range.trim().strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn address_should_be_refused_when_it_is_no_plain_server() {
		for good in ["http://127.0.0.1:9620", "https://ipfs.io", "https://host/some/path/"] {
			assert_eq!(check_url(good), Ok(()));
		}
		for bad in ["", "127.0.0.1:9620", "ws://a", "file:///etc", "http://", "http://a/?x=1", "http://a/#x"] {
			assert!(check_url(bad).is_err(), "{bad}");
		}
		let complaint = check_url("https://me:secret@host").unwrap_err();
		assert!(complaint.contains("host") && !complaint.contains("secret"), "{complaint}");
	}
}

//! Small servers: other operators', IPFS gateways and nodes, and the part of S3 that is used.

use std::{
	collections::{BTreeMap, VecDeque},
	convert::Infallible,
	sync::{Arc, Mutex},
};

use autonomy_artifacts::Cid;
use autonomy_primitives::digest::cid;
use axum::{
	body::{to_bytes, Body, Bytes},
	extract::Request,
	http::{HeaderMap, Method, StatusCode},
	response::Response,
	Router,
};
use futures::{stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::text;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
	pub method: Method,
	/// Path and query.
	pub path: String,
	pub headers: HeaderMap,
	pub body: Bytes,
}

impl Seen {
	pub fn header(&self, name: &str) -> Option<&str> {
		self.headers.get(name).map(|v| v.to_str().unwrap())
	}
}

/// What a server would answer if nothing went wrong.
pub struct Reply {
	pub status: u16,
	pub headers: Vec<(&'static str, String)>,
	pub body: Vec<u8>,
}

impl Reply {
	pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
		Self { status, headers: Vec::new(), body: body.into() }
	}

	pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
		self.headers.push((name, value.into()));
		self
	}
}

/// What goes wrong with one answer.
#[derive(Clone, Debug)]
pub enum Fault {
	/// Another status, with a complaint.
	Status(u16, &'static str),
	/// The connection ends after so many bytes of the body.
	BreaksOff(usize),
	/// Nothing is ever answered.
	Silent,
	/// Nothing comes after so many bytes of the body.
	FallsSilent(usize),
	/// Other bytes.
	Lies(Vec<u8>),
	/// A body that never ends.
	Endless,
	/// The reader is sent elsewhere.
	Redirects(String),
	/// Nothing goes wrong this time.
	None,
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

struct State {
	handler: Box<Handler>,
	faults: Mutex<VecDeque<Fault>>,
	/// A fault of every answer for which there is none of its own.
	always: Mutex<Option<Fault>>,
	seen: Mutex<Vec<Seen>>,
}

/// A server that ends with this value.
pub struct Server {
	pub url: String,
	state: Arc<State>,
	task: JoinHandle<()>,
}

impl Drop for Server {
	fn drop(&mut self) {
		self.task.abort();
	}
}

impl Server {
	pub async fn new(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
		let state = Arc::new(State {
			handler: Box::new(handler),
			faults: Mutex::default(),
			always: Mutex::default(),
			seen: Mutex::default(),
		});
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let url = format!("http://{}", listener.local_addr().unwrap());
		let shared = state.clone();
		let router = Router::new().fallback(move |request: Request| answer(shared.clone(), request));
		let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
		Self { url, state, task }
	}

	/// What goes wrong with the next answers, one after the other.
	pub fn next(&self, faults: impl IntoIterator<Item = Fault>) -> &Self {
		self.state.faults.lock().unwrap().extend(faults);
		self
	}

	/// What goes wrong with all further answers.
	pub fn always(&self, fault: Option<Fault>) -> &Self {
		*self.state.always.lock().unwrap() = fault;
		self
	}

	pub fn seen(&self) -> Vec<Seen> {
		self.state.seen.lock().unwrap().clone()
	}

	/// An operator's server that has some files, at `/artifacts/<CID>`.
	pub async fn operator(files: &[&[u8]]) -> Self {
		Self::new(file_handler("/artifacts/", files, true)).await
	}

	/// The same without ranges, as a simple server is.
	pub async fn without_ranges(files: &[&[u8]]) -> Self {
		Self::new(file_handler("/artifacts/", files, false)).await
	}

	/// An IPFS gateway that has some blocks. What it makes of them for people is another matter.
	pub async fn gateway(files: &[&[u8]]) -> Self {
		let raw = file_handler("/ipfs/", files, true);
		let handler = move |seen: &Seen| {
			let asks = seen.path.ends_with("?format=raw") && seen.header("accept") == Some("application/vnd.ipld.raw");
			if asks {
				raw(&Seen { path: seen.path.trim_end_matches("?format=raw").into(), ..seen.clone() })
			} else {
				Reply::new(200, "<html>a page about the file</html>")
			}
		};
		Self::new(handler).await
	}
}

async fn answer(state: Arc<State>, request: Request) -> Response {
	let (parts, body) = request.into_parts();
	let body = to_bytes(body, 64 << 20).await.unwrap();
	let path = parts.uri.path_and_query().unwrap().to_string();
	let seen = Seen { method: parts.method, path, headers: parts.headers, body };
	let fault = state.faults.lock().unwrap().pop_front();
	let fault = fault.or_else(|| state.always.lock().unwrap().clone()).unwrap_or(Fault::None);
	state.seen.lock().unwrap().push(seen.clone());
	let reply = match &fault {
		Fault::Status(status, complaint) => Reply::new(*status, *complaint),
		Fault::Redirects(elsewhere) => Reply::new(302, "").with("location", elsewhere),
		Fault::Silent => std::future::pending().await,
		_ => (state.handler)(&seen),
	};
	let mut response = Response::builder().status(StatusCode::from_u16(reply.status).unwrap());
	for (name, value) in &reply.headers {
		response = response.header(*name, value);
	}
	let length = reply.body.len();
	let start = |n: usize| Bytes::copy_from_slice(&reply.body[..n.min(length)]);
	let body = match fault {
		Fault::Lies(bytes) => Body::from(bytes),
		Fault::Endless => Body::from_stream(stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![0; 4096])))),
		Fault::BreaksOff(n) => {
			response = response.header("content-length", length);
			// What was sent goes out before the end.
			let broken = stream::once(async {
				tokio::task::yield_now().await;
				Err(std::io::Error::other("the line was cut"))
			});
			Body::from_stream(stream::iter([Ok(start(n))]).chain(broken))
		}
		Fault::FallsSilent(n) => {
			response = response.header("content-length", length);
			let first = stream::iter([Ok::<_, Infallible>(start(n))]);
			Body::from_stream(first.chain(stream::pending()))
		}
		_ => Body::from(reply.body),
	};
	response.body(body).unwrap()
}

/// Serves files below a path.
fn file_handler(below: &'static str, files: &[&[u8]], ranges: bool) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
	let files: BTreeMap<String, Vec<u8>> = files.iter().map(|f| (text(&cid(f)), f.to_vec())).collect();
	move |seen| match seen.path.strip_prefix(below).and_then(|name| files.get(name)) {
		Some(bytes) if ranges => ranged(seen, bytes),
		Some(bytes) => Reply::new(200, bytes.clone()),
		None => Reply::new(404, "not stored here\n"),
	}
}

/// The part of a file that is asked for.
fn ranged(seen: &Seen, bytes: &[u8]) -> Reply {
	let Some(range) = seen.header("range").and_then(|r| r.strip_prefix("bytes=")) else {
		return Reply::new(200, bytes);
	};
	let (from, to) = range.split_once('-').unwrap();
	let from: usize = from.parse().unwrap();
	let to = to.parse().map_or(bytes.len(), |last: usize| (last + 1).min(bytes.len()));
	if from >= bytes.len() {
		return Reply::new(416, "no such range");
	}
	let range = format!("bytes {from}-{}/{}", to - 1, bytes.len());
	Reply::new(206, &bytes[from..to]).with("content-range", range)
}

pub const ACCESS_KEY: &str = "AUTONOMYTESTKEY";
pub const SECRET_KEY: &str = "a secret that must never be seen";

/// The objects of one bucket, `pictures`.
#[derive(Clone, Default)]
pub struct Bucket(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Bucket {
	pub fn keys(&self) -> Vec<String> {
		self.0.lock().unwrap().keys().cloned().collect()
	}

	pub fn object(&self, key: &str) -> Option<Vec<u8>> {
		self.0.lock().unwrap().get(key).cloned()
	}

	pub fn insert(&self, key: impl Into<String>, bytes: impl Into<Vec<u8>>) {
		self.0.lock().unwrap().insert(key.into(), bytes.into());
	}

	/// A server that speaks as much of S3 as objects of this size need, and refuses requests that are not signed.
	pub async fn serve(&self) -> Server {
		let bucket = self.clone();
		Server::new(move |seen| bucket.answer(seen)).await
	}

	fn answer(&self, seen: &Seen) -> Reply {
		if let Err(why) = check_signature(seen) {
			return error(403, "AccessDenied", why);
		}
		let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
		let Some(key) = path.strip_prefix("/pictures").map(|key| key.trim_start_matches('/')) else {
			return error(404, "NoSuchBucket", "The specified bucket does not exist");
		};
		match (seen.method.as_str(), key) {
			("GET", "") => self.list(query),
			("PUT", key) => {
				self.insert(key, seen.body.to_vec());
				Reply::new(200, "").with("etag", etag(&seen.body))
			}
			("GET" | "HEAD", key) => match self.object(key) {
				Some(bytes) => ranged(seen, &bytes)
					.with("etag", etag(&bytes))
					.with("last-modified", "Fri, 02 Jan 2026 03:04:05 GMT"),
				None => error(404, "NoSuchKey", "The specified key does not exist."),
			},
			("DELETE", key) => {
				self.0.lock().unwrap().remove(key);
				Reply::new(204, "")
			}
			(method, _) => error(405, "MethodNotAllowed", method),
		}
	}

	fn list(&self, query: &str) -> Reply {
		let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
		assert_eq!(value("list-type"), Some("2"), "{query}");
		let prefix = value("prefix").unwrap_or_default().replace("%2F", "/");
		let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>");
		for (key, bytes) in self.0.lock().unwrap().iter().filter(|(key, _)| key.starts_with(&prefix)) {
			let (size, etag) = (bytes.len(), etag(bytes));
			xml += &format!(
				"<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>\
				 <ETag>{etag}</ETag><Size>{size}</Size></Contents>"
			);
		}
		xml += "<IsTruncated>false</IsTruncated></ListBucketResult>";
		Reply::new(200, xml).with("content-type", "application/xml")
	}
}

fn etag(bytes: &[u8]) -> String {
	hex::encode(&Sha256::digest(bytes)[..16])
}

fn error(status: u16, code: &str, message: &str) -> Reply {
	let xml = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
	Reply::new(status, xml).with("content-type", "application/xml")
}

/// That the request carries a signature of version 4 by the known key, over its own body and date.
fn check_signature(seen: &Seen) -> Result<(), &'static str> {
	let authorization = seen.header("authorization").ok_or("the request is not signed")?;
	let credential = format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/");
	if !authorization.starts_with(&credential) || !authorization.contains("/s3/aws4_request") {
		return Err("the key is not known");
	}
	let signed = authorization.split("SignedHeaders=").nth(1).ok_or("no signed headers")?;
	if !["host", "x-amz-content-sha256", "x-amz-date"].iter().all(|name| signed.contains(name)) {
		return Err("a header is not signed");
	}
	let signature = authorization.split("Signature=").nth(1).unwrap_or_default();
	if signature.len() != 64 || seen.header("x-amz-date").is_none() {
		return Err("no signature");
	}
	if seen.header("x-amz-content-sha256") != Some(&hex::encode(Sha256::digest(&seen.body))) {
		return Err("the signature is for another body");
	}
	Ok(())
}

/// A block, and whether it is pinned.
type Block = (Vec<u8>, bool);

/// What an IPFS node has stored and pinned.
#[derive(Clone, Default)]
pub struct Blocks(Arc<Mutex<BTreeMap<String, Block>>>);

impl Blocks {
	pub fn block(&self, cid: &Cid) -> Option<Block> {
		self.0.lock().unwrap().get(&text(cid)).cloned()
	}

	/// The RPC interface of a node, as far as it is used.
	pub async fn serve(&self) -> Server {
		let blocks = self.clone();
		Server::new(move |seen| blocks.answer(seen)).await
	}

	fn answer(&self, seen: &Seen) -> Reply {
		let complaint = |text: &str| Reply::new(500, format!(r#"{{"Message":"{text}","Code":0,"Type":"error"}}"#));
		// The interface is an RPC: it takes nothing but POST.
		if seen.method != Method::POST {
			return Reply::new(405, "405 - Method Not Allowed");
		}
		let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
		match path {
			"/api/v0/block/put" => {
				assert!(query.contains("cid-codec=raw") && query.contains("mhtype=sha2-256"), "{query}");
				let Some(bytes) = part(seen) else { return complaint("file argument 'data' is required") };
				if bytes.len() > 1 << 20 && !query.contains("allow-big-block=true") {
					return complaint("produced block is over 1MiB");
				}
				let (key, size) = (text(&cid(&bytes)), bytes.len());
				self.0.lock().unwrap().insert(key.clone(), (bytes, false));
				Reply::new(200, format!(r#"{{"Key":"{key}","Size":{size}}}"#))
			}
			"/api/v0/pin/add" => {
				let key = query.strip_prefix("arg=").unwrap();
				match self.0.lock().unwrap().get_mut(key) {
					Some((_, pinned)) => *pinned = true,
					None => return complaint("block was not found locally"),
				}
				Reply::new(200, format!(r#"{{"Pins":["{key}"]}}"#))
			}
			_ => Reply::new(404, "404 page not found"),
		}
	}
}

/// The only part of a multipart form.
fn part(seen: &Seen) -> Option<Vec<u8>> {
	let boundary = seen.header("content-type")?.strip_prefix("multipart/form-data; boundary=")?;
	let body = seen.body.strip_prefix(format!("--{boundary}\r\n").as_bytes())?;
	let body = body.strip_suffix(format!("\r\n--{boundary}--\r\n").as_bytes())?;
	let start = body.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
	Some(body[start..].to_vec())
}

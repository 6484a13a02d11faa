//! Buckets of Amazon S3 and of everything that speaks its protocol.

use std::{env, time::Duration};

use autonomy_primitives::digest::Cid;
use futures::{future::BoxFuture, TryStreamExt};
use object_store::{
	aws::{AmazonS3, AmazonS3Builder},
	path::Path as Key,
	BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectStore, PutPayload, RetryConfig,
};
use serde::{Deserialize, Serialize};

use crate::{
	cid_of_name, cid_text,
	error::ArtifactError,
	http::{check_url, guarded, root, transient, Limits, ATTEMPTS},
	retention::{Entry, Inventory},
	store::{check_put, collect, ArtifactStore, Body},
};

/// A bucket. Its keys are in environment variables, of which the settings hold only the names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Settings {
	/// Address of the service, for instance `http://127.0.0.1:9000`; the bucket is then part of the path. Unset: Amazon.
	#[serde(default)]
	pub endpoint: Option<String>,
	/// Name of the bucket, which must exist.
	pub bucket: String,
	/// Region. Services other than Amazon mostly take any.
	#[serde(default = "default_region")]
	pub region: String,
	/// What stands before the CID in the key of an object, without a slash at its ends.
	#[serde(default)]
	pub prefix: String,
	/// Environment variable with the access key's identifier.
	#[serde(default = "default_access_key_env")]
	pub access_key_env: String,
	/// Environment variable with the secret key.
	#[serde(default = "default_secret_key_env")]
	pub secret_key_env: String,
	/// Environment variable with the token of a temporary key; it may be absent from the environment.
	#[serde(default = "default_session_token_env")]
	pub session_token_env: String,
}

fn default_region() -> String {
	"us-east-1".into()
}

fn default_access_key_env() -> String {
	"AWS_ACCESS_KEY_ID".into()
}

fn default_secret_key_env() -> String {
	"AWS_SECRET_ACCESS_KEY".into()
}

fn default_session_token_env() -> String {
	"AWS_SESSION_TOKEN".into()
}

impl S3Settings {
	/// What is wrong with the settings: a field's name below `artifacts.s3`, and why.
	pub fn check(&self) -> Result<(), (&'static str, String)> {
		if let Some(endpoint) = &self.endpoint {
			check_url(endpoint).map_err(|why| ("endpoint", why))?;
		}
		let unusual = |c: char| !c.is_ascii_alphanumeric() && !"-._".contains(c);
		if self.bucket.is_empty() || self.bucket.contains(unusual) {
			return Err(("bucket", format!("'{}' is no name of a bucket: letters, digits, - . _", self.bucket)));
		}
		let odd = |part: &str| part.is_empty() || matches!(part, "." | "..") || part.contains(unusual);
		if !self.prefix.is_empty() && self.prefix.split('/').any(odd) {
			let why = "is no prefix: letters, digits, - . _ and single slashes inside, such as autonomy/artifacts";
			return Err(("prefix", format!("'{}' {why}", self.prefix)));
		}
		for (field, name) in [
			("access_key_env", &self.access_key_env),
			("secret_key_env", &self.secret_key_env),
			("session_token_env", &self.session_token_env),
		] {
			if name.is_empty() || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
				// It may be the secret itself, so it is not repeated.
				let why = "it takes the name of an environment variable (letters, digits, _), never the key itself";
				return Err((field, why.into()));
			}
		}
		Ok(())
	}
}

/// What requests are signed with.
pub struct Credentials {
	/// The key's identifier.
	pub access_key: String,
	/// The secret.
	pub secret_key: String,
	/// The token of a temporary key.
	pub session_token: Option<String>,
}

impl Credentials {
	/// Reads the variables that the settings name.
	pub fn from_env(settings: &S3Settings) -> Result<Self, ArtifactError> {
		let read = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
		let required = |field: &str, name: &str| {
			read(name).ok_or_else(|| ArtifactError::Setting {
				field: format!("artifacts.s3.{field}"),
				why: format!("the environment variable {name} is not set; put the bucket's key there"),
			})
		};
		Ok(Self {
			access_key: required("access_key_env", &settings.access_key_env)?,
			secret_key: required("secret_key_env", &settings.secret_key_env)?,
			session_token: read(&settings.session_token_env),
		})
	}
}

/// The files in a bucket.
pub struct S3 {
	bucket: AmazonS3,
	place: String,
	prefix: String,
	limits: Limits,
}

/// Slowest upload that is waited for, in bytes per second.
const SLOWEST_UPLOAD: u64 = 64 << 10;

impl S3 {
	/// A bucket. Nothing is sent yet.
	pub fn new(settings: &S3Settings, credentials: Credentials, limits: Limits) -> Result<Self, ArtifactError> {
		let wrong = |(field, why)| ArtifactError::Setting { field: format!("artifacts.s3.{field}"), why };
		settings.check().map_err(wrong)?;
		// The client's own limit counts the whole transfer; silence is what shows a dead server.
		let client = ClientOptions::new()
			.with_allow_http(settings.endpoint.as_ref().is_some_and(|e| e.starts_with("http://")))
			.with_connect_timeout(limits.connect)
			.with_timeout_disabled();
		let backoff = BackoffConfig { init_backoff: limits.pause, max_backoff: limits.pause * 8, base: 2.0 };
		let retry = RetryConfig { backoff, max_retries: ATTEMPTS as usize - 1, retry_timeout: limits.total };
		let mut builder = AmazonS3Builder::new()
			.with_bucket_name(&settings.bucket)
			.with_region(&settings.region)
			.with_access_key_id(credentials.access_key)
			.with_secret_access_key(credentials.secret_key)
			// A certificate covers one label before Amazon's name, so a bucket with a dot goes into the path.
			.with_virtual_hosted_style_request(settings.endpoint.is_none() && !settings.bucket.contains('.'))
			.with_client_options(client)
			.with_retry(retry);
		if let Some(token) = credentials.session_token {
			builder = builder.with_token(token);
		}
		if let Some(endpoint) = &settings.endpoint {
			builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
		}
		let bucket = builder.build().map_err(|e| wrong(("endpoint", e.to_string())))?;
		let service = settings.endpoint.as_deref().unwrap_or("Amazon S3");
		let place = format!("bucket {} at {service}", settings.bucket);
		Ok(Self { bucket, place, prefix: settings.prefix.clone(), limits })
	}

	fn key(&self, cid: &Cid) -> Key {
		// Neither part holds a character that a key would escape.
		let name = cid_text(cid);
		if self.prefix.is_empty() {
			Key::from(name)
		} else {
			Key::from(format!("{}/{name}", self.prefix))
		}
	}

	fn failed(&self, error: object_store::Error) -> ArtifactError {
		use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
		// A bucket can be made and a key corrected while the worker runs, so nothing is given up for good.
		let hint = match &error {
			NotFound { .. } => "is there such a bucket? ",
			PermissionDenied { .. } | Unauthenticated { .. } => "is its key right, and may it do this? ",
			_ => "",
		};
		let (text, cause) = (error.to_string(), root(&error));
		let cause = if text.contains(&cause) { String::new() } else { format!(": {cause}") };
		transient(&self.place, format!("{hint}{text}{cause}"))
	}

	async fn within<T>(
		&self,
		limit: Duration,
		request: impl std::future::Future<Output = object_store::Result<T>>,
	) -> Result<object_store::Result<T>, ArtifactError> {
		let outcome = tokio::time::timeout(limit, request).await;
		outcome.map_err(|_| transient(&self.place, format!("no answer within {limit:?}")))
	}
}

impl ArtifactStore for S3 {
	fn place(&self) -> String {
		self.place.clone()
	}

	fn put(&self, cid: Cid, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), ArtifactError>> {
		Box::pin(async move {
			check_put(&cid, &bytes)?;
			let limit = self.limits.total + Duration::from_secs(bytes.len() as u64 / SLOWEST_UPLOAD);
			let key = self.key(&cid);
			self.within(limit, self.bucket.put(&key, PutPayload::from(bytes))).await?.map_err(|e| self.failed(e))?;
			Ok(())
		})
	}

	fn get(&self, cid: Cid) -> BoxFuture<'_, Result<Option<Vec<u8>>, ArtifactError>> {
		Box::pin(async move {
			let limit = self.limits.total;
			let read = async {
				match self.open(cid, 0).await? {
					Some(body) => collect(&self.place, cid, body, self.limits.most_bytes).await.map(Some),
					None => Ok(None),
				}
			};
			let outcome = tokio::time::timeout(limit, read).await;
			outcome.unwrap_or_else(|_| Err(transient(&self.place, format!("the file did not come within {limit:?}"))))
		})
	}

	fn open(&self, cid: Cid, from: u64) -> BoxFuture<'_, Result<Option<Body>, ArtifactError>> {
		Box::pin(async move {
			let range = (from > 0).then_some(GetRange::Offset(from));
			let options = GetOptions { range, ..GetOptions::default() };
			match self.within(self.limits.total, self.bucket.get_opts(&self.key(&cid), options)).await? {
				Ok(found) => {
					let from = found.range.start;
					let bytes = guarded(self.place.clone(), self.limits.idle, found.into_stream());
					Ok(Some(Body { from, bytes }))
				}
				Err(object_store::Error::NotFound { .. }) => Ok(None),
				Err(error) => Err(self.failed(error)),
			}
		})
	}

	fn inventory(&self) -> Option<&dyn Inventory> {
		Some(self)
	}
}

impl Inventory for S3 {
	fn list(&self) -> BoxFuture<'_, Result<Vec<Entry>, ArtifactError>> {
		Box::pin(async move {
			let prefix = (!self.prefix.is_empty()).then(|| Key::from(self.prefix.as_str()));
			let objects: Vec<_> = self.bucket.list(prefix.as_ref()).try_collect().await.map_err(|e| self.failed(e))?;
			let entry = |object: object_store::ObjectMeta| {
				let cid = cid_of_name(object.location.filename()?)?;
				// Only what this store would find again under the CID is its own.
				let own = object.location == self.key(&cid);
				own.then(|| Entry { cid, size: object.size, used: object.last_modified.into(), kept: false })
			};
			Ok(objects.into_iter().filter_map(entry).collect())
		})
	}

	fn delete<'a>(&'a self, entry: &'a Entry) -> BoxFuture<'a, Result<bool, ArtifactError>> {
		Box::pin(async move {
			let key = self.key(&entry.cid);
			match self.within(self.limits.total, self.bucket.delete(&key)).await? {
				Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(true),
				Err(error) => Err(self.failed(error)),
			}
		})
	}
}

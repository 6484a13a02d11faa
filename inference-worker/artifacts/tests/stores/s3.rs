//! Buckets.

use autonomy_artifacts::{ArtifactError, ArtifactStore, Credentials, Inventory, S3Settings, S3};
use autonomy_primitives::digest::cid;

use crate::{
	impatient, limits, nobody,
	servers::{Bucket, Fault, ACCESS_KEY, SECRET_KEY},
	text,
};

const FILE: &[u8] = b"a yellow square";

fn settings(endpoint: &str, prefix: &str) -> S3Settings {
	S3Settings {
		endpoint: Some(endpoint.into()),
		bucket: "pictures".into(),
		region: "us-east-1".into(),
		prefix: prefix.into(),
		access_key_env: "AWS_ACCESS_KEY_ID".into(),
		secret_key_env: "AWS_SECRET_ACCESS_KEY".into(),
		session_token_env: "AWS_SESSION_TOKEN".into(),
	}
}

fn credentials() -> Credentials {
	Credentials { access_key: ACCESS_KEY.into(), secret_key: SECRET_KEY.into(), session_token: None }
}

pub fn store(endpoint: &str, prefix: &str) -> S3 {
	S3::new(&settings(endpoint, prefix), credentials(), limits()).unwrap()
}

#[tokio::test]
async fn file_should_come_back_when_it_was_put_into_a_bucket() {
	for (prefix, key) in [("", text(&cid(FILE))), ("autonomy/files", format!("autonomy/files/{}", text(&cid(FILE))))] {
		let bucket = Bucket::default();
		let server = bucket.serve().await;
		let store = store(&server.url, prefix);
		assert_eq!(store.get(cid(FILE)).await.unwrap(), None);
		store.put(cid(FILE), FILE.to_vec()).await.unwrap();
		store.put(cid(FILE), FILE.to_vec()).await.unwrap();
		assert_eq!(bucket.keys(), [key]);
		assert_eq!(store.get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
	}
}

#[tokio::test]
async fn bucket_should_be_listed_and_emptied_when_it_holds_other_things_as_well() {
	let bucket = Bucket::default();
	let server = bucket.serve().await;
	let store = store(&server.url, "files");
	for file in [FILE, b"another"] {
		store.put(cid(file), file.to_vec()).await.unwrap();
	}
	let name = text(&cid(b"not ours"));
	let others = ["files/readme.txt".to_string(), format!("files/deeper/{name}"), format!("elsewhere/{name}")];
	others.iter().for_each(|key| bucket.insert(key, "not ours"));

	let mut listed = store.list().await.unwrap();
	listed.sort_by_key(|e| e.size);
	assert_eq!(listed.iter().map(|e| (e.cid, e.size)).collect::<Vec<_>>(), [(cid(b"another"), 7), (cid(FILE), 15)]);
	assert_eq!(store.used().await.unwrap(), 22);
	for entry in &listed {
		assert!(store.delete(entry).await.unwrap());
		assert!(store.delete(entry).await.unwrap(), "it is gone already");
	}
	let mut left = others.to_vec();
	left.sort();
	assert_eq!(bucket.keys(), left);
}

#[tokio::test]
async fn request_should_be_repeated_when_the_service_fails_for_a_moment() {
	let bucket = Bucket::default();
	let server = bucket.serve().await;
	let store = store(&server.url, "");
	server.next([Fault::Status(500, "InternalError"), Fault::Status(503, "SlowDown")]);
	store.put(cid(FILE), FILE.to_vec()).await.unwrap();
	server.next([Fault::Status(500, "InternalError"), Fault::BreaksOff(4)]);
	assert_eq!(store.get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
}

#[tokio::test]
async fn failure_should_be_told_when_the_service_goes_on_failing() {
	let bucket = Bucket::default();
	let server = bucket.serve().await;
	let store = S3::new(&settings(&server.url, ""), credentials(), impatient()).unwrap();
	bucket.insert(text(&cid(FILE)), FILE);
	for (fault, expected) in [
		(Fault::Status(500, "InternalError"), "500 Internal Server Error"),
		(Fault::FallsSilent(4), "it sent nothing for 700ms"),
		(Fault::Lies(b"a red square!!!".to_vec()), "sent wrong bytes"),
	] {
		server.always(Some(fault));
		let error = store.get(cid(FILE)).await.unwrap_err().to_string();
		let place = format!("bucket pictures at {}", server.url);
		assert!(error.contains(&place) && error.contains(expected), "{expected}: {error}");
	}
	server.always(None);
	bucket.insert(text(&cid(FILE)), vec![0; limits().most_bytes as usize + 1]);
	let error = store.get(cid(FILE)).await.unwrap_err();
	assert!(matches!(error, ArtifactError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn failure_should_say_what_to_do_when_the_service_refuses_or_is_not_there() {
	let server = Bucket::default().serve().await;
	let strange = Credentials { access_key: "SOMEBODYELSE".into(), ..credentials() };
	let cases = [
		(S3::new(&settings(&server.url, ""), strange, limits()).unwrap(), "is its key right"),
		(
			S3::new(&S3Settings { bucket: "no-such".into(), ..settings(&server.url, "") }, credentials(), limits())
				.unwrap(),
			"is there such a bucket?",
		),
		(store(&nobody(), ""), "Connection refused"),
	];
	for (store, expected) in cases {
		let error = store.put(cid(FILE), FILE.to_vec()).await.unwrap_err();
		assert!(error.is_transient(), "{error}");
		let error = error.to_string();
		assert!(error.contains(expected) && !error.contains(SECRET_KEY), "{expected}: {error}");
	}
	let error = store(&server.url, "").put(cid(b"other"), FILE.to_vec()).await.unwrap_err();
	assert!(matches!(error, ArtifactError::WrongCid { .. }), "{error}");
}

#[tokio::test]
async fn request_should_end_when_the_service_falls_silent() {
	let server = Bucket::default().serve().await;
	server.always(Some(Fault::Silent));
	let limits = autonomy_artifacts::Limits { total: std::time::Duration::from_millis(300), ..limits() };
	let store = S3::new(&settings(&server.url, ""), credentials(), limits).unwrap();
	let error = store.put(cid(FILE), FILE.to_vec()).await.unwrap_err().to_string();
	assert!(error.contains("no answer within 300ms"), "{error}");
	assert!(store.get(cid(FILE)).await.is_err());
}

#[test]
fn credentials_should_be_missed_by_the_names_of_their_variables() {
	let named = S3Settings {
		access_key_env: "AUTONOMY_ARTIFACTS_TEST_ID".into(),
		secret_key_env: "AUTONOMY_ARTIFACTS_TEST_SECRET".into(),
		session_token_env: "AUTONOMY_ARTIFACTS_TEST_TOKEN".into(),
		..settings("http://127.0.0.1:9000", "")
	};
	let missed = || Credentials::from_env(&named).err().unwrap().to_string();
	let complaint = missed();
	assert!(complaint.starts_with("artifacts.s3.access_key_env: "), "{complaint}");
	assert!(complaint.contains("AUTONOMY_ARTIFACTS_TEST_ID is not set"), "{complaint}");
	// Variables of its own, because the environment belongs to every test of the process.
	std::env::set_var("AUTONOMY_ARTIFACTS_TEST_ID", ACCESS_KEY);
	assert!(missed().starts_with("artifacts.s3.secret_key_env: "));
	std::env::set_var("AUTONOMY_ARTIFACTS_TEST_SECRET", SECRET_KEY);
	let found = Credentials::from_env(&named).unwrap();
	assert_eq!((found.access_key.as_str(), found.secret_key.as_str()), (ACCESS_KEY, SECRET_KEY));
	assert_eq!(found.session_token, None);
}

#[test]
fn settings_should_be_refused_with_their_field_when_they_are_wrong() {
	let good = || settings("http://127.0.0.1:9000", "autonomy/files");
	good().check().unwrap();
	for (wrong, field) in [
		(S3Settings { endpoint: Some("127.0.0.1:9000".into()), ..good() }, "endpoint"),
		(S3Settings { bucket: String::new(), ..good() }, "bucket"),
		(S3Settings { bucket: "a/b".into(), ..good() }, "bucket"),
		(S3Settings { prefix: "/files".into(), ..good() }, "prefix"),
		(S3Settings { prefix: "a/../b".into(), ..good() }, "prefix"),
		(S3Settings { secret_key_env: "wJalrXUtnFEMI/K7MDENG".into(), ..good() }, "secret_key_env"),
	] {
		let (named, why) = wrong.check().unwrap_err();
		assert_eq!(named, field);
		assert!(!why.contains("wJalrXUtnFEMI"), "a secret given by mistake was repeated: {why}");
	}
}

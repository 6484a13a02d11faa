//! Other operators' servers: whatever they do, the right bytes or a complaint that names the server.

use std::time::Duration;

use autonomy_artifacts::{ArtifactError, ArtifactStore, Limits, Peers};
use autonomy_primitives::digest::cid;

use crate::{
	impatient, limits, nobody,
	servers::{Fault, Server},
	text,
};

const FILE: &[u8] = b"a red circle on a blue background";

fn peers(servers: &[&Server], limits: Limits) -> Peers {
	let addresses: Vec<_> = servers.iter().map(|s| s.url.clone()).collect();
	Peers::new(&addresses, limits).unwrap()
}

#[tokio::test]
async fn file_should_come_from_the_first_server_that_has_it() {
	let (without, with) = (Server::operator(&[]).await, Server::operator(&[FILE]).await);
	let peers = peers(&[&without, &with], limits());
	assert_eq!(peers.get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
	let path = format!("/artifacts/{}", text(&cid(FILE)));
	assert_eq!(without.seen()[0].path, path);
	assert_eq!(with.seen()[0].path, path);
	assert_eq!(peers.get(cid(b"another")).await.unwrap(), None);
}

#[tokio::test]
async fn file_should_come_from_the_next_server_when_one_lies_or_fails() {
	let faults = [
		Fault::Lies(b"a blue circle".to_vec()),
		Fault::Lies(Vec::new()),
		Fault::Status(500, "out of order"),
		Fault::Status(403, "not for you"),
		Fault::BreaksOff(5),
		Fault::FallsSilent(5),
		Fault::Silent,
		Fault::Endless,
		Fault::Redirects("http://169.254.169.254/".into()),
	];
	for fault in faults {
		let (bad, good) = (Server::operator(&[FILE]).await, Server::operator(&[FILE]).await);
		bad.always(Some(fault.clone()));
		let found = peers(&[&bad, &good], impatient()).get(cid(FILE)).await;
		assert_eq!(found.unwrap().as_deref(), Some(FILE), "{fault:?}");
	}
}

#[tokio::test]
async fn complaint_should_name_the_server_and_the_fault_when_no_server_gives_the_file() {
	let wrong = text(&cid(b"a blue circle"));
	let cases = [
		(
			Fault::Lies(b"a blue circle".to_vec()),
			format!("sent wrong bytes for {}: theirs have the CID {wrong}", text(&cid(FILE))),
		),
		(Fault::Status(500, "out of order\n"), "it answered 500 Internal Server Error: out of order".into()),
		(Fault::Status(403, ""), "it answered 403 Forbidden".into()),
		(Fault::BreaksOff(5), "the answer broke off: ".into()),
		(Fault::FallsSilent(5), "it sent nothing for 700ms".into()),
		(Fault::Silent, "no answer for 700ms".into()),
		(Fault::Endless, "the file has more than 1048576 bytes, more than is read into memory".into()),
		(Fault::Redirects("http://169.254.169.254/".into()), "it answered 302 Found".into()),
	];
	for (fault, expected) in cases {
		let (bad, without) = (Server::operator(&[FILE]).await, Server::operator(&[]).await);
		bad.always(Some(fault));
		let error = peers(&[&bad, &without], impatient()).get(cid(FILE)).await.unwrap_err().to_string();
		assert!(error.contains(&bad.url) && error.contains(&expected), "{expected}: {error}");
		assert!(error.contains(&format!("{}: does not have it", without.url)), "{error}");
	}
	let url = nobody();
	let error = Peers::new(std::slice::from_ref(&url), limits()).unwrap().get(cid(FILE)).await.unwrap_err().to_string();
	assert!(error.contains(&url) && error.contains("Connection refused"), "{error}");
}

#[tokio::test]
async fn file_should_come_when_the_server_recovers() {
	let server = Server::operator(&[FILE]).await;
	server.next([Fault::Status(503, "starting"), Fault::BreaksOff(3)]);
	assert_eq!(peers(&[&server], limits()).get(cid(FILE)).await.unwrap().as_deref(), Some(FILE));
	assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn server_should_be_asked_once_when_asking_again_is_no_use() {
	for fault in [Fault::Lies(b"x".to_vec()), Fault::Status(400, "no"), Fault::Endless] {
		let server = Server::operator(&[FILE]).await;
		server.always(Some(fault.clone()));
		peers(&[&server], limits()).get(cid(FILE)).await.unwrap_err();
		assert_eq!(server.seen().len(), 1, "{fault:?}");
	}
}

#[tokio::test]
async fn reader_should_not_be_held_up_when_a_server_sends_a_byte_now_and_then() {
	let server = Server::operator(&[FILE]).await;
	// It has sent something, so only the time of all together ends it.
	server.always(Some(Fault::FallsSilent(5)));
	let limits = Limits { total: Duration::from_millis(400), ..limits() };
	let error = peers(&[&server], limits).get(cid(FILE)).await.unwrap_err().to_string();
	assert!(error.contains("the file did not come within 400ms"), "{error}");
}

#[tokio::test]
async fn peers_should_be_refused_when_an_address_is_none_or_something_is_stored() {
	for address in ["host:9620", "ftp://host", "http://me:secret@host"] {
		let error = Peers::new(&[address.into()], limits()).err().unwrap().to_string();
		assert!(error.starts_with("artifacts.peers: ") && !error.contains("secret"), "{error}");
	}
	let error = peers(&[], limits()).put(cid(FILE), FILE.to_vec()).await.unwrap_err();
	assert!(matches!(error, ArtifactError::ReadOnly(_)), "{error}");
}

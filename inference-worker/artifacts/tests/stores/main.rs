//! The stores against servers that run here: what they give when all is well, and when servers lie, break off, fall silent
//! or are not there.

mod download;
mod ipfs;
mod keeper;
mod layered;
mod local;
mod peers;
mod retention;
mod s3;
mod servers;

use std::{path::Path, time::Duration};

use autonomy_artifacts::{Cid, Limits};
use autonomy_primitives::digest::cid_text;

/// Limits that a test can wait for.
fn limits() -> Limits {
	Limits {
		connect: Duration::from_secs(5),
		idle: Duration::from_secs(10),
		total: Duration::from_secs(20),
		pause: Duration::from_millis(1),
		most_bytes: 1 << 20,
	}
}

/// The same for servers that fall silent.
fn impatient() -> Limits {
	Limits { idle: Duration::from_millis(700), ..limits() }
}

fn text(cid: &Cid) -> String {
	String::from_utf8(cid_text(cid).to_vec()).unwrap()
}

/// Puts a file into an artifact folder as it would lie there after `age` without use.
fn leave(folder: &Path, cid: &Cid, bytes: &[u8], age: Duration) {
	let path = folder.join(text(cid));
	std::fs::write(&path, bytes).unwrap();
	let file = std::fs::File::options().write(true).open(path).unwrap();
	file.set_modified(std::time::SystemTime::now() - age).unwrap();
}

/// Comes back when the condition holds. A test that waits for ever has failed.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
	let wait = async {
		while !condition() {
			tokio::task::yield_now().await;
		}
	};
	tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// An address where nobody listens.
fn nobody() -> String {
	let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
	format!("http://{}", listener.local_addr().unwrap())
}

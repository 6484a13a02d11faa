#![doc = include_str!("../README.md")]

mod download;
mod error;
mod http;
mod ipfs;
mod keeper;
mod layered;
mod local;
mod peers;
mod retention;
mod s3;
mod size;
mod store;

pub use autonomy_primitives::digest::Cid;
pub use error::{ArtifactError, Failure, Unavailable};
pub use http::{check_url, Limits};
pub use ipfs::{Ipfs, IpfsSettings, MOST_BLOCK_BYTES};
pub use keeper::Keeper;
pub use layered::{Layered, Unmirrored};
pub use local::Local;
pub use peers::Peers;
pub use retention::{sweep, Deleted, Entry, Inventory, QuotaFull, Reason, Rule, Swept};
pub use s3::{Credentials, S3Settings, S3};
pub use size::{ByteSize, NotASize};
pub use store::{find, ArtifactStore, Body, Found};

/// The usual text form of a CID, which is also the name of its file: base32, beginning with `bafkrei`, 59 characters.
pub(crate) fn cid_text(cid: &Cid) -> String {
	autonomy_primitives::digest::cid_text(cid).into_iter().map(char::from).collect()
}

/// The CID of a file's name; `None` for any other text.
pub(crate) fn cid_of_name(name: &str) -> Option<Cid> {
	let bytes: Cid = ::cid::Cid::try_from(name).ok()?.to_bytes().try_into().ok()?;
	// Other spellings of a CID, in another base, are not names of files.
	(autonomy_primitives::digest::is_cid(&bytes) && cid_text(&bytes) == name).then_some(bytes)
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_primitives::digest::cid;

	#[test]
	fn name_should_be_that_of_a_file_when_it_is_a_cid_in_its_usual_form() {
		let text = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
		assert_eq!(cid_text(&cid(b"hello")), text);
		assert_eq!(cid_of_name(text), Some(cid(b"hello")));
		for name in [
			"",
			".lock",
			"../secret",
			&format!("../{text}"),
			&text.to_uppercase(),
			&format!("{text}#1"),
			"QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
		] {
			assert_eq!(cid_of_name(name), None, "{name}");
		}
	}
}

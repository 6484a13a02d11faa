//! From an output to the bytes that are stored and the digests that go on chain.
//!
//! The digest functions themselves are those of [`autonomy_primitives::digest`], which the runtime uses too.

mod animation;
mod image;
mod sprite_sheet;

pub use animation::Animation;
pub use image::Image;
pub use sprite_sheet::SpriteSheet;

use autonomy_primitives::digest::Cid;

/// The usual text form of a CID: base32, lower case, beginning with `bafkrei`.
pub fn cid_text(cid: &Cid) -> String {
	// A `Cid` holds version, codec and hash by construction, so only a hand-made one can fail to parse.
	::cid::Cid::try_from(&cid[..]).map_or_else(|_| hex::encode(cid), |cid| cid.to_string())
}

/// Reads the text form of a CID. `None` unless it is version 1, raw, SHA-256.
pub fn parse_cid(text: &str) -> Option<Cid> {
	let bytes: Cid = ::cid::Cid::try_from(text).ok()?.to_bytes().try_into().ok()?;
	autonomy_primitives::digest::is_cid(&bytes).then_some(bytes)
}

/// A step's state as the trace has it: f32-LE, four bytes a value.
pub fn state_bytes(state: &[f32]) -> Vec<u8> {
	state.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use autonomy_primitives::digest::cid;

	#[test]
	fn cid_text_should_be_what_ipfs_prints() {
		let text = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
		assert_eq!(cid_text(&cid(b"hello")), text);
		assert_eq!(parse_cid(text), Some(cid(b"hello")));
		assert_eq!(parse_cid("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"), None);
		assert_eq!(parse_cid("nonsense"), None);
	}
}

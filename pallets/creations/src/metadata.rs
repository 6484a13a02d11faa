//! What wallets and galleries read about a work: the usual NFT JSON, made from what is on chain.
//!
//! The bytes of the JSON depend on nothing but what was fixed at the mint, so that anyone can make them again. Their CID is
//! computed on chain and is the NFT's metadata (`ipfs://bafkrei…`), as wallets expect it: whoever adds the bytes to IPFS
//! makes the link work, and nobody can add others.

use alloc::{
	format,
	string::{String, ToString},
	vec::Vec,
};
use autonomy_primitives::{
	digest::{cid, cid_text, Cid},
	job::Modality,
};

use crate::types::Creation;

/// Keys of a work's attributes, on chain and in its JSON, in the order of [`facts`].
pub const ATTRIBUTES: [&str; 8] =
	["job", "model", "weights_root", "engine", "seed", "input_hash", "result", "artifact"];

/// A work's attributes: numbers in decimal, digests in hexadecimal after `0x`, the artifact as an `ipfs://` link.
pub fn facts<AccountId, Balance, BlockNumber>(
	creation: &Creation<AccountId, Balance, BlockNumber>,
) -> [(&'static str, String); 8] {
	let work = &creation.work;
	[
		("job", creation.job.to_string()),
		("model", work.model.to_string()),
		("weights_root", hex(&work.weights_root)),
		("engine", hex(&work.engine)),
		("seed", hex(&work.seed)),
		("input_hash", hex(&work.input_hash)),
		("result", hex(&work.result)),
		("artifact", link(&work.artifact)),
	]
}

/// The JSON of a work: `name`, `description`, the file, `attributes`. The file is the `image` when it is a picture, `image`
/// and `animation_url` when it moves, and the `animation_url` alone when it is anything else.
pub fn item_json<AccountId, Balance, BlockNumber>(creation: &Creation<AccountId, Balance, BlockNumber>) -> Vec<u8> {
	let work = &creation.work;
	let fields: &[&str] = match work.modality {
		Modality::Image | Modality::SpriteSheet | Modality::Tile => &["image"],
		// Galleries without animations show its first frame.
		Modality::Animation => &["image", "animation_url"],
		Modality::Text | Modality::Evaluation | Modality::Ballot => &["animation_url"],
	};
	let file = quoted(&link(&work.artifact));
	let media: String = fields.iter().map(|field| format!("\"{field}\":{file},")).collect();
	let description = format!(
		"Made by model {} in job {} on Autonomy. Anyone can make it again, byte for byte, from the chain's data and the \
		 model's weights.",
		work.model, creation.job,
	);
	let attributes = facts(creation)
		.map(|(key, value)| format!("{{\"trait_type\":{},\"value\":{}}}", quoted(key), quoted(&value)))
		.join(",");
	let json = format!(
		"{{\"name\":{},\"description\":{},{media}\"attributes\":[{attributes}]}}",
		quoted(text(&creation.name)),
		quoted(&description),
	);
	json.into_bytes()
}

/// The JSON of a collection: `name` and `description`.
pub fn collection_json(name: &[u8]) -> Vec<u8> {
	let description = "Works of AI models on Autonomy. Anyone can make each of them again, byte for byte.";
	format!("{{\"name\":{},\"description\":{}}}", quoted(text(name)), quoted(description)).into_bytes()
}

/// The link to a JSON: `ipfs://` and its CID, 66 bytes.
pub fn uri(json: &[u8]) -> String {
	link(&cid(json))
}

/// Whether bytes are a name: UTF-8 without control characters, with more than white space.
pub fn is_name(bytes: &[u8]) -> bool {
	let Ok(name) = core::str::from_utf8(bytes) else { return false };
	!name.trim().is_empty() && !name.chars().any(char::is_control)
}

fn link(cid: &Cid) -> String {
	format!("ipfs://{}", text(&cid_text(cid)))
}

fn text(bytes: &[u8]) -> &str {
	core::str::from_utf8(bytes).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
	let mut out = String::from("0x");
	for byte in bytes {
		out.push_str(&format!("{byte:02x}"));
	}
	out
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
	let mut out = String::from("\"");
	for c in text.chars() {
		match c {
			'"' | '\\' => {
				out.push('\\');
				out.push(c);
			}
			c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
			c => out.push(c),
		}
	}
	out.push('"');
	out
}

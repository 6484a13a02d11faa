//! The digests that go on chain. Each is BLAKE2b-256 over a domain tag and fixed-width fields, integers little-endian.

use alloc::vec::Vec;
use codec::Encode;
use sp_crypto_hashing::{blake2_256, sha2_256};

use crate::{
	job::{JobInput, Modality},
	merkle::{self, RootBuilder, CHUNK},
	Digest, JobId,
};

/// A CIDv1 with the raw codec and a SHA-256 multihash: the binary form, 36 bytes.
pub type Cid = [u8; 36];

/// The bytes before the hash in every [`Cid`]: version 1, codec raw (0x55), SHA-256 (0x12) of 32 bytes.
pub const CID_PREFIX: [u8; 4] = [0x01, 0x55, 0x12, 0x20];

/// The CID of a file's bytes.
pub fn cid(bytes: &[u8]) -> Cid {
	cid_of_sha256(sha2_256(bytes))
}

/// The CID of a file whose SHA-256 is known.
pub fn cid_of_sha256(sha256: [u8; 32]) -> Cid {
	let mut out = [0; 36];
	out[..4].copy_from_slice(&CID_PREFIX);
	out[4..].copy_from_slice(&sha256);
	out
}

/// Whether the bytes are a CIDv1 with the raw codec and a SHA-256 multihash.
pub fn is_cid(bytes: &Cid) -> bool {
	bytes.starts_with(&CID_PREFIX)
}

/// The text form of a CID: multibase base32, lower case, no padding (`bafkrei…`), 59 ASCII bytes.
pub fn cid_text(cid: &Cid) -> [u8; 59] {
	const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
	let mut out = [b'b'; 59];
	let (mut bits, mut count, mut at) = (0u32, 0u32, 1usize);
	let mut put = |bits: u32, at: &mut usize| {
		if let (Some(slot), Some(c)) = (out.get_mut(*at), ALPHABET.get((bits & 31) as usize)) {
			*slot = *c;
		}
		*at = at.saturating_add(1);
	};
	for byte in cid {
		bits = (bits << 8) | u32::from(*byte);
		count = count.saturating_add(8);
		while count >= 5 {
			count = count.saturating_sub(5);
			put(bits >> count, &mut at);
		}
	}
	// 288 bits are 57 characters and 3 bits, padded with zeros on the right.
	put(bits << 2, &mut at);
	out
}

/// Digest of an input: `H("AUTON/input/1" ‖ SCALE(input))`.
pub fn input_hash(input: &JobInput) -> Digest {
	(b"AUTON/input/1", input).using_encoded(blake2_256)
}

/// The seed of a job that leaves it to the chain: `H("seed" ‖ draw randomness ‖ u64 job)`.
pub fn chain_seed(draw_randomness: &Digest, job: JobId) -> Digest {
	(b"seed", draw_randomness, job).using_encoded(blake2_256)
}

/// The `n`-th number of a draw: `H("draw" ‖ draw randomness ‖ u64 job ‖ u32 round ‖ u32 n)`, its first 16 bytes.
pub fn draw_number(draw_randomness: &Digest, job: JobId, round: u32, n: u32) -> u128 {
	let hash = (b"draw", draw_randomness, job, round, n).using_encoded(blake2_256);
	let mut first = [0; 16];
	first.copy_from_slice(&hash[..16]);
	u128::from_le_bytes(first)
}

/// What picks the chunk that each auditor or juror of a draw has to open: `H("open" ‖ draw randomness ‖ u64 job ‖ u32
/// round)`.
pub fn opening_draw(draw_randomness: &Digest, job: JobId, round: u32) -> Digest {
	(b"open", draw_randomness, job, round).using_encoded(blake2_256)
}

/// What a result is a result of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResultContext {
	/// Hash of the chain's first block; zero for a model's golden job, which belongs to no chain.
	pub genesis: Digest,
	/// The model's weights root.
	pub model_root: Digest,
	/// Hash of the kernel specification.
	pub engine: Digest,
	/// [`input_hash`] of the job's input.
	pub input_hash: Digest,
	/// The job's seed.
	pub seed: Digest,
	/// The kind of output.
	pub modality: Modality,
}

/// The result digest: `H("AUTON/result/1" ‖ genesis ‖ model root ‖ engine ‖ input hash ‖ seed ‖ u8 modality ‖ canonical
/// output)`. The canonical output is [`canonical_image`] for pictures and tiles, [`canonical_text`],
/// [`canonical_animation`], [`canonical_sprite_sheet`], [`canonical_evaluation`] or [`canonical_ballot`].
pub fn result(context: &ResultContext, canonical: &[u8]) -> Digest {
	let c = context;
	let mut preimage =
		(b"AUTON/result/1", c.genesis, c.model_root, c.engine, c.input_hash, c.seed, c.modality).encode();
	preimage.extend_from_slice(canonical);
	blake2_256(&preimage)
}

/// Canonical bytes of a picture: u32-LE width, u32-LE height, RGB8 rows from the top. Never the bytes of a PNG, which
/// depend on the encoder.
pub fn canonical_image(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
	let mut out = Vec::with_capacity(8usize.saturating_add(rgb.len()));
	out.extend_from_slice(&width.to_le_bytes());
	out.extend_from_slice(&height.to_le_bytes());
	out.extend_from_slice(rgb);
	out
}

/// Canonical bytes of an animation: u32-LE frames, u32-LE frames per second, then each frame as [`canonical_image`] has it.
/// `frames` are RGB8 rows of the same width and height.
pub fn canonical_animation(width: u32, height: u32, frames_per_second: u32, frames: &[Vec<u8>]) -> Vec<u8> {
	let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
	let mut out = Vec::new();
	out.extend_from_slice(&count.to_le_bytes());
	out.extend_from_slice(&frames_per_second.to_le_bytes());
	for frame in frames {
		out.extend_from_slice(&canonical_image(width, height, frame));
	}
	out
}

/// Canonical bytes of a sprite sheet: u32-LE width and height of the sheet, u32-LE width and height of a cell, RGBA8 rows
/// from the top.
pub fn canonical_sprite_sheet(sheet: (u32, u32), cell: (u32, u32), rgba: &[u8]) -> Vec<u8> {
	let mut out = Vec::with_capacity(16usize.saturating_add(rgba.len()));
	for side in [sheet.0, sheet.1, cell.0, cell.1] {
		out.extend_from_slice(&side.to_le_bytes());
	}
	out.extend_from_slice(rgba);
	out
}

/// Canonical bytes of an evaluation: the losses of the base and of the candidate, each an i64-LE in billionths.
pub fn canonical_evaluation(base: u64, candidate: u64) -> Vec<u8> {
	let signed = |loss| i64::try_from(loss).unwrap_or(i64::MAX).to_le_bytes();
	[signed(base), signed(candidate)].concat()
}

/// Canonical bytes of a ballot: one byte, 1 for a decision and 0 for none; the decision in percent as an i8, 0 for none; and
/// [`reasons`], so that the chain can compare a decision without the words.
pub fn canonical_ballot(decision: Option<i8>, reasons: &Digest) -> Vec<u8> {
	let mut out = Vec::with_capacity(34);
	out.push(u8::from(decision.is_some()));
	out.extend_from_slice(&decision.unwrap_or(0).to_le_bytes());
	out.extend_from_slice(reasons);
	out
}

/// Digest of what a character said in a ballot: BLAKE2b-256 of, for each run, its decision in percent as an i8, the u32-LE
/// number of its reason's tokens and these as u32-LE. The run with the proposer's words is the first; without such words
/// there is one run.
pub fn reasons(runs: &[(i8, &[u32])]) -> Digest {
	let mut bytes = Vec::new();
	for (decision, tokens) in runs {
		bytes.extend_from_slice(&decision.to_le_bytes());
		bytes.extend_from_slice(&u32::try_from(tokens.len()).unwrap_or(u32::MAX).to_le_bytes());
		bytes.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
	}
	blake2_256(&bytes)
}

/// Why a text ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum StopCode {
	/// The model said its stop token.
	Stop = 0,
	/// The limit of new tokens was reached.
	Length = 1,
}

/// Canonical bytes of a text: u32-LE token ids, then one byte of [`StopCode`].
pub fn canonical_text(tokens: &[u32], stop: StopCode) -> Vec<u8> {
	let mut out: Vec<u8> = tokens.iter().flat_map(|t| t.to_le_bytes()).collect();
	out.push(stop as u8);
	out
}

/// What an operator seals in a commitment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed {
	/// Result digest.
	pub result: Digest,
	/// Trace root.
	pub trace_root: Digest,
	/// CID of the stored file.
	pub artifact: Cid,
	/// Secret until the reveal.
	pub salt: [u8; 32],
}

/// The commitment: `H("AUTON/commit/1" ‖ u64 job ‖ u32 round ‖ operator ‖ result ‖ trace root ‖ artifact ‖ salt)`. It is
/// bound to the operator and the round, so that copying someone's commitment is worth nothing.
pub fn commitment(job: JobId, round: u32, operator: &[u8; 32], sealed: &Sealed) -> Digest {
	(b"AUTON/commit/1", job, round, operator, sealed.result, sealed.trace_root, sealed.artifact, sealed.salt)
		.using_encoded(blake2_256)
}

/// The weights root of a model: a Merkle root over the 1 KiB chunks of its files in the manifest's order. Files can be
/// fed in pieces of any size.
#[derive(Clone, Debug, Default)]
pub struct WeightsRoot {
	chunks: RootBuilder,
	file: u32,
	index: u32,
	partial: Vec<u8>,
}

impl WeightsRoot {
	/// Appends bytes of the current file.
	pub fn update(&mut self, mut bytes: &[u8]) {
		while !bytes.is_empty() {
			let (now, later) = bytes.split_at(CHUNK.saturating_sub(self.partial.len()).min(bytes.len()));
			self.partial.extend_from_slice(now);
			if self.partial.len() == CHUNK {
				self.flush();
			}
			bytes = later;
		}
	}

	/// Ends the current file; the next bytes belong to the next one.
	pub fn end_file(&mut self) {
		if !self.partial.is_empty() {
			self.flush();
		}
		self.file = self.file.saturating_add(1);
		self.index = 0;
	}

	/// The root over the files ended so far.
	pub fn root(&self) -> Digest {
		self.chunks.root()
	}

	fn flush(&mut self) {
		self.chunks.push(merkle::leaf(self.file, self.index, &self.partial));
		self.index = self.index.saturating_add(1);
		self.partial.clear();
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::job::{ImageInput, TextInput};
	use hex_literal::hex;
	use proptest::prelude::*;

	fn sealed() -> Sealed {
		Sealed { result: [1; 32], trace_root: [2; 32], artifact: cid(b"x"), salt: [3; 32] }
	}

	#[test]
	fn cid_should_be_the_one_that_ipfs_prints() {
		// `printf hello | ipfs add --raw-leaves --cid-version 1` gives bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq
		let expected = hex!("015512202cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
		assert_eq!(cid(b"hello"), expected);
		assert_eq!(&cid_text(&expected)[..], b"bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq");
		assert!(is_cid(&expected));
		assert!(!is_cid(&[0; 36]));
	}

	#[test]
	fn commitment_should_change_with_every_field() {
		let base = commitment(1, 0, &[9; 32], &sealed());
		let others = [
			commitment(2, 0, &[9; 32], &sealed()),
			commitment(1, 1, &[9; 32], &sealed()),
			commitment(1, 0, &[8; 32], &sealed()),
			commitment(1, 0, &[9; 32], &Sealed { result: [0; 32], ..sealed() }),
			commitment(1, 0, &[9; 32], &Sealed { trace_root: [0; 32], ..sealed() }),
			commitment(1, 0, &[9; 32], &Sealed { artifact: cid(b"y"), ..sealed() }),
			commitment(1, 0, &[9; 32], &Sealed { salt: [0; 32], ..sealed() }),
		];
		assert!(others.iter().all(|o| *o != base));
	}

	#[test]
	fn digests_should_stay_what_they_are() {
		let input = JobInput::Text(TextInput {
			prompt: b"hi".to_vec().try_into().unwrap(),
			max_tokens: 8,
			temperature_centi: 0,
			top_p_permille: 1000,
			top_k: 0,
		});
		let context = ResultContext {
			genesis: [0; 32],
			model_root: [1; 32],
			engine: [2; 32],
			input_hash: input_hash(&input),
			seed: [3; 32],
			modality: Modality::Text,
		};
		let all = [
			input_hash(&input),
			result(&context, &canonical_text(&[1, 2], StopCode::Stop)),
			commitment(7, 0, &[4; 32], &sealed()),
			chain_seed(&[5; 32], 7),
		];
		assert_eq!(hex::encode(merkle::root(&all)), GOLDEN, "a digest of the protocol changed");
	}
	const GOLDEN: &str = "38023632ee3d7bbd463d0cc1b668a5e3e9ecff586ef70528410fe06009607e4b";

	#[test]
	fn units_should_count_passes_tiles_and_tokens() {
		let image = |width, height, steps, guidance_centi| {
			JobInput::Image(ImageInput {
				prompt: Default::default(),
				negative_prompt: Default::default(),
				width,
				height,
				steps,
				guidance_centi,
			})
			.units()
		};
		assert_eq!(image(64, 64, 20, 100), 20);
		assert_eq!(image(64, 64, 20, 250), 40);
		assert_eq!(image(65, 64, 1, 0), 2);
		assert_eq!(image(0, 0, 0, 0), 1);
		assert_eq!(image(u16::MAX, u16::MAX, u16::MAX, u16::MAX), u32::MAX);
	}

	#[test]
	fn ballot_should_be_digested_as_clients_digest_it() {
		let said = reasons(&[(-50, &[7, 300][..]), (-100, &[][..])]);
		assert_eq!(said, hex!("c6a8d30fb3fe974b5097bb19b5796a488c752200a6ed67d7f297c96b23f64116"));
		assert_eq!(canonical_ballot(Some(-50), &said), [&[1u8, 206][..], &said[..]].concat());
		// Silence is not indifference.
		assert_eq!(canonical_ballot(None, &said), [&[0u8, 0][..], &said[..]].concat());
		assert_eq!(canonical_ballot(Some(0), &said), [&[1u8, 0][..], &said[..]].concat());
	}

	/// What was said in one or two runs.
	fn runs() -> impl Strategy<Value = Vec<(i8, Vec<u32>)>> {
		let token = prop_oneof![0u32..3, Just(u32::MAX), Just(0xce), Just(0x9c00_0001)];
		let stance = prop_oneof![Just(-100i8), Just(-50), Just(0), Just(50), Just(100)];
		proptest::collection::vec((stance, proptest::collection::vec(token, 0..4)), 1..=2)
	}

	proptest! {
		#[test]
		fn two_ballots_should_not_have_one_digest(one in runs(), other in runs()) {
			let digest = |said: &[(i8, Vec<u32>)]| {
				let said: Vec<(i8, &[u32])> = said.iter().map(|(stance, said)| (*stance, said.as_slice())).collect();
				reasons(&said)
			};
			prop_assert_eq!(digest(&one) == digest(&other), one == other);
		}

		#[test]
		fn weights_root_should_not_depend_on_the_pieces(file in proptest::collection::vec(any::<u8>(), 0..5000), cut in 0usize..5000) {
			let cut = cut.min(file.len());
			let (mut whole, mut pieces) = (WeightsRoot::default(), WeightsRoot::default());
			whole.update(&file);
			pieces.update(&file[..cut]);
			pieces.update(&file[cut..]);
			whole.end_file();
			pieces.end_file();
			prop_assert_eq!(whole.root(), pieces.root());
		}

		#[test]
		fn weights_root_should_see_where_a_file_ends(a in proptest::collection::vec(any::<u8>(), 1..3000), b in proptest::collection::vec(any::<u8>(), 1..3000)) {
			let (mut two, mut one) = (WeightsRoot::default(), WeightsRoot::default());
			two.update(&a);
			two.end_file();
			two.update(&b);
			two.end_file();
			one.update(&a);
			one.update(&b);
			one.end_file();
			prop_assert_ne!(two.root(), one.root());
		}
	}
}

//! Hash trees over chunks: the tree of RFC 6962 (section 2.1) with BLAKE2b-256.
//!
//! `leaf = H(0x00 ‖ position ‖ bytes)`, `node = H(0x01 ‖ left ‖ right)`; a level with an odd count carries its last node
//! up unchanged. The position is hashed into the leaf, so that a chunk proves where it stands.

use alloc::vec::Vec;
use sp_crypto_hashing::blake2_256;

use crate::Digest;

/// Bytes of one chunk of weights or of a trace; the last chunk may be shorter.
pub const CHUNK: usize = 1024;

/// Digest of a leaf: `blake2_256(0x00 ‖ u32-LE group ‖ u32-LE index ‖ bytes)`. The group is a file of the weights or a
/// step of a trace.
pub fn leaf(group: u32, index: u32, bytes: &[u8]) -> Digest {
	let mut preimage = Vec::with_capacity(9usize.saturating_add(bytes.len()));
	preimage.push(0);
	preimage.extend_from_slice(&group.to_le_bytes());
	preimage.extend_from_slice(&index.to_le_bytes());
	preimage.extend_from_slice(bytes);
	blake2_256(&preimage)
}

fn node(left: &Digest, right: &Digest) -> Digest {
	let mut preimage = [1u8; 65];
	preimage[1..33].copy_from_slice(left);
	preimage[33..].copy_from_slice(right);
	blake2_256(&preimage)
}

/// A root computed while the leaves arrive, in memory that grows with the logarithm of their number.
#[derive(Clone, Debug, Default)]
pub struct RootBuilder {
	/// Roots of complete subtrees, largest first, with their heights.
	peaks: Vec<(u32, Digest)>,
}

impl RootBuilder {
	/// Appends a leaf's digest.
	pub fn push(&mut self, leaf: Digest) {
		let (mut height, mut hash) = (0, leaf);
		while let Some((_, left)) = self.peaks.pop_if(|(h, _)| *h == height) {
			hash = node(&left, &hash);
			height = height.saturating_add(1);
		}
		self.peaks.push((height, hash));
	}

	/// The root over the leaves so far; the hash of no bytes when there are none.
	pub fn root(&self) -> Digest {
		let mut peaks = self.peaks.iter().rev().map(|(_, hash)| *hash);
		let Some(last) = peaks.next() else { return blake2_256(&[]) };
		peaks.fold(last, |right, left| node(&left, &right))
	}
}

/// The root over leaf digests.
pub fn root(leaves: &[Digest]) -> Digest {
	let mut builder = RootBuilder::default();
	leaves.iter().for_each(|l| builder.push(*l));
	builder.root()
}

/// The sibling digests from leaf `index` up to the root, or `None` when there is no such leaf.
pub fn proof(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
	leaves.get(index)?;
	let (mut level, mut at, mut path) = (leaves.to_vec(), index, Vec::new());
	while level.len() > 1 {
		if let Some(sibling) = level.get(at ^ 1) {
			path.push(*sibling);
		}
		level = level
			.chunks(2)
			.map(|pair| match pair {
				[left, right] => node(left, right),
				rest => rest[0],
			})
			.collect();
		at /= 2;
	}
	Some(path)
}

/// The root that `leaf` at `index` of `count` leaves has by these siblings, or `None` when there are too few, too many, or no
/// such leaf.
pub fn climb(count: usize, index: usize, leaf: Digest, siblings: &[Digest]) -> Option<Digest> {
	if index >= count {
		return None;
	}
	let (mut at, mut width, mut hash, mut path) = (index, count, leaf, siblings.iter());
	while width > 1 {
		if at ^ 1 < width {
			let sibling = path.next()?;
			hash = if at.is_multiple_of(2) { node(&hash, sibling) } else { node(sibling, &hash) };
		}
		at /= 2;
		width = width.div_ceil(2);
	}
	path.next().is_none().then_some(hash)
}

/// Whether `leaf` stands at `index` of the `count` leaves under `root`.
pub fn verify(root: &Digest, count: usize, index: usize, leaf: Digest, proof: &[Digest]) -> bool {
	climb(count, index, leaf, proof) == Some(*root)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn leaves(n: usize) -> Vec<Digest> {
		(0..n).map(|i| leaf(0, i as u32, &[i as u8])).collect()
	}

	#[test]
	fn root_of_nothing_should_be_the_hash_of_no_bytes() {
		assert_eq!(root(&[]), blake2_256(&[]));
	}

	#[test]
	fn same_bytes_elsewhere_should_be_another_leaf() {
		assert_ne!(leaf(0, 0, b"a"), leaf(0, 1, b"a"));
		assert_ne!(leaf(0, 1, b"a"), leaf(1, 0, b"a"));
	}

	proptest! {
		#[test]
		fn every_leaf_should_verify_at_its_own_place_only(n in 1usize..70, i in 0usize..70, j in 0usize..70) {
			let (i, j) = (i % n, j % n);
			let leaves = leaves(n);
			let (root, path) = (root(&leaves), proof(&leaves, i).unwrap());
			prop_assert!(verify(&root, n, i, leaves[i], &path));
			if i != j {
				prop_assert!(!verify(&root, n, j, leaves[i], &path));
				prop_assert!(!verify(&root, n, i, leaves[j], &path));
			}
			prop_assert!(!verify(&root, n, n, leaves[i], &path));
			let mut longer = path.clone();
			longer.push([0; 32]);
			prop_assert!(!verify(&root, n, i, leaves[i], &longer));
		}
	}
}

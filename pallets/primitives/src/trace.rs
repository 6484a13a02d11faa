//! The trace of a run: its state after every step, in chunks, under one root.
//!
//! An operator commits to the root together with the result. Whoever is asked later to confirm a published result, an
//! auditor or a juror, has to open one chunk that chance picks for it alone: knowing the digests is not enough, the run has
//! to be made.

use alloc::vec::Vec;
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_crypto_hashing::blake2_256;

use crate::{
	merkle::{self, RootBuilder, CHUNK},
	Digest,
};

/// Deepest tree of an opening: a run of 2^24 steps, or a state of 16 GiB.
pub const MAX_DEPTH: u32 = 24;

/// The root over a run: `H("AUTON/trace/1" ‖ u32 steps ‖ u32 chunks of a step ‖ root over the steps' roots)`, integers
/// little-endian. The counts are part of it, so that an opening proves how many chunks chance had to pick from.
fn root_of(steps: u32, chunks: u32, root: &Digest) -> Digest {
	(b"AUTON/trace/1", steps, chunks, root).using_encoded(blake2_256)
}

/// Leaves of a step: its state in pieces of 1 KiB, numbered.
fn leaves(step: u32, state: &[u8]) -> impl Iterator<Item = Digest> + '_ {
	(0u32..).zip(state.chunks(CHUNK)).map(move |(index, chunk)| merkle::leaf(step, index, chunk))
}

fn step_root(step: u32, state: &[u8]) -> Digest {
	let mut chunks = RootBuilder::default();
	leaves(step, state).for_each(|leaf| chunks.push(leaf));
	chunks.root()
}

/// The trace root of a run whose steps have these roots, as [`TraceBuilder::last_step`] gives them, and `chunks` chunks each.
pub fn root_of_steps(step_roots: &[Digest], chunks: u32) -> Digest {
	root_of(u32::try_from(step_roots.len()).unwrap_or(u32::MAX), chunks, &merkle::root(step_roots))
}

/// The trace root of a run while it goes on, in memory that grows with the logarithm of the steps.
#[derive(Clone, Debug, Default)]
pub struct TraceBuilder {
	roots: RootBuilder,
	last: Option<Digest>,
	steps: u32,
	chunks: u32,
}

impl TraceBuilder {
	/// Appends the state after the next step: a latent as f32-LE, or a row of logits as f32-LE. Every state of a run has the
	/// same length.
	pub fn push(&mut self, state: &[u8]) {
		let chunks = u32::try_from(state.len().div_ceil(CHUNK)).unwrap_or(u32::MAX);
		debug_assert!(self.steps == 0 || self.chunks == chunks, "the states of a run have one length");
		self.chunks = chunks;
		let root = step_root(self.steps, state);
		self.roots.push(root);
		self.last = Some(root);
		self.steps = self.steps.saturating_add(1);
	}

	/// Root over the chunks of the newest step, `None` before the first.
	pub fn last_step(&self) -> Option<Digest> {
		self.last
	}

	/// Chunks of each step, 0 before the first.
	pub fn chunks(&self) -> u32 {
		self.chunks
	}

	/// The root over the steps so far.
	pub fn root(&self) -> Digest {
		root_of(self.steps, self.chunks, &self.roots.root())
	}
}

/// The step and the chunk of it that an operator has to open: `H("AUTON/open/1" ‖ operator ‖ draw)`, its first 16 bytes
/// modulo all chunks. `None` for a run without any.
pub fn position(operator: &[u8; 32], draw: &Digest, steps: u32, chunks: u32) -> Option<(u32, u32)> {
	let hash = (b"AUTON/open/1", operator, draw).using_encoded(blake2_256);
	let mut first = [0; 16];
	first.copy_from_slice(&hash[..16]);
	let all = u64::from(steps).saturating_mul(chunks.into());
	let at = u64::try_from(u128::from_le_bytes(first).checked_rem(all.into())?).ok()?;
	let (step, chunk) = (at.checked_div(chunks.into())?, at.checked_rem(chunks.into())?);
	Some((u32::try_from(step).ok()?, u32::try_from(chunk).ok()?))
}

/// Siblings from a leaf to the root.
pub type Path = BoundedVec<Digest, ConstU32<MAX_DEPTH>>;

/// One chunk of a trace with its way to the trace root. Which chunk it is follows from who opens it and for which draw.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct TraceOpening {
	/// Steps of the run.
	pub steps: u32,
	/// Chunks of each step.
	pub chunks: u32,
	/// The chunk: 1 KiB, the last of a step may be shorter.
	pub chunk: BoundedVec<u8, ConstU32<{ CHUNK as u32 }>>,
	/// From the chunk to its step's root.
	pub chunk_path: Path,
	/// From the step's root to the root over the steps.
	pub step_path: Path,
}

impl TraceOpening {
	/// Opens the chunk that `operator` has to open for `draw`, from the states after each step of a run. `None` when there
	/// is none, or the run is beyond [`MAX_DEPTH`].
	pub fn new(states: &[Vec<u8>], operator: &[u8; 32], draw: &Digest) -> Option<Self> {
		let steps = u32::try_from(states.len()).ok()?;
		let chunks = u32::try_from(states.first()?.len().div_ceil(CHUNK)).ok()?;
		let (step, _) = position(operator, draw, steps, chunks)?;
		let roots: Vec<_> = (0u32..).zip(states).map(|(step, state)| step_root(step, state)).collect();
		Self::of_step(&roots, states.get(step as usize)?, operator, draw)
	}

	/// The same from less: the roots of all steps, and the state after the one step that [`position`] names.
	pub fn of_step(step_roots: &[Digest], state: &[u8], operator: &[u8; 32], draw: &Digest) -> Option<Self> {
		let steps = u32::try_from(step_roots.len()).ok()?;
		let chunks = u32::try_from(state.len().div_ceil(CHUNK)).ok()?;
		let (step, index) = position(operator, draw, steps, chunks)?;
		let chunk = state.chunks(CHUNK).nth(index as usize)?.to_vec();
		let leaves: Vec<_> = leaves(step, state).collect();
		Some(Self {
			steps,
			chunks,
			chunk: chunk.try_into().ok()?,
			chunk_path: merkle::proof(&leaves, index as usize)?.try_into().ok()?,
			step_path: merkle::proof(step_roots, step as usize)?.try_into().ok()?,
		})
	}

	/// The opening that takes longest to verify, with its trace root: a full chunk under the deepest trees.
	#[cfg(feature = "runtime-benchmarks")]
	pub fn deepest(operator: &[u8; 32], draw: &Digest) -> Option<(Self, Digest)> {
		let leaves = 1usize.checked_shl(MAX_DEPTH)?;
		let count = u32::try_from(leaves).ok()?;
		let (step, index) = position(operator, draw, count, count)?;
		let chunk = BoundedVec::truncate_from(alloc::vec![5; CHUNK]);
		let path = BoundedVec::truncate_from(alloc::vec![[6; 32]; MAX_DEPTH as usize]);
		let step_root = merkle::climb(leaves, index as usize, merkle::leaf(step, index, &chunk), &path)?;
		let root = merkle::climb(leaves, step as usize, step_root, &path)?;
		let opening = Self { steps: count, chunks: count, chunk, chunk_path: path.clone(), step_path: path };
		Some((opening, root_of(count, count, &root)))
	}

	/// Whether this opens the chunk that `operator` has to open for `draw`, under a trace root.
	pub fn verify(&self, trace_root: &Digest, operator: &[u8; 32], draw: &Digest) -> bool {
		let Some((step, index)) = position(operator, draw, self.steps, self.chunks) else { return false };
		let leaf = merkle::leaf(step, index, &self.chunk);
		let Some(step_root) = merkle::climb(self.chunks as usize, index as usize, leaf, &self.chunk_path) else {
			return false;
		};
		let Some(root) = merkle::climb(self.steps as usize, step as usize, step_root, &self.step_path) else {
			return false;
		};
		root_of(self.steps, self.chunks, &root) == *trace_root
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn run(steps: usize, length: usize) -> (Vec<Vec<u8>>, Digest) {
		let states: Vec<Vec<u8>> = (0..steps).map(|s| (0..length).map(|i| (s * 31 + i) as u8).collect()).collect();
		let mut builder = TraceBuilder::default();
		states.iter().for_each(|state| builder.push(state));
		(states, builder.root())
	}

	#[test]
	fn root_should_depend_on_the_counts() {
		let root = [7; 32];
		assert_ne!(root_of(2, 6, &root), root_of(6, 2, &root));
	}

	#[test]
	fn nothing_should_be_opened_when_the_run_is_empty() {
		assert_eq!(TraceOpening::new(&[], &[1; 32], &[2; 32]), None);
		assert_eq!(TraceOpening::new(&[Vec::new()], &[1; 32], &[2; 32]), None);
		assert_eq!(position(&[1; 32], &[2; 32], 0, 5), None);
	}

	proptest! {
		#[test]
		fn steps_should_be_enough_for_the_root_and_an_opening(
			steps in 1usize..12, length in 1usize..5000, operator: [u8; 32], draw: [u8; 32],
		) {
			let (states, root) = run(steps, length);
			let mut builder = TraceBuilder::default();
			prop_assert_eq!((builder.last_step(), builder.chunks()), (None, 0));
			let roots: Vec<_> = states
				.iter()
				.map(|state| {
					builder.push(state);
					builder.last_step().unwrap()
				})
				.collect();
			prop_assert_eq!(root_of_steps(&roots, builder.chunks()), root);
			let (step, _) = position(&operator, &draw, steps as u32, builder.chunks()).unwrap();
			let opening = TraceOpening::of_step(&roots, &states[step as usize], &operator, &draw);
			prop_assert_eq!(opening, TraceOpening::new(&states, &operator, &draw));
		}

		#[test]
		fn opening_should_verify_for_its_operator_draw_and_root_alone(
			steps in 1usize..12, length in 1usize..5000, operator: [u8; 32], draw: [u8; 32],
		) {
			let (states, root) = run(steps, length);
			let opening = TraceOpening::new(&states, &operator, &draw).unwrap();
			prop_assert!(opening.verify(&root, &operator, &draw));
			prop_assert!(!opening.verify(&[0; 32], &operator, &draw));
			let mut other = opening.clone();
			other.chunk[0] ^= 1;
			prop_assert!(!other.verify(&root, &operator, &draw));
			let more = TraceOpening { steps: opening.steps + 1, ..opening.clone() };
			prop_assert!(!more.verify(&root, &operator, &draw));
			// Another operator has to open another chunk, unless chance picks the same one for both.
			let mut stranger = operator;
			stranger[0] ^= 1;
			let (steps, chunks) = (opening.steps, opening.chunks);
			let same = position(&operator, &draw, steps, chunks) == position(&stranger, &draw, steps, chunks);
			prop_assert_eq!(opening.verify(&root, &stranger, &draw), same);
		}

		#[test]
		fn opening_should_not_verify_when_it_is_of_another_run(draw: [u8; 32], length in 1usize..3000) {
			let (states, _) = run(3, length);
			let (_, other) = run(4, length);
			let opening = TraceOpening::new(&states, &[1; 32], &draw).unwrap();
			prop_assert!(!opening.verify(&other, &[1; 32], &draw));
		}
	}
}

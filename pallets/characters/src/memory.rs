//! What a character remembers: the hash chain of its jobs. Nothing of FRAME.

use autonomy_primitives::{CharacterId, Digest, JobId};
use codec::Encode;
use sp_crypto_hashing::blake2_256;

use crate::types::Memory;

/// The memory of a character that has not done any job: `H("AUTON/memory/0" ‖ u32 character)`.
pub fn no_memory(character: CharacterId) -> Memory {
	Memory { head: (b"AUTON/memory/0", character).using_encoded(blake2_256), sequence: 0 }
}

/// The memory after a job: `H("AUTON/memory/1" ‖ memory ‖ u64 job ‖ result)`.
pub fn remember(memory: &Memory, job: JobId, result: &Digest) -> Memory {
	let head = (b"AUTON/memory/1", memory.head, job, result).using_encoded(blake2_256);
	Memory { head, sequence: memory.sequence.saturating_add(1) }
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn memory_should_depend_on_character_order_and_every_part() {
		assert_ne!(no_memory(0), no_memory(1));
		let start = no_memory(0);
		let one = remember(&start, 1, &[1; 32]);
		assert_eq!(one.sequence, 1);
		assert_ne!(one, remember(&start, 2, &[1; 32]));
		assert_ne!(one, remember(&start, 1, &[2; 32]));
		let both = remember(&one, 2, &[2; 32]);
		assert_ne!(both, remember(&remember(&start, 2, &[2; 32]), 1, &[1; 32]));
		assert_eq!(both.sequence, 2);
	}
}

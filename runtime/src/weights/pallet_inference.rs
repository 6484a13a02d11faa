//! Weights of `pallet_inference`, measured by `scripts/benchmark`; not edited by hand.
//!
//! 2026-11-21, on AMD EPYC: 20 steps, 10 repeats, compiled WebAssembly, worst case map size
//! 1000000.
//!
//! Counted from the code since then, until they are measured again: splits, payees, characters and versions in `submit_job`,
//! `cancel_job`, `prove_engine`, `agenda_job`, and all of `report_evaluation`.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(clippy::arithmetic_side_effects, unused_imports, unused_parens)]

use core::marker::PhantomData;
use frame_support::{traits::Get, weights::Weight};

/// Measured weights, with the runtime's own database costs.
pub struct WeightInfo<T>(PhantomData<T>);

impl<T: frame_system::Config> pallet_inference::WeightInfo for WeightInfo<T> {
	/// Storage: `Inference::Operators` (r:2 w:1)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `Inference::WorkerOf` (r:2 w:1)
	/// Proof: `Inference::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(265), added: 2740, mode: `MaxEncodedLen`)
	fn register_operator() -> Weight {
		// Proof size: 109 bytes measured.
		// Shortest run: 51_728_000 ps.
		Weight::from_parts(54_251_000, 6278)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	/// Storage: `Inference::Operators` (r:2 w:1)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `Inference::WorkerOf` (r:1 w:2)
	/// Proof: `Inference::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	fn set_worker_key() -> Weight {
		// Proof size: 297 bytes measured.
		// Shortest run: 15_523_000 ps.
		Weight::from_parts(16_475_000, 6278)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	/// Storage: `Inference::Operators` (r:1 w:1)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(265), added: 2740, mode: `MaxEncodedLen`)
	fn bond_more() -> Weight {
		// Proof size: 387 bytes measured.
		// Shortest run: 48_553_000 ps.
		Weight::from_parts(50_716_000, 3730)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	/// Storage: `Inference::Operators` (r:1 w:1)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	fn start_unbond() -> Weight {
		// Proof size: 229 bytes measured.
		// Shortest run: 8_863_000 ps.
		Weight::from_parts(9_554_000, 3634)
			.saturating_add(T::DbWeight::get().reads(1))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	/// Storage: `Inference::Operators` (r:1 w:1)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(265), added: 2740, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OpenSeats` (r:0 w:1)
	/// Proof: `Inference::OpenSeats` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
	/// Storage: `Inference::WorkerOf` (r:0 w:1)
	/// Proof: `Inference::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	fn withdraw() -> Weight {
		// Proof size: 391 bytes measured.
		// Shortest run: 46_660_000 ps.
		Weight::from_parts(49_314_000, 3730)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	/// Storage: `Inference::Operators` (r:2 w:1)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `Inference::WorkerOf` (r:1 w:0)
	/// Proof: `Inference::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	/// Storage: `Models::Models` (r:1 w:0)
	/// Proof: `Models::Models` (`max_values`: None, `max_size`: Some(2899), added: 5374, mode: `MaxEncodedLen`)
	/// Storage: `Models::Collection` (r:1 w:0)
	/// Proof: `Models::Collection` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Nfts::Item` (r:1 w:0)
	/// Proof: `Nfts::Item` (`max_values`: None, `max_size`: Some(861), added: 3336, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Memberships` (r:1 w:1)
	/// Proof: `Inference::Memberships` (`max_values`: None, `max_size`: Some(565), added: 3040, mode: `MaxEncodedLen`)
	fn join_model() -> Weight {
		// Proof size: 3683 bytes measured.
		// Shortest run: 30_506_000 ps.
		Weight::from_parts(32_339_000, 6364)
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	/// Storage: `Inference::Operators` (r:1 w:1)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Memberships` (r:2 w:2)
	/// Proof: `Inference::Memberships` (`max_values`: None, `max_size`: Some(565), added: 3040, mode: `MaxEncodedLen`)
	/// Storage: `Inference::SlotCount` (r:1 w:1)
	/// Proof: `Inference::SlotCount` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
	/// Storage: `Inference::SlotAt` (r:100 w:200)
	/// Proof: `Inference::SlotAt` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OperatorCount` (r:1 w:1)
	/// Proof: `Inference::OperatorCount` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
	/// `s` was measured from 1 to 100.
	fn leave_model(s: u32, ) -> Weight {
		// Proof size: 3226 + s * 62 bytes measured.
		// Shortest run: 37_326_000 ps.
		Weight::from_parts(39_148_198, 7070)
			// Standard error: 4_502.
			.saturating_add(Weight::from_parts(8_108_129, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().reads((1_u64).saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(5))
			.saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(s.into())))
			.saturating_add(Weight::from_parts(0, 2531).saturating_mul(s.into()))
	}
	/// Storage: `Inference::WorkerOf` (r:1 w:0)
	/// Proof: `Inference::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Memberships` (r:1 w:1)
	/// Proof: `Inference::Memberships` (`max_values`: None, `max_size`: Some(565), added: 3040, mode: `MaxEncodedLen`)
	/// Storage: `Models::Models` (r:1 w:0)
	/// Proof: `Models::Models` (`max_values`: None, `max_size`: Some(2899), added: 5374, mode: `MaxEncodedLen`)
	/// Storage: `Models::Collection` (r:1 w:0)
	/// Proof: `Models::Collection` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Nfts::Item` (r:1 w:0)
	/// Proof: `Nfts::Item` (`max_values`: None, `max_size`: Some(861), added: 3336, mode: `MaxEncodedLen`)
	/// Storage: `Inference::SlotCount` (r:1 w:1)
	/// Proof: `Inference::SlotCount` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OperatorCount` (r:1 w:1)
	/// Proof: `Inference::OperatorCount` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
	/// Storage: `Inference::SlotAt` (r:0 w:100)
	/// Proof: `Inference::SlotAt` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
	/// `s` was measured from 1 to 100.
	fn prove_engine(s: u32, ) -> Weight {
		// Proof size: 3278 bytes measured.
		// Shortest run: 24_877_000 ps.
		Weight::from_parts(25_185_322, 6364)
			// Standard error: 624.
			.saturating_add(Weight::from_parts(1_616_825, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().writes(3))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(s.into())))
	}
	/// Storage: `Models::Models` (r:1 w:0)
	/// Proof: `Models::Models` (`max_values`: None, `max_size`: Some(2899), added: 5374, mode: `MaxEncodedLen`)
	/// Storage: `Models::Collection` (r:1 w:0)
	/// Proof: `Models::Collection` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Nfts::Item` (r:1 w:0)
	/// Proof: `Nfts::Item` (`max_values`: None, `max_size`: Some(861), added: 3336, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:4 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Market::Terms` (r:1 w:0)
	/// Proof: `Market::Terms` (`max_values`: None, `max_size`: Some(98), added: 2573, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OperatorCount` (r:1 w:0)
	/// Proof: `Inference::OperatorCount` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OpenJobs` (r:1 w:1)
	/// Proof: `Inference::OpenJobs` (`max_values`: None, `max_size`: Some(52), added: 2527, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(265), added: 2740, mode: `MaxEncodedLen`)
	/// Storage: `Inference::NextJobId` (r:1 w:1)
	/// Proof: `Inference::NextJobId` (`max_values`: Some(1), `max_size`: Some(8), added: 503, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Agenda` (r:0 w:1)
	/// Proof: `Inference::Agenda` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Jobs` (r:0 w:1)
	/// Proof: `Inference::Jobs` (`max_values`: None, `max_size`: Some(11515), added: 13990, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Splits` (r:0 w:1)
	/// Proof: `Inference::Splits` (`max_values`: None, `max_size`: Some(903), added: 3378, mode: `MaxEncodedLen`)
	/// Counted: who is paid for a model and its sixteen ancestors (r:50), and for a character (r:4).
	fn submit_job() -> Weight {
		// Proof size: 4208 bytes measured.
		// Shortest run: 147_852_000 ps.
		Weight::from_parts(420_000_000, 180_000)
			.saturating_add(T::DbWeight::get().reads(67))
			.saturating_add(T::DbWeight::get().writes(7))
	}
	/// Storage: `Inference::Jobs` (r:1 w:1)
	/// Proof: `Inference::Jobs` (`max_values`: None, `max_size`: Some(11515), added: 13990, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(265), added: 2740, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OpenJobs` (r:1 w:1)
	/// Proof: `Inference::OpenJobs` (`max_values`: None, `max_size`: Some(52), added: 2527, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Agenda` (r:0 w:1)
	/// Proof: `Inference::Agenda` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Splits` (r:0 w:1)
	/// Proof: `Inference::Splits` (`max_values`: None, `max_size`: Some(903), added: 3378, mode: `MaxEncodedLen`)
	/// Counted: the character or the registry that is told (r:4 w:4).
	fn cancel_job() -> Weight {
		// Proof size: 4998 bytes measured.
		// Shortest run: 86_570_000 ps.
		Weight::from_parts(141_117_000, 25_000)
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(10))
	}
	/// Storage: `Inference::WorkerOf` (r:1 w:0)
	/// Proof: `Inference::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Jobs` (r:1 w:1)
	/// Proof: `Inference::Jobs` (`max_values`: None, `max_size`: Some(11515), added: 13990, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Juries` (r:1 w:1)
	/// Proof: `Inference::Juries` (`max_values`: None, `max_size`: Some(3903), added: 6378, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Agenda` (r:0 w:2)
	/// Proof: `Inference::Agenda` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	fn commit() -> Weight {
		// Proof size: 9602 bytes measured.
		// Shortest run: 53_810_000 ps.
		Weight::from_parts(67_902_000, 14980)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	/// Storage: `Inference::Jobs` (r:1 w:1)
	/// Proof: `Inference::Jobs` (`max_values`: None, `max_size`: Some(11515), added: 13990, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Juries` (r:1 w:1)
	/// Proof: `Inference::Juries` (`max_values`: None, `max_size`: Some(3903), added: 6378, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Agenda` (r:0 w:2)
	/// Proof: `Inference::Agenda` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	fn reveal() -> Weight {
		// Proof size: 11189 bytes measured.
		// Shortest run: 148_613_000 ps.
		Weight::from_parts(164_697_000, 14980)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	/// Storage: `Inference::Jobs` (r:1 w:0)
	/// Proof: `Inference::Jobs` (`max_values`: None, `max_size`: Some(11515), added: 13990, mode: `MaxEncodedLen`)
	fn poke() -> Weight {
		// Proof size: 7362 bytes measured.
		// Shortest run: 12_089_000 ps.
		Weight::from_parts(13_661_000, 14980)
			.saturating_add(T::DbWeight::get().reads(1))
	}
	/// Storage: `Inference::WorkerOf` (r:1 w:0)
	/// Proof: `Inference::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Jobs` (r:1 w:1)
	/// Proof: `Inference::Jobs` (`max_values`: None, `max_size`: Some(11515), added: 13990, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Operators` (r:1 w:1)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OpenSeats` (r:1 w:1)
	/// Proof: `Inference::OpenSeats` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Agenda` (r:0 w:2)
	/// Proof: `Inference::Agenda` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	fn decline() -> Weight {
		// Proof size: 7054 bytes measured.
		// Shortest run: 65_208_000 ps.
		Weight::from_parts(70_415_000, 14980)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	/// Storage: `Inference::WorkerOf` (r:1 w:0)
	/// Proof: `Inference::WorkerOf` (`max_values`: None, `max_size`: Some(80), added: 2555, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Jobs` (r:1 w:1)
	/// Proof: `Inference::Jobs` (`max_values`: None, `max_size`: Some(11515), added: 13990, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Agenda` (r:0 w:2)
	/// Proof: `Inference::Agenda` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Juries` (r:0 w:1)
	/// Proof: `Inference::Juries` (`max_values`: None, `max_size`: Some(3903), added: 6378, mode: `MaxEncodedLen`)
	fn audit() -> Weight {
		// Proof size: 7750 bytes measured.
		// Shortest run: 143_846_000 ps.
		Weight::from_parts(153_159_000, 14980)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	/// Storage: `Inference::Jobs` (r:1 w:1)
	/// Proof: `Inference::Jobs` (`max_values`: None, `max_size`: Some(11515), added: 13990, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(265), added: 2740, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Agenda` (r:0 w:2)
	/// Proof: `Inference::Agenda` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Juries` (r:0 w:1)
	/// Proof: `Inference::Juries` (`max_values`: None, `max_size`: Some(3903), added: 6378, mode: `MaxEncodedLen`)
	fn challenge() -> Weight {
		// Proof size: 7864 bytes measured.
		// Shortest run: 78_578_000 ps.
		Weight::from_parts(85_258_000, 14980)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(6))
	}
	/// Storage: `Inference::EngineFaults` (r:1 w:1)
	/// Proof: `Inference::EngineFaults` (`max_values`: None, `max_size`: Some(2508), added: 4983, mode: `MaxEncodedLen`)
	/// Storage: `Inference::PausedClasses` (r:4 w:4)
	/// Proof: `Inference::PausedClasses` (`max_values`: None, `max_size`: Some(25), added: 2500, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:38 w:38)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(265), added: 2740, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:77 w:77)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Operators` (r:38 w:38)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:1 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// `n` was measured from 1 to 38.
	fn resolve_engine_fault(n: u32, ) -> Weight {
		// Proof size: 469 + n * 530 bytes measured.
		// Shortest run: 98_067_000 ps.
		Weight::from_parts(37_689_131, 10990)
			// Standard error: 48_900.
			.saturating_add(Weight::from_parts(54_014_181, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().reads((4_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(6))
			.saturating_add(T::DbWeight::get().writes((4_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 5206).saturating_mul(n.into()))
	}
	/// Storage: `Inference::Provenance` (r:1 w:0)
	/// Proof: `Inference::Provenance` (`max_values`: None, `max_size`: Some(291), added: 2766, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OpenEvaluations` (r:1 w:1)
	/// Proof: `Inference::OpenEvaluations` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
	/// Storage: `System::BlockHash` (r:1 w:0)
	/// Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
	/// Counted: the registry that accepts the version by itself (r:12 w:12).
	fn report_evaluation() -> Weight {
		Weight::from_parts(200_000_000, 60_000)
			.saturating_add(T::DbWeight::get().reads(15))
			.saturating_add(T::DbWeight::get().writes(13))
	}
	/// Storage: `Inference::AgendaCursor` (r:1 w:0)
	/// Proof: `Inference::AgendaCursor` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	fn agenda_base() -> Weight {
		// Proof size: 32 bytes measured.
		// Shortest run: 2_644_000 ps.
		Weight::from_parts(2_934_000, 1489)
			.saturating_add(T::DbWeight::get().reads(1))
	}
	/// Storage: `Inference::AgendaCursor` (r:1 w:1)
	/// Proof: `Inference::AgendaCursor` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Agenda` (r:1 w:0)
	/// Proof: `Inference::Agenda` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	fn agenda_block() -> Weight {
		// Proof size: 32 bytes measured.
		// Shortest run: 5_188_000 ps.
		Weight::from_parts(5_939_000, 3493)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	/// Storage: `Inference::Jobs` (r:1 w:1)
	/// Proof: `Inference::Jobs` (`max_values`: None, `max_size`: Some(11515), added: 13990, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Juries` (r:1 w:1)
	/// Proof: `Inference::Juries` (`max_values`: None, `max_size`: Some(3903), added: 6378, mode: `MaxEncodedLen`)
	/// Storage: `Parameters::Parameters` (r:2 w:0)
	/// Proof: `Parameters::Parameters` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:10 w:10)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(265), added: 2740, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:39 w:39)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Operators` (r:37 w:37)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OpenSeats` (r:37 w:37)
	/// Proof: `Inference::OpenSeats` (`max_values`: None, `max_size`: Some(562), added: 3037, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OpenJobs` (r:1 w:1)
	/// Proof: `Inference::OpenJobs` (`max_values`: None, `max_size`: Some(52), added: 2527, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Agenda` (r:0 w:1)
	/// Proof: `Inference::Agenda` (`max_values`: None, `max_size`: Some(28), added: 2503, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Provenance` (r:0 w:1)
	/// Proof: `Inference::Provenance` (`max_values`: None, `max_size`: Some(291), added: 2766, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Splits` (r:1 w:1)
	/// Proof: `Inference::Splits` (`max_values`: None, `max_size`: Some(903), added: 3378, mode: `MaxEncodedLen`)
	/// Storage: `Inference::OpenEvaluations` (r:0 w:1)
	/// Proof: `Inference::OpenEvaluations` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
	/// Counted: twenty-three payees and two treasuries (`System::Account` r:25 w:25, `Bonds::Pots` r:18 w:18), and the
	/// character that is told (r:12 w:12).
	/// `n` was measured from 3 to 37.
	fn agenda_job(n: u32, ) -> Weight {
		// Proof size: 5449 + n * 527 bytes measured.
		// Shortest run: 255_854_000 ps.
		Weight::from_parts(1_400_000_000, 180_000)
			// Standard error: 80_621.
			.saturating_add(Weight::from_parts(51_255_057, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(65))
			.saturating_add(T::DbWeight::get().reads((3_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(66))
			.saturating_add(T::DbWeight::get().writes((3_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 3037).saturating_mul(n.into()))
	}
	/// Storage: `Inference::SlotCount` (r:1 w:0)
	/// Proof: `Inference::SlotCount` (`max_values`: None, `max_size`: Some(16), added: 2491, mode: `MaxEncodedLen`)
	/// Storage: `Inference::SlotAt` (r:149 w:0)
	/// Proof: `Inference::SlotAt` (`max_values`: None, `max_size`: Some(56), added: 2531, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Operators` (r:149 w:0)
	/// Proof: `Inference::Operators` (`max_values`: None, `max_size`: Some(169), added: 2644, mode: `MaxEncodedLen`)
	/// Storage: `Inference::Memberships` (r:149 w:0)
	/// Proof: `Inference::Memberships` (`max_values`: None, `max_size`: Some(565), added: 3040, mode: `MaxEncodedLen`)
	/// Storage: `Inference::PausedClasses` (r:1 w:0)
	/// Proof: `Inference::PausedClasses` (`max_values`: None, `max_size`: Some(25), added: 2500, mode: `MaxEncodedLen`)
	/// `a` was measured from 1 to 240.
	fn agenda_draw(a: u32, ) -> Weight {
		// Proof size: 307 + a * 234 bytes measured.
		// Shortest run: 22_123_000 ps.
		Weight::from_parts(1_593_995, 3490)
			// Standard error: 35_844.
			.saturating_add(Weight::from_parts(14_333_637, 0).saturating_mul(a.into()))
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(a.into())))
			.saturating_add(Weight::from_parts(0, 1877).saturating_mul(a.into()))
	}

	/// Counted: Provenance, OpenBallots, BlockHash; the job, the decision and the shadow votes of governance.
	fn report_ballot() -> Weight {
		Weight::from_parts(100_000_000, 30_000)
			.saturating_add(T::DbWeight::get().reads(6))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	/// Counted: the job and the decision of governance.
	fn ballot_failed() -> Weight {
		Weight::from_parts(50_000_000, 15_000)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
}

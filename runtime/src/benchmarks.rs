//! The benchmarks that weights are measured with.

use alloc::{string::String, vec::Vec};
use frame_benchmarking::{baseline, define_benchmarks, BenchmarkBatch, BenchmarkConfig, BenchmarkList};
use frame_support::traits::{StorageInfo, StorageInfoTrait, WhitelistedStorageKeys};

use crate::{AllPalletsWithSystem, Runtime};

type Baseline = baseline::Pallet<Runtime>;
type SystemBenchmarks = frame_system_benchmarking::Pallet<Runtime>;

impl baseline::Config for Runtime {}
impl frame_system_benchmarking::Config for Runtime {}

define_benchmarks!(
	[frame_benchmarking, Baseline]
	[frame_system, SystemBenchmarks]
	[pallet_assets, crate::Assets]
	[pallet_balances, crate::Balances]
	[pallet_bonds, crate::Bonds]
	[pallet_characters, crate::Characters]
	[pallet_collective, crate::GuardCommittee]
	[pallet_creations, crate::Creations]
	[pallet_democracy, crate::Democracy]
	[pallet_dso, crate::Dso]
	[pallet_inference, crate::Inference]
	[pallet_market, crate::Market]
	[pallet_models, crate::Models]
	[pallet_multisig, crate::Multisig]
	[pallet_nfts, crate::Nfts]
	[pallet_parameters, crate::Parameters]
	[pallet_preimage, crate::Preimage]
	[pallet_proxy, crate::Proxy]
	[pallet_scheduler, crate::Scheduler]
	[pallet_sudo, crate::Sudo]
	[pallet_timestamp, crate::Timestamp]
	[pallet_utility, crate::Utility]
);

/// What can be measured. With `extra`, also what no weight needs.
pub fn list(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
	let mut list = Vec::new();
	list_benchmarks!(list, extra);
	(list, AllPalletsWithSystem::storage_info())
}

/// Runs one benchmark.
pub fn dispatch(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
	let whitelist = AllPalletsWithSystem::whitelisted_storage_keys();
	let mut batches = Vec::new();
	let params = (&config, &whitelist);
	add_benchmarks!(params, batches);
	Ok(batches)
}

//! Works and their market: pallet-creations and pallet-market over finished jobs, models and pallet-nfts.

use alloc::vec::Vec;
use autonomy_primitives::{
	community::{CommunityId, Pot, X_COMMUNITY},
	payout::{divide, ModelRevenue, Payee, Share},
	JobId, ModelId,
};
use frame_support::{
	parameter_types,
	traits::{ConstU32, Get},
	PalletId,
};
use pallet_inference::Purpose;
use sp_runtime::Permill;

use super::{
	parameters::{dynamic, ShareWithin},
	rules::MAX_ROYALTY,
	system::deposit,
};
use crate::{
	AccountId, Balance, Balances, BlockNumber, Bonds, Characters, Creations, Inference, Models, Runtime,
	RuntimeHoldReason, AUTON, DAYS, MILLI_AUTON, MINUTES,
};

parameter_types! {
	pub const CreationsPalletId: PalletId = PalletId(*b"aut/crea");
	pub const CreationDepositBase: Balance = deposit(4, 0);
	pub const CreationDepositPerByte: Balance = deposit(0, 1);
	pub const OwnCollectionDeposit: Balance = 10 * AUTON;
}

impl pallet_creations::Config for Runtime {
	type CollectionDeposit = OwnCollectionDeposit;
	type Currency = Balances;
	type DepositBase = CreationDepositBase;
	type DepositPerByte = CreationDepositPerByte;
	type Items = pallet_creations::NftItems<Runtime>;
	type Jobs = FinalJobs;
	type MaxCollectionsPerAccount = ConstU32<100>;
	type PalletId = CreationsPalletId;
	type RoyaltyTerms = ModelRoyalty;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = pallet_creations::weights::SubstrateWeight<Runtime>;
}

/// Jobs that are final, with the kind of output that their model makes.
pub struct FinalJobs;

impl pallet_creations::Provenance<AccountId, BlockNumber> for FinalJobs {
	fn final_job(job: JobId) -> Option<pallet_creations::FinalJob<AccountId, BlockNumber>> {
		let row = Inference::provenance(job)?;
		// What an evaluation or a ballot leaves is a report, not a work.
		match row.purpose {
			Purpose::Plain | Purpose::Character(_) => (),
			Purpose::Evaluation | Purpose::Ballot => return None,
		}
		Some(pallet_creations::FinalJob {
			requester: row.requester,
			model: row.model,
			modality: row.modality,
			engine: row.engine,
			weights_root: row.weights_root,
			seed: row.seed,
			input_hash: row.input_hash,
			result: row.result,
			artifact: row.artifact,
			finalised_at: row.finalised_at,
		})
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_job(requester: &AccountId) -> JobId {
		use codec::Encode;
		use sp_runtime::traits::Hash;
		let job = pallet_inference::NextJobId::<Runtime>::mutate(|next| {
			*next = next.saturating_add(1);
			*next
		});
		let row = pallet_inference::ProvenanceRow {
			model: <Models as autonomy_primitives::model::ModelRegistry<AccountId, Balance>>::benchmark_model(),
			requester: requester.clone(),
			purpose: Purpose::Plain,
			modality: autonomy_primitives::job::Modality::Image,
			engine: [1; 32],
			weights_root: [2; 32],
			input_hash: [3; 32],
			seed: [4; 32],
			result: sp_runtime::traits::BlakeTwo256::hash(&job.encode()).0,
			trace_root: [5; 32],
			artifact: autonomy_primitives::digest::cid(&job.encode()),
			k: 3,
			finalised_at: 1,
		};
		pallet_inference::Provenance::<Runtime>::insert(job, row);
		job
	}
}

/// What a model gets of each sale of a work that it made, divided as its part of a fee is.
type ModelPart = ShareWithin<dynamic::market::ModelRoyalty, 0, MAX_ROYALTY>;
/// What whoever has bonded a character's shares gets of each sale of it, or of a work that was ordered of it.
type CharacterPart = ShareWithin<dynamic::market::CharacterRoyalty, 0, MAX_ROYALTY>;

/// What a character's investors get.
fn character_royalty(community: CommunityId) -> Option<Share<AccountId>> {
	let royalty: Permill = CharacterPart::get();
	(!royalty.is_zero()).then_some((Payee::Pot(community, Pot::Shares), royalty))
}

/// The royalties of the model and of the character behind a work, as they stand when the work is minted.
pub struct ModelRoyalty;

impl pallet_creations::RoyaltyTerms<AccountId> for ModelRoyalty {
	fn terms(job: JobId, model: ModelId) -> Vec<Share<AccountId>> {
		let royalty: Permill = ModelPart::get();
		let of_model = divide(royalty.deconstruct(), &<Models as ModelRevenue<AccountId>>::revenue(model)).into_iter();
		let of_model = of_model.map(|(payee, share)| (payee, Permill::from_parts(share)));
		let community = match Inference::provenance(job).map(|row| row.purpose) {
			Some(Purpose::Character(character)) => Characters::character(character).map(|page| page.info.community),
			Some(Purpose::Plain | Purpose::Evaluation | Purpose::Ballot) | None => None,
		};
		of_model.chain(community.and_then(character_royalty)).collect()
	}
}

parameter_types! {
	/// Gets the market's fee and the platform's part: the treasury of X, which has no key and which X spends from.
	pub TreasuryAccount: AccountId = Bonds::treasury_of(X_COMMUNITY);
	pub const MinPrice: Balance = 10 * MILLI_AUTON;
	pub const MaxDuration: BlockNumber = 365 * DAYS;
	pub const SoftClose: BlockNumber = 10 * MINUTES;
	pub const SaleDepositBase: Balance = deposit(2, 0);
	pub const SaleDepositPerByte: Balance = deposit(0, 1);
}

impl pallet_market::Config for Runtime {
	type Currency = Balances;
	type DepositBase = SaleDepositBase;
	type DepositPerByte = SaleDepositPerByte;
	type Fee = dynamic::market::Fee;
	type Items = pallet_market::NftItems<Runtime>;
	type MaxDuration = MaxDuration;
	type MaxOffersPerAccount = ConstU32<1_000>;
	type MaxSalesPerAccount = ConstU32<1_000>;
	type MinPrice = MinPrice;
	type Models = ModelsForLicence;
	type Revenue = Bonds;
	type RuntimeHoldReason = RuntimeHoldReason;
	type SoftClose = SoftClose;
	type Tradable = OwnedItems;
	type Treasury = TreasuryAccount;
	type WeightInfo = pallet_market::weights::SubstrateWeight<Runtime>;
}

/// What can be sold: works with their royalties, models, and characters, whose investors get their royalty. All of their
/// collections are owned by accounts without a key.
pub struct OwnedItems;

impl pallet_market::Tradable<AccountId, u32, u32> for OwnedItems {
	fn royalties(collection: &u32, item: &u32) -> Option<pallet_market::Royalties<AccountId>> {
		if pallet_models::Collection::<Runtime>::get() == Some(*collection) {
			return Some(Default::default());
		}
		if pallet_characters::Collection::<Runtime>::get() == Some(*collection) {
			let community = Characters::character(*item)?.info.community;
			let investors = character_royalty(community).into_iter().collect();
			return Some(pallet_market::Royalties::truncate_from(investors));
		}
		Creations::royalties(*collection, *item)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_item(owner: &AccountId) -> (u32, u32) {
		Creations::benchmark_creation(owner)
	}
}

/// The models that licences are sold to. The price but the market's fee is divided as the model's part of a fee is.
pub struct ModelsForLicence;

impl pallet_market::LicensedModels<AccountId> for ModelsForLicence {
	fn owner(model: ModelId) -> Option<AccountId> {
		Models::owner(model)
	}

	fn royalties(model: ModelId) -> pallet_market::Royalties<AccountId> {
		// The owner has the rest, so it need not be named.
		let owner = Models::owner(model).map(Payee::Account);
		let payees = <Models as ModelRevenue<AccountId>>::revenue(model).into_iter();
		let others: Vec<_> = payees.filter(|(payee, _)| Some(payee) != owner.as_ref()).collect();
		pallet_market::Royalties::truncate_from(others)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_model(owner: &AccountId) -> ModelId {
		let model = <Models as autonomy_primitives::model::ModelRegistry<AccountId, Balance>>::benchmark_model();
		let collection = pallet_models::Collection::<Runtime>::get().expect("a model was registered");
		let transferred = crate::Nfts::do_transfer(collection, model, owner.clone(), |_, _| Ok(()));
		transferred.expect("a model's NFT can be transferred");
		model
	}
}

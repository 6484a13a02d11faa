//! What nodes and clients may ask of the runtime.

use alloc::vec::Vec;
use autonomy_primitives::{
	community::{Class, CommunityId, Day, Pot, Power, Topic},
	digest::Cid,
	job::JobInput,
	payout::{CharacterPayees, ModelPayees},
	CharacterId, Digest, JobId, ModelId,
};
use codec::Encode;
use frame_support::{
	genesis_builder_helper::{build_state, get_preset},
	view_functions::{ViewFunctionDispatchError, ViewFunctionId},
	weights::Weight,
};
use pallet_characters::{TemplateId, TemplateVersion};
use pallet_dso::KindTag;
use pallet_grandpa::AuthorityId as GrandpaId;
use pallet_market::SaleId;
use pallet_models::{ContributionId, ProposalId, ShareAmount, VersionNumber};
use sp_api::impl_runtime_apis;
use sp_core::{crypto::KeyTypeId, OpaqueMetadata};
use sp_runtime::{
	traits::{Block as BlockT, NumberFor},
	transaction_validity::{TransactionSource, TransactionValidity},
	ApplyExtrinsicResult,
};
use sp_version::RuntimeVersion;

use crate::{
	configs::consensus::EpochDuration, AccountId, Babe, Balance, Block, BlockNumber, Bonds, Characters, Creations, Dso,
	Executive, Grandpa, Hash, Historical, Inference, InherentDataExt, Market, Models, Nonce, Runtime, RuntimeCall,
	RuntimeGenesisConfig, SessionKeys, System, TransactionPayment, BABE_GENESIS_EPOCH_CONFIG, VERSION,
};

type Template = pallet_characters::Template<Balance, BlockNumber>;
type Customisation = pallet_characters::Customisation<Balance>;

impl_runtime_apis! {
	impl sp_api::Core<Block> for Runtime {
		fn version() -> RuntimeVersion {
			VERSION
		}

		fn execute_block(block: <Block as BlockT>::LazyBlock) {
			Executive::execute_block(block);
		}

		fn initialize_block(header: &<Block as BlockT>::Header) -> sp_runtime::ExtrinsicInclusionMode {
			Executive::initialize_block(header)
		}
	}

	impl sp_api::Metadata<Block> for Runtime {
		fn metadata() -> OpaqueMetadata {
			OpaqueMetadata::new(Runtime::metadata().into())
		}

		fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
			Runtime::metadata_at_version(version)
		}

		fn metadata_versions() -> Vec<u32> {
			Runtime::metadata_versions()
		}
	}

	impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
		fn execute_view_function(id: ViewFunctionId, input: Vec<u8>) -> Result<Vec<u8>, ViewFunctionDispatchError> {
			Runtime::execute_view_function(id, input)
		}
	}

	impl sp_block_builder::BlockBuilder<Block> for Runtime {
		fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
			Executive::apply_extrinsic(extrinsic)
		}

		fn finalize_block() -> <Block as BlockT>::Header {
			Executive::finalize_block()
		}

		fn inherent_extrinsics(data: sp_inherents::InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
			data.create_extrinsics()
		}

		fn check_inherents(
			block: <Block as BlockT>::LazyBlock,
			data: sp_inherents::InherentData,
		) -> sp_inherents::CheckInherentsResult {
			data.check_extrinsics(&block)
		}
	}

	impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
		fn validate_transaction(
			source: TransactionSource,
			tx: <Block as BlockT>::Extrinsic,
			block_hash: <Block as BlockT>::Hash,
		) -> TransactionValidity {
			Executive::validate_transaction(source, tx, block_hash)
		}
	}

	impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
		fn offchain_worker(header: &<Block as BlockT>::Header) {
			Executive::offchain_worker(header)
		}
	}

	impl sp_consensus_babe::BabeApi<Block> for Runtime {
		fn configuration() -> sp_consensus_babe::BabeConfiguration {
			let epoch_config = Babe::epoch_config().unwrap_or(BABE_GENESIS_EPOCH_CONFIG);
			sp_consensus_babe::BabeConfiguration {
				slot_duration: Babe::slot_duration(),
				epoch_length: EpochDuration::get(),
				c: epoch_config.c,
				authorities: Babe::authorities().to_vec(),
				randomness: Babe::randomness(),
				allowed_slots: epoch_config.allowed_slots,
			}
		}

		fn current_epoch_start() -> sp_consensus_babe::Slot {
			Babe::current_epoch_start()
		}

		fn current_epoch() -> sp_consensus_babe::Epoch {
			Babe::current_epoch()
		}

		fn next_epoch() -> sp_consensus_babe::Epoch {
			Babe::next_epoch()
		}

		fn generate_key_ownership_proof(
			_slot: sp_consensus_babe::Slot,
			authority_id: sp_consensus_babe::AuthorityId,
		) -> Option<sp_consensus_babe::OpaqueKeyOwnershipProof> {
			use frame_support::traits::KeyOwnerProofSystem;
			Historical::prove((sp_consensus_babe::KEY_TYPE, authority_id))
				.map(|p| sp_consensus_babe::OpaqueKeyOwnershipProof::new(p.encode()))
		}

		fn submit_report_equivocation_unsigned_extrinsic(
			equivocation_proof: sp_consensus_babe::EquivocationProof<<Block as BlockT>::Header>,
			key_owner_proof: sp_consensus_babe::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			Babe::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof.decode()?)
		}
	}

	impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
		fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
			Grandpa::grandpa_authorities()
		}

		fn current_set_id() -> sp_consensus_grandpa::SetId {
			pallet_grandpa::CurrentSetId::<Runtime>::get()
		}

		fn submit_report_equivocation_unsigned_extrinsic(
			equivocation_proof: sp_consensus_grandpa::EquivocationProof<<Block as BlockT>::Hash, NumberFor<Block>>,
			key_owner_proof: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			Grandpa::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof.decode()?)
		}

		fn generate_key_ownership_proof(
			_set_id: sp_consensus_grandpa::SetId,
			authority_id: GrandpaId,
		) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
			use frame_support::traits::KeyOwnerProofSystem;
			Historical::prove((sp_consensus_grandpa::KEY_TYPE, authority_id))
				.map(|p| sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(p.encode()))
		}
	}

	impl sp_session::SessionKeys<Block> for Runtime {
		fn generate_session_keys(owner: Vec<u8>, seed: Option<Vec<u8>>) -> sp_session::OpaqueGeneratedSessionKeys {
			SessionKeys::generate(&owner, seed).into()
		}

		fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
			SessionKeys::decode_into_raw_public_keys(&encoded)
		}
	}

	impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
		fn account_nonce(account: AccountId) -> Nonce {
			System::account_nonce(account)
		}
	}

	impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
		fn query_info(
			uxt: <Block as BlockT>::Extrinsic,
			len: u32,
		) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> {
			TransactionPayment::query_info(uxt, len)
		}

		fn query_fee_details(
			uxt: <Block as BlockT>::Extrinsic,
			len: u32,
		) -> pallet_transaction_payment::FeeDetails<Balance> {
			TransactionPayment::query_fee_details(uxt, len)
		}

		fn query_weight_to_fee(weight: Weight) -> Balance {
			TransactionPayment::weight_to_fee(weight)
		}

		fn query_length_to_fee(length: u32) -> Balance {
			TransactionPayment::length_to_fee(length)
		}
	}

	impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<Block, Balance, RuntimeCall> for Runtime {
		fn query_call_info(
			call: RuntimeCall,
			len: u32,
		) -> pallet_transaction_payment::RuntimeDispatchInfo<Balance> {
			TransactionPayment::query_call_info(call, len)
		}

		fn query_call_fee_details(call: RuntimeCall, len: u32) -> pallet_transaction_payment::FeeDetails<Balance> {
			TransactionPayment::query_call_fee_details(call, len)
		}

		fn query_weight_to_fee(weight: Weight) -> Balance {
			TransactionPayment::weight_to_fee(weight)
		}

		fn query_length_to_fee(length: u32) -> Balance {
			TransactionPayment::length_to_fee(length)
		}
	}

	impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
		fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
			build_state::<RuntimeGenesisConfig>(config)
		}

		fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
			get_preset::<RuntimeGenesisConfig>(id, crate::genesis_config_presets::get_preset)
		}

		fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
			crate::genesis_config_presets::preset_names()
		}
	}

	impl pallet_models::runtime_api::ModelsApi<Block, AccountId, Balance, BlockNumber, u32> for Runtime {
		fn model(model: ModelId) -> Option<pallet_models::ModelView<AccountId, Balance, BlockNumber>> {
			Models::model(model)
		}

		fn model_by_manifest(manifest: Cid) -> Option<ModelId> {
			Models::model_by_manifest(manifest)
		}

		fn owner(model: ModelId) -> Option<AccountId> {
			Models::owner(model)
		}

		fn page(model: ModelId) -> Option<pallet_models::ModelPage<AccountId, Balance, BlockNumber, u32>> {
			Models::page(model)
		}

		fn version(model: ModelId) -> Option<(VersionNumber, pallet_models::Version<BlockNumber>)> {
			Models::version(model)
		}

		fn proposal(proposal: ProposalId) -> Option<pallet_models::Proposal<AccountId, Balance, BlockNumber>> {
			Models::proposal(proposal)
		}

		fn contribution(
			model: ModelId,
			contribution: ContributionId,
		) -> Option<pallet_models::ContributionView<AccountId, BlockNumber>> {
			Models::contribution(model, contribution)
		}

		fn claimable(who: AccountId, model: ModelId, contribution: ContributionId) -> ShareAmount {
			Models::claimable(who, model, contribution)
		}

		fn revenue(model: ModelId) -> ModelPayees<AccountId> {
			Models::revenue(model)
		}

		fn is_open(model: ModelId) -> bool {
			Models::is_open(model)
		}
	}

	impl pallet_dso::runtime_api::DsoApi<Block, AccountId, u32, Balance, Hash> for Runtime {
		fn community(community: CommunityId) -> Option<pallet_dso::CommunityInfo<AccountId, Balance>> {
			Dso::community(community)
		}

		fn parent(community: CommunityId) -> Option<CommunityId> {
			Dso::parent(community)
		}

		fn template(kind: KindTag) -> (pallet_dso::TemplateVersion, pallet_dso::Template) {
			Dso::template(kind)
		}

		fn check_template(kind: KindTag, template: pallet_dso::Template) -> Result<(), pallet_dso::TemplateFault> {
			Dso::check_template(kind, template)
		}

		fn charter(community: CommunityId) -> Option<pallet_dso::Charter> {
			Dso::charter(community)
		}

		fn power(community: CommunityId, who: AccountId) -> Vec<pallet_dso::PowerLine<AccountId>> {
			Dso::power(community, who)
		}

		fn proposal(
			proposal: pallet_dso::ProposalId,
		) -> Option<pallet_dso::runtime_api::ProposalReport<AccountId, u32, Balance, Hash>> {
			Dso::proposal(proposal)
		}

		fn doable(proposal: pallet_dso::ProposalId, who: AccountId) -> Vec<pallet_dso::Doable> {
			Dso::doable(proposal, who)
		}

		fn deposit_now(community: CommunityId) -> Balance {
			Dso::deposit_now(community)
		}

		fn seat_burn() -> Balance {
			Dso::seat_burn()
		}

		fn spendable_now(community: CommunityId, asset: Option<u32>) -> Option<(u128, u128)> {
			Dso::spendable_now(community, asset)
		}

		fn phase_now() -> pallet_dso::Phase {
			Dso::phase_now()
		}

		fn readiness() -> pallet_dso::Readiness {
			Dso::readiness()
		}

		fn needs() -> pallet_dso::Needs {
			Dso::needs()
		}

		fn motions() -> Vec<pallet_dso::Motion<Hash>> {
			Dso::motions()
		}
	}

	impl crate::portfolio::PortfolioApi<Block> for Runtime {
		fn portfolio(who: AccountId, after: Option<(u32, u32)>) -> crate::portfolio::Portfolio {
			crate::portfolio::portfolio(&who, after)
		}
	}

	impl pallet_characters::runtime_api::CharactersApi<Block, AccountId, u32, Balance, BlockNumber> for Runtime {
		fn template(template: TemplateId) -> Option<(TemplateVersion, Template)> {
			Characters::template(template)
		}

		fn check_template(bounds: Template) -> Result<(), pallet_characters::CheckError> {
			Characters::check_template(bounds)
		}

		fn default_customisation(template: TemplateId) -> Option<Customisation> {
			Characters::default_customisation(template)
		}

		fn check_customisation(
			template: TemplateId,
			customisation: Customisation,
			round: Option<pallet_characters::RoundTerms<Balance, BlockNumber>>,
		) -> Option<Result<(), pallet_characters::CheckError>> {
			Characters::check_customisation(template, customisation, round)
		}

		fn character(
			character: CharacterId,
		) -> Option<pallet_characters::CharacterPage<AccountId, u32, Balance, BlockNumber>> {
			Characters::character(character)
		}

		fn character_of_community(community: CommunityId) -> Option<CharacterId> {
			Characters::character_of_community(community)
		}

		fn owner(character: CharacterId) -> Option<AccountId> {
			Characters::owner(character)
		}

		fn unchanged_since(character: CharacterId) -> Option<BlockNumber> {
			Characters::unchanged_since(character)
		}

		fn terms_of(character: CharacterId) -> Option<CharacterPayees<AccountId>> {
			Characters::terms_of(character)
		}

		fn fan_page(
			character: CharacterId,
			who: AccountId,
		) -> Option<pallet_characters::FanPage<Balance, BlockNumber>> {
			Characters::fan_page(character, who)
		}

		fn round(character: CharacterId) -> Option<pallet_characters::Round<u32, Balance, BlockNumber>> {
			Characters::round(character)
		}

		fn round_quote(character: CharacterId, shares: Balance) -> Option<pallet_characters::RoundQuote<Balance>> {
			Characters::round_quote(character, shares)
		}

		fn invested(character: CharacterId, who: AccountId) -> Balance {
			Characters::invested(character, who)
		}

		fn collective(
			collective: pallet_characters::CollectiveId,
		) -> Option<pallet_characters::Collective<AccountId, Balance>> {
			Characters::collective(collective)
		}

		fn seat(character: CharacterId) -> Option<pallet_characters::Seat> {
			Characters::seat(character)
		}

		fn memory_at(character: CharacterId) -> pallet_characters::Memory {
			Characters::memory_at(character)
		}

		fn talk_of(job: JobId) -> Option<pallet_characters::Talk<AccountId, Balance>> {
			Characters::talk_of(job)
		}
	}

	impl pallet_inference::runtime_api::InferenceApi<Block, AccountId, Balance, BlockNumber> for Runtime {
		fn quote(
			model: ModelId,
			input: JobInput,
			k: Option<u8>,
			tier: Option<pallet_inference::Tier>,
		) -> Option<pallet_inference::Quote<Balance>> {
			Inference::quote(model, input, k, tier)
		}

		fn job(job: JobId) -> Option<pallet_inference::JobView<AccountId, Balance, BlockNumber>> {
			Inference::job(job)
		}

		fn split_of(job: JobId) -> Option<pallet_inference::Split<AccountId>> {
			Inference::split_of(job)
		}

		fn challenge_terms(job: JobId) -> Option<pallet_inference::ChallengeTerms<Balance, BlockNumber>> {
			Inference::challenge_terms(job)
		}

		fn provenance(job: JobId) -> Option<pallet_inference::ProvenanceRow<AccountId, BlockNumber>> {
			Inference::provenance(job)
		}

		fn operator(owner: AccountId) -> Option<pallet_inference::OperatorView<AccountId, Balance, BlockNumber>> {
			Inference::operator(owner)
		}

		fn open_seats(operator: AccountId) -> Vec<JobId> {
			Inference::open_seats(operator)
		}
	}

	impl pallet_bonds::runtime_api::BondsApi<Block, AccountId, Balance, u32> for Runtime {
		fn today() -> Day {
			Bonds::today()
		}

		fn blocks_per_day() -> BlockNumber {
			Bonds::blocks_per_day()
		}

		fn community(community: CommunityId) -> Option<pallet_bonds::CommunityInfo<u32>> {
			Bonds::community(community)
		}

		fn treasury_of(community: CommunityId) -> AccountId {
			Bonds::treasury_of(community)
		}

		fn pot(community: CommunityId, pot: Pot) -> pallet_bonds::PotInfo<Balance> {
			Bonds::pot(community, pot)
		}

		fn power_of(community: CommunityId, class: Class, who: AccountId, day: Day) -> Option<Power> {
			Bonds::power_of(community, class, who, day)
		}

		fn class_total(community: CommunityId, class: Class, day: Day) -> Option<Power> {
			Bonds::class_total(community, class, day)
		}

		fn inbound_of(community: CommunityId, class: Class, topic: Topic, who: AccountId, day: Day) -> Option<Power> {
			Bonds::inbound_of(community, class, topic, who, day)
		}

		fn delegation_of(
			community: CommunityId,
			class: Class,
			topic: Topic,
			who: AccountId,
		) -> Option<pallet_bonds::DelegationView<AccountId>> {
			Bonds::delegation_of(community, class, topic, who)
		}

		fn claimable(who: AccountId, community: CommunityId, pot: Pot) -> Balance {
			Bonds::claimable(who, community, pot)
		}

		fn bond_of(who: AccountId, community: CommunityId, pot: Pot) -> Option<pallet_bonds::BondView<Balance>> {
			Bonds::bond_of(who, community, pot)
		}

		fn unbonding_of(who: AccountId, community: CommunityId, pot: Pot) -> Vec<pallet_bonds::Chunk<Balance>> {
			Bonds::unbonding_of(who, community, pot)
		}

		fn portfolio(who: AccountId) -> Vec<pallet_bonds::BondView<Balance>> {
			Bonds::portfolio(who)
		}
	}

	impl pallet_creations::runtime_api::CreationsApi<Block, AccountId, Balance, BlockNumber, u32> for Runtime {
		fn creation(
			collection: u32,
			item: u32,
		) -> Option<pallet_creations::Creation<AccountId, Balance, BlockNumber>> {
			Creations::creation(collection, item)
		}

		fn collection(collection: u32) -> Option<pallet_creations::CollectionInfo<AccountId, Balance>> {
			Creations::collection(collection)
		}

		fn creation_of_job(job: JobId) -> Option<(u32, u32)> {
			Creations::creation_of_job(job)
		}

		fn job_of_result(result: Digest) -> Option<JobId> {
			Creations::job_of_result(result)
		}

		fn royalties(collection: u32, item: u32) -> Option<pallet_creations::Royalties<AccountId>> {
			Creations::royalties(collection, item)
		}

		fn metadata_json(collection: u32, item: u32) -> Option<Vec<u8>> {
			Creations::metadata_json(collection, item)
		}

		fn collection_metadata_json(collection: u32) -> Option<Vec<u8>> {
			Creations::collection_metadata_json(collection)
		}
	}

	impl pallet_market::runtime_api::MarketApi<Block, AccountId, Balance, BlockNumber, u32, u32> for Runtime {
		fn sale_of(collection: u32, item: u32) -> Option<pallet_market::Sale> {
			Market::sale_of(collection, item)
		}

		fn listing(listing: SaleId) -> Option<pallet_market::Listing<AccountId, Balance, BlockNumber, u32, u32>> {
			Market::listing(listing)
		}

		fn listing_of(
			collection: u32,
			item: u32,
		) -> Option<(SaleId, pallet_market::Listing<AccountId, Balance, BlockNumber, u32, u32>)> {
			Market::listing_of(collection, item)
		}

		fn auction(auction: SaleId) -> Option<pallet_market::AuctionView<AccountId, Balance, BlockNumber, u32, u32>> {
			Market::auction(auction)
		}

		fn offer(collection: u32, item: u32, bidder: AccountId) -> Option<pallet_market::Offer<Balance, BlockNumber>> {
			Market::offer(collection, item, bidder)
		}

		fn quote(collection: u32, item: u32, price: Balance) -> Option<pallet_market::Split<AccountId, Balance>> {
			Market::quote(collection, item, price)
		}

		fn quote_listing(listing: SaleId) -> Option<pallet_market::Split<AccountId, Balance>> {
			Market::quote_listing(listing)
		}

		fn order_book(
			collection: u32,
			item: u32,
			after: Option<AccountId>,
		) -> pallet_market::OrderBook<AccountId, Balance, BlockNumber, u32, u32> {
			Market::order_book(collection, item, after)
		}

		fn quote_licence(
			model: ModelId,
			kind: pallet_market::LicenceKind,
		) -> Option<pallet_market::Split<AccountId, Balance>> {
			Market::quote_licence(model, kind)
		}

		fn licence_terms(model: ModelId) -> Option<pallet_market::LicenceTerms<Balance, BlockNumber>> {
			Market::licence_terms(model)
		}

		fn licence(model: ModelId, who: AccountId) -> Option<pallet_market::Licence<Balance, BlockNumber>> {
			Market::licence(model, who)
		}

		fn has_licence(model: ModelId, who: AccountId) -> bool {
			Market::has_licence(model, who)
		}

		fn requires_licence(model: ModelId) -> bool {
			Market::requires_licence(model)
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	impl frame_benchmarking::Benchmark<Block> for Runtime {
		fn benchmark_metadata(
			extra: bool,
		) -> (Vec<frame_benchmarking::BenchmarkList>, Vec<frame_support::traits::StorageInfo>) {
			crate::benchmarks::list(extra)
		}

		fn dispatch_benchmark(
			config: frame_benchmarking::BenchmarkConfig,
		) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
			crate::benchmarks::dispatch(config)
		}
	}

	#[cfg(feature = "try-runtime")]
	impl frame_try_runtime::TryRuntime<Block> for Runtime {
		fn on_runtime_upgrade(checks: frame_try_runtime::UpgradeCheckSelect) -> (Weight, Weight) {
			let weight = Executive::try_runtime_upgrade(checks).expect("the migrations keep every invariant");
			(weight, crate::configs::system::RuntimeBlockWeights::get().max_block)
		}

		fn execute_block(
			block: <Block as BlockT>::LazyBlock,
			state_root_check: bool,
			signature_check: bool,
			select: frame_try_runtime::TryStateSelect,
		) -> Weight {
			Executive::try_execute_block(block, state_root_check, signature_check, select)
				.expect("the block executes, and keeps every invariant")
		}
	}
}

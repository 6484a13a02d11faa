#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod characters;
pub mod charter;
mod collectives;
mod fans;
mod identities;
pub mod maths;
pub mod memory;
#[cfg(test)]
mod mock;
mod rounds;
pub mod runtime_api;
mod talk;
mod templates;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use alloc::boxed::Box;
use autonomy_primitives::{
	character::Characters as CharacterJobs,
	community::{Communities, CommunityId, PowerSink, RevenueSink},
	digest::Cid,
	job::{JobInput, Prompt},
	model::ModelRegistry,
	payout::CharacterPayees,
	CharacterId, Digest, JobId, ModelId,
};
use frame_support::{
	pallet_prelude::*,
	traits::{
		fungible::{Inspect, Mutate, MutateHold},
		Contains,
	},
	PalletId,
};
use frame_system::pallet_prelude::*;

/// Balance of the configured currency, in planck; shares are counted in the same type.
pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;
/// Number of an NFT collection.
pub type CollectionIdOf<T> =
	<<T as Config>::Items as CharacterItems<<T as frame_system::Config>::AccountId>>::CollectionId;
/// Number of an asset that is a character's shares.
pub type AssetIdOf<T> =
	<<T as Config>::Shares as ShareAssets<<T as frame_system::Config>::AccountId, BalanceOf<T>>>::AssetId;

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	/// Configuration.
	#[pallet::config]
	pub trait Config: frame_system::Config {
		/// AUTON: deposits, burns, prices of shares and messages.
		type Currency: Mutate<Self::AccountId> + MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;
		/// The runtime's hold reasons.
		type RuntimeHoldReason: From<HoldReason>;
		/// Where characters live as NFTs: [`NftItems`] over pallet-nfts.
		type Items: CharacterItems<Self::AccountId>;
		/// The assets that are characters' shares: [`AssetShares`] over pallet-assets.
		type Shares: ShareAssets<Self::AccountId, BalanceOf<Self>>;
		/// Where communities are opened: pallet-bonds.
		type Communities: Communities<Self::AccountId, AssetIdOf<Self>, Error = DispatchError>;
		/// Where fans' power is written: pallet-bonds.
		type Power: PowerSink<Self::AccountId, Error = DispatchError>;
		/// Where the revenue of investors and fans is divided: pallet-bonds.
		type Revenue: RevenueSink<Self::AccountId, BalanceOf<Self>>;
		/// What fans have bonded: pallet-bonds.
		type Bonding: Bonding<Self::AccountId, BalanceOf<Self>>;
		/// The model registry.
		type Models: ModelRegistry<Self::AccountId, BalanceOf<Self>>;
		/// Where messages become jobs: pallet-inference.
		type Jobs: TalkJobs<Self::AccountId, BalanceOf<Self>>;
		/// Who makes templates.
		type TemplateOrigin: EnsureOrigin<Self::RuntimeOrigin>;
		/// A community's decision about its own character. Root can decide about every one.
		type CommunityOrigin: EnsureOrigin<Self::RuntimeOrigin, Success = CommunityId>;
		/// The communities of characters whose NFT's holder can still decide alone.
		type OwnerMayGovern: Contains<CommunityId>;
		/// The account that gets the platform's share. It should exist.
		type Platform: Get<Self::AccountId>;
		/// Source of the account that owns the collection and issues the shares. Nobody has a key to it.
		#[pallet::constant]
		type PalletId: Get<PalletId>;
		/// What a creation burns, in planck.
		type CreationBurn: Get<BalanceOf<Self>>;
		/// Part of a storage deposit that does not depend on size, in planck. At least the existential deposit.
		#[pallet::constant]
		type DepositBase: Get<BalanceOf<Self>>;
		/// Storage deposit for each encoded byte, in planck.
		#[pallet::constant]
		type DepositPerByte: Get<BalanceOf<Self>>;
		/// Most sub-identities of one character.
		#[pallet::constant]
		type MaxChildren: Get<u32>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The in-code storage version.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// AI characters.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet holds money.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Storage deposit of a character, a badge or a collective.
		Deposit,
		/// What a message costs on top of its job, until the job is final.
		Surcharge,
	}

	/// The NFT collection whose items are the characters, created at genesis.
	#[pallet::storage]
	pub type Collection<T: Config> = StorageValue<_, CollectionIdOf<T>>;

	/// Number of the next template.
	#[pallet::storage]
	pub type NextTemplateId<T: Config> = StorageValue<_, TemplateId, ValueQuery>;

	/// Newest version of each template.
	#[pallet::storage]
	pub type TemplateVersions<T: Config> = StorageMap<_, Twox64Concat, TemplateId, TemplateVersion>;

	/// The templates, every version.
	#[pallet::storage]
	pub type Templates<T: Config> =
		StorageDoubleMap<_, Twox64Concat, TemplateId, Twox64Concat, TemplateVersion, TemplateOf<T>>;

	/// Number of the next character, which is also the count of characters.
	#[pallet::storage]
	pub type NextCharacterId<T: Config> = StorageValue<_, CharacterId, ValueQuery>;

	/// How many characters take messages.
	#[pallet::storage]
	pub type ActiveCharacters<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// The characters.
	#[pallet::storage]
	pub type Characters<T: Config> = StorageMap<_, Twox64Concat, CharacterId, CharacterInfoOf<T>>;

	/// What each character's owner has chosen. It is read within the newest bounds of the template.
	#[pallet::storage]
	pub type Customisations<T: Config> = StorageMap<_, Twox64Concat, CharacterId, CustomisationOf<T>>;

	/// The character that each community is of.
	#[pallet::storage]
	pub type CharacterByCommunity<T: Config> = StorageMap<_, Twox64Concat, CommunityId, CharacterId>;

	/// Badges of fans.
	#[pallet::storage]
	pub type Fans<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CharacterId, Blake2_128Concat, T::AccountId, BadgeOf<T>>;

	/// What each account has spent on each character's jobs since the beginning, in planck.
	#[pallet::storage]
	pub type Spent<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CharacterId, Blake2_128Concat, T::AccountId, BalanceOf<T>, ValueQuery>;

	/// Investment rounds.
	#[pallet::storage]
	pub type Rounds<T: Config> = StorageMap<_, Twox64Concat, CharacterId, RoundOf<T>>;

	/// Shares that each account has bought in each round.
	#[pallet::storage]
	pub type Invested<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CharacterId, Blake2_128Concat, T::AccountId, BalanceOf<T>, ValueQuery>;

	/// The parent that each character asks for.
	#[pallet::storage]
	pub type AskedParents<T: Config> = StorageMap<_, Twox64Concat, CharacterId, CharacterId>;

	/// Number of the next collective.
	#[pallet::storage]
	pub type NextCollectiveId<T: Config> = StorageValue<_, CollectiveId, ValueQuery>;

	/// The collectives.
	#[pallet::storage]
	pub type Collectives<T: Config> = StorageMap<_, Twox64Concat, CollectiveId, CollectiveOf<T>>;

	/// Memories of the characters that have done a job.
	#[pallet::storage]
	pub type Memories<T: Config> = StorageMap<_, Twox64Concat, CharacterId, Memory>;

	/// Messages whose jobs are not final.
	#[pallet::storage]
	pub type Talks<T: Config> = StorageMap<_, Twox64Concat, JobId, TalkOf<T>>;

	/// Creates the Characters collection.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		#[doc(hidden)]
		#[serde(skip)]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			Pallet::<T>::collection_or_create().expect("a collection of a new chain can be created");
		}
	}

	/// Events.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A template was made, or got a new version. Every charter of it is read by the new one.
		TemplateSet {
			/// The template.
			template: TemplateId,
			/// The new version.
			version: TemplateVersion,
			/// What it says.
			bounds: Box<TemplateOf<T>>,
		},
		/// A character was created and its NFT minted. If it has a round, that is open.
		CharacterCreated {
			/// The character.
			character: CharacterId,
			/// Who got the NFT.
			owner: T::AccountId,
			/// Its community.
			community: CommunityId,
			/// The asset that is its shares.
			shares: Option<AssetIdOf<T>>,
			/// What was asked for.
			details: Box<CharacterDetailsOf<T>>,
			/// Burned, in planck.
			burned: BalanceOf<T>,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// A character has another persona from this block on.
		PersonaSet {
			/// The character.
			character: CharacterId,
			/// CID of the persona.
			persona: Cid,
		},
		/// A character has other models from this block on.
		ModelsSet {
			/// The character.
			character: CharacterId,
			/// Model that it makes pictures with.
			image_model: Option<ModelId>,
			/// Model that it talks with.
			language_model: Option<ModelId>,
		},
		/// Other choices were made within the bounds of the template.
		Customised {
			/// The character.
			character: CharacterId,
			/// What was chosen.
			customisation: Box<CustomisationOf<T>>,
		},
		/// A character takes messages again, or no more.
		ActiveSet {
			/// The character.
			character: CharacterId,
			/// Whether it takes messages.
			active: bool,
		},
		/// A fan has a badge, a new one or one of another tier.
		FanTierSet {
			/// The character.
			character: CharacterId,
			/// The fan.
			who: T::AccountId,
			/// The badge.
			badge: BadgeOf<T>,
		},
		/// A fan has no badge any more, and its deposit back.
		FanLeft {
			/// The character.
			character: CharacterId,
			/// The fan.
			who: T::AccountId,
		},
		/// An account has paid for a job of a character.
		SpendRecorded {
			/// The character.
			character: CharacterId,
			/// Who paid.
			who: T::AccountId,
			/// How much, in planck.
			amount: BalanceOf<T>,
		},
		/// Shares were bought. The money is in the character's treasury.
		Invested {
			/// The character.
			character: CharacterId,
			/// Who bought.
			who: T::AccountId,
			/// How many.
			shares: BalanceOf<T>,
			/// What they cost, in planck.
			cost: BalanceOf<T>,
		},
		/// A round was closed.
		RoundClosed {
			/// The character.
			character: CharacterId,
			/// Shares sold.
			sold: BalanceOf<T>,
			/// What was paid for them, in planck.
			raised: BalanceOf<T>,
			/// Least share of the character's part that investors get. Nothing when there are none.
			promise: sp_runtime::Permill,
		},
		/// A character asks to be a sub-identity of another one, or no more.
		ParentAsked {
			/// The character.
			child: CharacterId,
			/// The other one.
			parent: Option<CharacterId>,
		},
		/// A character is a sub-identity of another one, or no more.
		ParentSet {
			/// The character.
			child: CharacterId,
			/// The other one.
			parent: Option<CharacterId>,
		},
		/// A collective was founded, with one member.
		CollectiveFounded {
			/// The collective.
			collective: CollectiveId,
			/// The first member.
			character: CharacterId,
			/// Its name.
			name: Name,
			/// How its members are seated.
			mode: CollectiveMode,
			/// Who paid the deposit.
			founder: T::AccountId,
			/// Storage deposit put on hold, in planck.
			deposit: BalanceOf<T>,
		},
		/// A character may join a collective.
		Invited {
			/// The collective.
			collective: CollectiveId,
			/// Who may join.
			character: CharacterId,
		},
		/// A character has joined a collective.
		CollectiveJoined {
			/// The collective.
			collective: CollectiveId,
			/// The new member.
			character: CharacterId,
		},
		/// A character has left a collective. The last one has ended it.
		CollectiveLeft {
			/// The collective.
			collective: CollectiveId,
			/// The former member.
			character: CharacterId,
			/// Whether the collective has ended, and its deposit is back.
			ended: bool,
		},
		/// Somebody talks to a character, or has ordered a picture of it.
		Talked {
			/// The job.
			job: JobId,
			/// The character.
			character: CharacterId,
			/// Who talks.
			who: T::AccountId,
			/// What the job costs at most, in planck.
			fee: BalanceOf<T>,
			/// What the character gets on top, in planck; on hold until the job is final.
			surcharge: BalanceOf<T>,
		},
		/// What a message costs on top of its job was divided, or has gone back to whoever talked.
		SurchargeSettled {
			/// The job.
			job: JobId,
			/// The character.
			character: CharacterId,
			/// What each of those who share got, in planck.
			paid: Division<BalanceOf<T>>,
		},
		/// A job has become part of a character's memory.
		MemoryAppended {
			/// The character.
			character: CharacterId,
			/// The job.
			job: JobId,
			/// Who ordered it.
			requester: T::AccountId,
			/// Result digest.
			result: Digest,
			/// The memory after it.
			memory: Memory,
		},
	}

	/// Errors. Each says what to do about it.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such template. Look the number up in `characters.templateVersions`.
		UnknownTemplate,
		/// The template contradicts itself. `check_template` names the field, its value and what it may be.
		TemplateInvalid,
		/// There is no such character. Look the number up in `characters.characters`.
		UnknownCharacter,
		/// Neither the character's community nor its owner has sent this. Sign with the account that `nfts.item` names as
		/// its owner, or have the community decide.
		NotGovernor,
		/// The name is empty or blank, has control characters or is not UTF-8.
		NameInvalid,
		/// The persona is not a CIDv1 with the raw codec and a SHA-256 hash. Add the file with
		/// `ipfs add --cid-version 1 --raw-leaves`.
		PersonaNotCid,
		/// There is no such model, or it takes no jobs, or makes another kind of output.
		ModelUnfit,

		/// A share of the split is out of its bounds. `check_customisation` names it.
		SplitOutOfBounds,
		/// The shares of the split do not add up to a million parts.
		SplitNotWhole,
		/// How the character talks is out of bounds. `check_customisation` names the field.
		InteractionOutOfBounds,
		/// A tier of the fan club is out of bounds, or there are too many. `check_customisation` names the field.
		TiersOutOfBounds,
		/// The investment round is out of bounds. `check_customisation` names the field.
		RoundOutOfBounds,
		/// A number for the DSO is out of bounds, or there are too many. `check_customisation` names it.
		DsoOutOfBounds,
		/// Investors were promised more. Leave them at least `promise` of `characters.characters`.
		PromiseLowered,

		/// The account is a fan already. Call `upgrade`.
		AlreadyFan,
		/// The account is no fan of the character. Call `join` first.
		NotFan,
		/// The account does not meet the next tier. `fan_page` says what it has; bond AUTON behind the character in
		/// pallet-bonds, or order jobs of it.
		TierNotReached,
		/// The fan's tier is what it deserves. Nothing is to be done.
		TierDeserved,

		/// The character has no investment round.
		NoRound,
		/// The round is closed, or its time is over.
		RoundOver,
		/// The round is open. It can be closed at `closesAt`, or when everything is sold.
		RoundRunning,
		/// The number of shares is zero.
		SharesAreZero,
		/// So many shares are not left. `round_quote` says how many are.
		NotEnoughShares,
		/// The account would have bought more than `cap` shares.
		InvestorCapReached,
		/// The shares cost more than `max_price`. Ask `round_quote`.
		PriceAboveLimit,

		/// A character cannot be its own parent.
		OwnParent,
		/// The tree has two levels. The parent must have no parent, the child no children.
		TooDeep,
		/// The parent has `MaxChildren` sub-identities.
		TooManyChildren,
		/// The character has a parent. Call `leave_parent` first.
		HasParent,
		/// The character has no parent.
		NoParent,
		/// The child has not asked for this parent. Call `ask_parent` for it first.
		ParentNotAsked,

		/// There is no such collective. Look the number up in `characters.collectives`.
		UnknownCollective,
		/// The character is a member of a collective. Nobody is seated twice: call `leave_collective` first.
		AlreadyInCollective,
		/// The character is not a member of the collective.
		NotMember,
		/// The character was not invited. Have a member call `invite`.
		NotInvited,
		/// The character was invited already.
		InvitedBefore,
		/// The collective has 16 members, or as many invitations.
		CollectiveFull,

		/// The character takes no messages now.
		Inactive,
		/// The character has no language model. Its governors set one with `set_models`.
		NoLanguageModel,
		/// The character has no image model. Its governors set one with `set_models`.
		NoImageModel,
		/// The input asks for something else than a picture, an animation, a sprite sheet or a tile. To talk, use `talk`.
		NotAPicture,
		/// The message is empty, not UTF-8, or longer than the charter allows.
		MessageInvalid,
		/// Job and surcharge together cost more than `max_fee`.
		FeeAboveLimit,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			// So that a deposit can always be released, even to an account without any free balance.
			assert!(T::DepositBase::get() >= T::Currency::minimum_balance(), "DepositBase is below the ED");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call(weight = <T as Config>::WeightInfo)]
	impl<T: Config> Pallet<T> {
		/// Makes a template, or a new version of one. The caller is `TemplateOrigin`. Characters of it are read by the new
		/// bounds at once; nothing is written.
		///
		/// - `template`: number of the template, or none for a new one.
		/// - `bounds`: see [`Template`]; `check_template` says what is wrong with it.
		///
		/// Emits [`Event::TemplateSet`].
		#[pallet::call_index(0)]
		pub fn set_template(
			origin: OriginFor<T>,
			template: Option<TemplateId>,
			bounds: Box<TemplateOf<T>>,
		) -> DispatchResult {
			T::TemplateOrigin::ensure_origin(origin)?;
			Self::do_set_template(template, bounds)
		}

		/// Creates a character: mints its NFT to the caller, opens its community and, when there is one, its investment
		/// round. `CreationBurn` is burned, and the storage deposit goes on hold for good.
		///
		/// - `details`: see [`CharacterDetails`]; `check_customisation` says what is out of bounds.
		///
		/// Emits [`Event::CharacterCreated`].
		#[pallet::call_index(1)]
		pub fn create(origin: OriginFor<T>, details: Box<CharacterDetailsOf<T>>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_create(who, details).map(|_| ())
		}

		/// Gives a character another persona. Decisions of the character do not count for some days after it. The caller
		/// governs the character.
		///
		/// - `character`: number of the character.
		/// - `persona`: CID of the persona.
		///
		/// Emits [`Event::PersonaSet`].
		#[pallet::call_index(2)]
		pub fn set_persona(origin: OriginFor<T>, character: CharacterId, persona: Cid) -> DispatchResult {
			Self::ensure_governs(origin, character)?;
			Self::do_set_persona(character, persona)
		}

		/// Gives a character other models. Decisions of the character do not count for some days after it. The caller
		/// governs the character.
		///
		/// - `character`: number of the character.
		/// - `image_model`, `language_model`: models that take jobs, or none.
		///
		/// Emits [`Event::ModelsSet`].
		#[pallet::call_index(3)]
		pub fn set_models(
			origin: OriginFor<T>,
			character: CharacterId,
			image_model: Option<ModelId>,
			language_model: Option<ModelId>,
		) -> DispatchResult {
			Self::ensure_governs(origin, character)?;
			Self::do_set_models(character, image_model, language_model)
		}

		/// Makes other choices within the bounds of a character's template. What investors were promised stays. The caller
		/// governs the character.
		///
		/// - `character`: number of the character.
		/// - `customisation`: see [`Customisation`]; `check_customisation` says what is out of bounds.
		///
		/// Emits [`Event::Customised`].
		#[pallet::call_index(4)]
		pub fn customise(
			origin: OriginFor<T>,
			character: CharacterId,
			customisation: Box<CustomisationOf<T>>,
		) -> DispatchResult {
			Self::ensure_governs(origin, character)?;
			Self::do_customise(character, customisation)
		}

		/// Has a character take messages, or none. Messages under way are answered. The caller governs the character.
		///
		/// - `character`: number of the character.
		/// - `active`: whether it takes messages.
		///
		/// Emits [`Event::ActiveSet`].
		#[pallet::call_index(5)]
		pub fn set_active(origin: OriginFor<T>, character: CharacterId, active: bool) -> DispatchResult {
			Self::ensure_governs(origin, character)?;
			Self::do_set_active(character, active)
		}

		/// Joins a character's fan club, at the tier that the caller deserves by what it has bonded and spent. A storage
		/// deposit goes on hold.
		///
		/// - `character`: number of the character.
		///
		/// Emits [`Event::FanTierSet`].
		#[pallet::call_index(6)]
		pub fn join(origin: OriginFor<T>, character: CharacterId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_join(who, character)
		}

		/// Takes the higher tier that the caller, a fan, deserves now.
		///
		/// - `character`: number of the character.
		///
		/// Emits [`Event::FanTierSet`].
		#[pallet::call_index(7)]
		pub fn upgrade(origin: OriginFor<T>, character: CharacterId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_upgrade(who, character)
		}

		/// Leaves a fan club. The deposit comes back, the lifetime spend is kept.
		///
		/// - `character`: number of the character.
		///
		/// Emits [`Event::FanLeft`].
		#[pallet::call_index(8)]
		pub fn leave(origin: OriginFor<T>, character: CharacterId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_leave(who, character)
		}

		/// Lowers a fan's tier to what it deserves, or ends the badge of one who deserves none. Anyone can call it.
		///
		/// - `character`: number of the character.
		/// - `who`: the fan.
		///
		/// Emits [`Event::FanTierSet`] or [`Event::FanLeft`].
		#[pallet::call_index(9)]
		pub fn refresh_fan(origin: OriginFor<T>, character: CharacterId, who: T::AccountId) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_refresh_fan(who, character)
		}

		/// Buys shares in a character's investment round. The money goes to the character's treasury.
		///
		/// - `character`: number of the character.
		/// - `shares`: how many; at least 1.
		/// - `max_price`: most that they may cost together, in planck.
		///
		/// Emits [`Event::Invested`].
		#[pallet::call_index(10)]
		pub fn invest(
			origin: OriginFor<T>,
			character: CharacterId,
			#[pallet::compact] shares: BalanceOf<T>,
			#[pallet::compact] max_price: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_invest(who, character, shares, max_price)
		}

		/// Closes a round whose time is over or whose shares are all sold. Anyone can call it. When nothing was sold, nothing
		/// is promised to anybody any more.
		///
		/// - `character`: number of the character.
		///
		/// Emits [`Event::RoundClosed`].
		#[pallet::call_index(11)]
		pub fn close_round(origin: OriginFor<T>, character: CharacterId) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_close_round(character)
		}

		/// Asks for a character to become a sub-identity of another one, or takes that back. The caller governs the child.
		///
		/// - `child`: number of the character.
		/// - `parent`: number of the other one, or none.
		///
		/// Emits [`Event::ParentAsked`].
		#[pallet::call_index(12)]
		pub fn ask_parent(origin: OriginFor<T>, child: CharacterId, parent: Option<CharacterId>) -> DispatchResult {
			Self::ensure_governs(origin, child)?;
			Self::do_ask_parent(child, parent)
		}

		/// Takes a character that has asked for it as a sub-identity. The caller governs the parent.
		///
		/// - `parent`: number of the parent.
		/// - `child`: number of the character that has asked.
		///
		/// Emits [`Event::ParentSet`].
		#[pallet::call_index(13)]
		pub fn accept_child(origin: OriginFor<T>, parent: CharacterId, child: CharacterId) -> DispatchResult {
			Self::ensure_governs(origin, parent)?;
			Self::do_accept_child(parent, child)
		}

		/// Ends a sub-identity's bond with its parent. The caller governs either of them.
		///
		/// - `child`: number of the sub-identity.
		///
		/// Emits [`Event::ParentSet`].
		#[pallet::call_index(14)]
		pub fn leave_parent(origin: OriginFor<T>, child: CharacterId) -> DispatchResult {
			let parent = Self::parent_of(child)?;
			if Self::ensure_governs(origin.clone(), child).is_err() {
				Self::ensure_governs(origin, parent)?;
			}
			Self::do_leave_parent(child, parent)
		}

		/// Founds a collective with one member. It is complete when an invited character joins. A storage deposit is held
		/// from the caller, or from the character's treasury when its community decides. The caller governs the character.
		///
		/// - `character`: the first member; neither a sub-identity nor in a collective.
		/// - `name`: 1 to 64 bytes of UTF-8 without control characters.
		/// - `mode`: how members are seated.
		///
		/// Emits [`Event::CollectiveFounded`].
		#[pallet::call_index(15)]
		pub fn found_collective(
			origin: OriginFor<T>,
			character: CharacterId,
			name: Name,
			mode: CollectiveMode,
		) -> DispatchResult {
			let payer = Self::ensure_governs(origin, character)?;
			Self::do_found_collective(payer, character, name, mode)
		}

		/// Lets a character join a collective. The caller governs a member.
		///
		/// - `member`: number of the member that invites.
		/// - `character`: who may join.
		///
		/// Emits [`Event::Invited`].
		#[pallet::call_index(16)]
		pub fn invite(origin: OriginFor<T>, member: CharacterId, character: CharacterId) -> DispatchResult {
			Self::ensure_governs(origin, member)?;
			Self::do_invite(member, character)
		}

		/// Joins a collective that has invited the character. The caller governs the character.
		///
		/// - `collective`: number of the collective.
		/// - `character`: who joins; neither a sub-identity nor in a collective.
		///
		/// Emits [`Event::CollectiveJoined`].
		#[pallet::call_index(17)]
		pub fn join_collective(
			origin: OriginFor<T>,
			collective: CollectiveId,
			character: CharacterId,
		) -> DispatchResult {
			Self::ensure_governs(origin, character)?;
			Self::do_join_collective(collective, character)
		}

		/// Leaves a collective. The last member ends it, and its deposit comes back. The caller governs the character.
		///
		/// - `character`: number of the member.
		///
		/// Emits [`Event::CollectiveLeft`].
		#[pallet::call_index(18)]
		pub fn leave_collective(origin: OriginFor<T>, character: CharacterId) -> DispatchResult {
			Self::ensure_governs(origin, character)?;
			Self::do_leave_collective(character)
		}

		/// Talks to a character: orders a job of its language model, which reads the persona, the memory and the message.
		/// What the character asks on top of the job's fee stays on hold until the job is final, and comes back when it
		/// fails.
		///
		/// - `character`: number of the character.
		/// - `message`: UTF-8, as long as the charter allows.
		/// - `max_fee`: most that job and surcharge cost together, in planck.
		///
		/// Emits [`Event::Talked`].
		#[pallet::call_index(19)]
		#[pallet::weight(<T as Config>::WeightInfo::talk().saturating_add(T::Jobs::weight()))]
		pub fn talk(
			origin: OriginFor<T>,
			character: CharacterId,
			message: Prompt,
			#[pallet::compact] max_fee: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_talk(who, character, message, max_fee)
		}

		/// Orders a picture, an animation, a sprite sheet or a tile of a character's image model. The character gets its part
		/// of the fee, and what it asks on top.
		///
		/// - `character`: number of the character.
		/// - `input`: what to make, within the limits of the model.
		/// - `max_fee`: most that job and surcharge cost together, in planck.
		///
		/// Emits [`Event::Talked`].
		#[pallet::call_index(20)]
		#[pallet::weight(<T as Config>::WeightInfo::order().saturating_add(T::Jobs::weight()))]
		pub fn order(
			origin: OriginFor<T>,
			character: CharacterId,
			input: Box<JobInput>,
			#[pallet::compact] max_fee: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_order(who, character, *input, max_fee)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The newest version of a template, with its number.
		pub fn template(template: TemplateId) -> Option<(TemplateVersion, TemplateOf<T>)> {
			Self::newest(template).ok()
		}

		/// What is wrong with a template: the field, its value and what it may be.
		pub fn check_template(bounds: TemplateOf<T>) -> Result<(), CheckError> {
			charter::check_template(&bounds)
		}

		/// A template's defaults, as a character is that chooses nothing.
		pub fn default_customisation(template: TemplateId) -> Option<CustomisationOf<T>> {
			Self::newest(template).ok().map(|(_, bounds)| charter::default_of(&bounds))
		}

		/// What is out of bounds of a template: the field, its value and what it may be. Nothing when there is no such
		/// template.
		pub fn check_customisation(
			template: TemplateId,
			customisation: CustomisationOf<T>,
			round: Option<RoundTermsOf<T>>,
		) -> Option<Result<(), CheckError>> {
			let (_, bounds) = Self::newest(template).ok()?;
			Some(Self::check(&bounds, &customisation, round.as_ref()))
		}

		/// All about a character.
		pub fn character(character: CharacterId) -> Option<CharacterPageOf<T>> {
			Self::page(character)
		}

		/// The character that a community is of.
		pub fn character_of_community(community: CommunityId) -> Option<CharacterId> {
			CharacterByCommunity::<T>::get(community)
		}

		/// Holder of the character's NFT.
		pub fn owner(character: CharacterId) -> Option<T::AccountId> {
			T::Items::owner(&Collection::<T>::get()?, character)
		}

		/// Block at which a character's persona or models changed last.
		pub fn unchanged_since(character: CharacterId) -> Option<BlockNumberFor<T>> {
			Characters::<T>::get(character).map(|info| info.changed_at)
		}

		/// How the character's part of a fee is divided now.
		pub fn terms_of(character: CharacterId) -> Option<CharacterPayees<T::AccountId>> {
			<Self as CharacterJobs<T::AccountId, BalanceOf<T>>>::terms(character).map(|terms| terms.payees)
		}

		/// All about an account as a fan of a character.
		pub fn fan_page(character: CharacterId, who: T::AccountId) -> Option<FanPageOf<T>> {
			Self::fan(character, &who)
		}

		/// A character's investment round.
		pub fn round(character: CharacterId) -> Option<RoundOf<T>> {
			Rounds::<T>::get(character)
		}

		/// What shares cost now, open or not. Nothing without a round, and for more shares than are left.
		pub fn round_quote(character: CharacterId, shares: BalanceOf<T>) -> Option<RoundQuote<BalanceOf<T>>> {
			Self::quote(character, shares)
		}

		/// Shares that an account has bought in a character's round.
		pub fn invested(character: CharacterId, who: T::AccountId) -> BalanceOf<T> {
			Invested::<T>::get(character, who)
		}

		/// A collective.
		pub fn collective(collective: CollectiveId) -> Option<CollectiveOf<T>> {
			Collectives::<T>::get(collective)
		}

		/// Where a character is seated.
		pub fn seat(character: CharacterId) -> Option<Seat> {
			Characters::<T>::get(character).map(|info| Self::seat_of(&info))
		}

		/// A character's memory.
		pub fn memory_at(character: CharacterId) -> Memory {
			Memories::<T>::get(character).unwrap_or_else(|| memory::no_memory(character))
		}

		/// A message whose job is not final.
		pub fn talk_of(job: JobId) -> Option<TalkOf<T>> {
			Talks::<T>::get(job)
		}
	}
}

#![cfg_attr(not(feature = "std"), no_std)]
#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod accumulator;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod bonds;
mod communities;
mod delegation;
#[cfg(test)]
mod mock;
mod power;
mod revenue;
pub mod ring;
pub mod runtime_api;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use alloc::vec::Vec;
use autonomy_primitives::community::{Class, CommunityId, Day, Pot, Power, Topic};
use frame_support::{
	pallet_prelude::*,
	traits::{fungible, fungibles, Contains},
	PalletId,
};
use frame_system::pallet_prelude::*;
use sp_runtime::{
	traits::{Saturating, Zero},
	SaturatedConversion,
};

/// Balance of the configured currency, in planck; shares are counted in the same type.
pub type BalanceOf<T> = <<T as Config>::Currency as fungible::Inspect<<T as frame_system::Config>::AccountId>>::Balance;
/// Number of an asset that can serve as shares.
pub type AssetIdOf<T> = <<T as Config>::Shares as fungibles::Inspect<<T as frame_system::Config>::AccountId>>::AssetId;
/// A community of this chain.
pub type CommunityInfoOf<T> = CommunityInfo<AssetIdOf<T>>;
/// A bond of this chain.
pub type BondInfoOf<T> = BondInfo<BalanceOf<T>>;
/// What is unbonding of one bond of this chain, the earliest due first.
pub type ChunksOf<T> = BoundedVec<Chunk<BalanceOf<T>>, <T as Config>::MaxChunks>;
/// A pot of this chain.
pub type PotInfoOf<T> = PotInfo<BalanceOf<T>>;
/// A delegation of this chain.
pub type DelegationOf<T> = Delegation<<T as frame_system::Config>::AccountId>;
/// A bond of this chain with all that belongs to it.
pub type BondViewOf<T> = BondView<BalanceOf<T>>;
/// Whom an account of this chain delegates to.
pub type DelegationViewOf<T> = DelegationView<<T as frame_system::Config>::AccountId>;

#[frame_support::pallet]
pub mod pallet {
	use super::*;

	/// Configuration.
	#[pallet::config]
	pub trait Config: frame_system::Config {
		/// AUTON: what is bonded in pots of AUTON, and what revenue is paid in.
		type Currency: fungible::Mutate<Self::AccountId>
			+ fungible::MutateFreeze<Self::AccountId, Id = Self::RuntimeFreezeReason>;
		/// The assets that serve as shares: pallet-assets-freezer.
		type Shares: fungibles::MutateFreeze<Self::AccountId, Id = Self::RuntimeFreezeReason, Balance = BalanceOf<Self>>;
		/// The runtime's freeze reasons.
		type RuntimeFreezeReason: From<FreezeReason>;
		/// What of an account's AUTON still vests; `()` where nothing does.
		type Unvested: Unvested<Self::AccountId, BalanceOf<Self>>;
		/// Accounts that cannot bond or be delegated to: treasuries, reserves, accounts of communities. This pallet's own
		/// need not be among them.
		type Excluded: Contains<Self::AccountId>;
		/// Source of the accounts of treasuries and pots. Nobody has a key to them.
		#[pallet::constant]
		type PalletId: Get<PalletId>;
		/// Blocks of a governance day where genesis says nothing else. Not zero. [`Pallet::blocks_per_day`] is what counts.
		#[pallet::constant]
		type BlocksPerDay: Get<BlockNumberFor<Self>>;
		/// Least AUTON in one tier of a bond, in planck. Of shares it is one.
		#[pallet::constant]
		type MinBond: Get<BalanceOf<Self>>;
		/// Most bonds of one account, over all communities.
		#[pallet::constant]
		type MaxBonds: Get<u32>;
		/// Most days on which parts of one bond are released.
		#[pallet::constant]
		type MaxChunks: Get<u32>;
		/// Makes assets for benchmarks.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: BenchmarkHelper<Self::AccountId, AssetIdOf<Self>, BalanceOf<Self>>;
		/// Weights of the calls, and of what other pallets ask.
		type WeightInfo: WeightInfo;
	}

	/// The in-code storage version.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

	/// Bonds, voting power and revenue.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet freezes AUTON and shares.
	#[pallet::composite_enum]
	pub enum FreezeReason {
		/// Bonded, or unbonding.
		Bond,
	}

	/// Blocks of a governance day, when genesis has said so. It never changes: days are counted from the first block.
	#[pallet::storage]
	pub type DayLength<T: Config> = StorageValue<_, BlockNumberFor<T>>;

	/// Number of the next community.
	#[pallet::storage]
	pub type NextCommunityId<T: Config> = StorageValue<_, CommunityId, ValueQuery>;

	/// The open communities.
	#[pallet::storage]
	pub type Communities<T: Config> = StorageMap<_, Twox64Concat, CommunityId, CommunityInfoOf<T>>;

	/// The community that an asset is the shares of.
	#[pallet::storage]
	pub type CommunityByShares<T: Config> = StorageMap<_, Blake2_128Concat, AssetIdOf<T>, CommunityId>;

	/// The pots of revenue, and how much is bonded into each.
	#[pallet::storage]
	pub type Pots<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CommunityId, Twox64Concat, Pot, PotInfoOf<T>, ValueQuery>;

	/// What each account has bonded in each community. A bond stays until nothing of it is bonded, unbonding or owed.
	#[pallet::storage]
	pub type Bonds<T: Config> = StorageNMap<
		_,
		(NMapKey<Twox64Concat, CommunityId>, NMapKey<Twox64Concat, Pot>, NMapKey<Blake2_128Concat, T::AccountId>),
		BondInfoOf<T>,
	>;

	/// What is unbonding of each bond, the earliest due first.
	#[pallet::storage]
	pub type Unbonding<T: Config> = StorageNMap<
		_,
		(NMapKey<Twox64Concat, CommunityId>, NMapKey<Twox64Concat, Pot>, NMapKey<Blake2_128Concat, T::AccountId>),
		ChunksOf<T>,
		ValueQuery,
	>;

	/// The bonds of each account, the oldest first.
	#[pallet::storage]
	pub type Portfolios<T: Config> =
		StorageMap<_, Blake2_128Concat, T::AccountId, BoundedVec<(CommunityId, Pot), T::MaxBonds>, ValueQuery>;

	/// Power of each account in each class, without what is delegated to it.
	#[pallet::storage]
	pub type OwnPower<T: Config> = StorageNMap<
		_,
		(NMapKey<Twox64Concat, CommunityId>, NMapKey<Twox64Concat, Class>, NMapKey<Blake2_128Concat, T::AccountId>),
		ring::Ring<Power>,
		ValueQuery,
	>;

	/// Power of each class: the sum over its members.
	#[pallet::storage]
	pub type ClassTotals<T: Config> =
		StorageDoubleMap<_, Twox64Concat, CommunityId, Twox64Concat, Class, ring::Ring<Power>, ValueQuery>;

	/// Whom each account delegates to.
	#[pallet::storage]
	pub type Delegations<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Twox64Concat, CommunityId>,
			NMapKey<Twox64Concat, Class>,
			NMapKey<Twox64Concat, Topic>,
			NMapKey<Blake2_128Concat, T::AccountId>,
		),
		DelegationOf<T>,
	>;

	/// What is delegated to each account.
	#[pallet::storage]
	pub type Inbound<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Twox64Concat, CommunityId>,
			NMapKey<Twox64Concat, Class>,
			NMapKey<Twox64Concat, Topic>,
			NMapKey<Blake2_128Concat, T::AccountId>,
		),
		Delegated,
		ValueQuery,
	>;

	/// Opens the X Community, and says how long a day is.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Blocks of a governance day, for a chain whose days are shorter than `BlocksPerDay`. Not zero.
		pub day_length: Option<BlockNumberFor<T>>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			if let Some(blocks) = self.day_length {
				assert!(!blocks.is_zero(), "day_length is zero: a day has at least one block");
				DayLength::<T>::put(blocks);
			}
			Pallet::<T>::open_x();
		}
	}

	/// Events.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A community was opened.
		CommunityOpened {
			/// The community.
			community: CommunityId,
			/// The asset that is its shares.
			shares: Option<AssetIdOf<T>>,
		},
		/// A community that had been opened without shares got some.
		SharesAttached {
			/// The community.
			community: CommunityId,
			/// The asset that is its shares.
			shares: AssetIdOf<T>,
		},
		/// A community was closed. What was left of its pots is in its treasury.
		CommunityClosed {
			/// The community.
			community: CommunityId,
			/// What was moved from pots to the treasury, in planck.
			swept: BalanceOf<T>,
		},
		/// Claims of revenue were stopped or resumed.
		ClaimsFrozenSet {
			/// The community.
			community: CommunityId,
			/// Whether they are stopped.
			frozen: bool,
		},
		/// The first account that bonded into a pot has paid the existential deposit of the pot's account.
		PotOpened {
			/// The community.
			community: CommunityId,
			/// The pot.
			pot: Pot,
			/// The pot's account.
			account: T::AccountId,
			/// Who paid.
			who: T::AccountId,
			/// The existential deposit, in planck.
			deposit: BalanceOf<T>,
		},
		/// AUTON or shares were bonded, and are frozen.
		Bonded {
			/// The community.
			community: CommunityId,
			/// What was bonded.
			pot: Pot,
			/// Who bonded.
			who: T::AccountId,
			/// Delay of the release.
			tier: Tier,
			/// How much was added, in planck or shares.
			amount: BalanceOf<T>,
		},
		/// Part of a bond went to a longer tier.
		Extended {
			/// The community.
			community: CommunityId,
			/// What is bonded.
			pot: Pot,
			/// Whose bond.
			who: T::AccountId,
			/// The tier before.
			from: Tier,
			/// The tier from now on.
			to: Tier,
			/// How much, in planck or shares.
			amount: BalanceOf<T>,
		},
		/// Part of a bond is unbonding.
		Unbonded {
			/// The community.
			community: CommunityId,
			/// What is bonded.
			pot: Pot,
			/// Whose bond.
			who: T::AccountId,
			/// The tier that it was in.
			tier: Tier,
			/// How much, in planck or shares.
			amount: BalanceOf<T>,
			/// First day on which it can be withdrawn.
			due: Day,
		},
		/// What had unbonded is frozen no more.
		Withdrawn {
			/// The community.
			community: CommunityId,
			/// What was bonded.
			pot: Pot,
			/// Whose bond.
			who: T::AccountId,
			/// How much, in planck or shares.
			amount: BalanceOf<T>,
		},
		/// A slash had left less than what was frozen. What is missing was taken off the bond.
		BondShrunk {
			/// The community.
			community: CommunityId,
			/// What is bonded.
			pot: Pot,
			/// Whose bond.
			who: T::AccountId,
			/// Taken off what was unbonding, the latest due first, in planck or shares.
			unbonding: BalanceOf<T>,
			/// Taken off each tier, the shortest first, in planck or shares.
			bonded: Amounts<BalanceOf<T>>,
		},
		/// Nothing is left of a bond: neither bonded nor unbonding nor owed.
		BondRemoved {
			/// The community.
			community: CommunityId,
			/// What was bonded.
			pot: Pot,
			/// Whose bond.
			who: T::AccountId,
		},
		/// An account's own power changed. It counts from tomorrow; yesterday's is what it was.
		PowerSet {
			/// The community.
			community: CommunityId,
			/// The class.
			class: Class,
			/// Whose power.
			who: T::AccountId,
			/// Power from now on.
			power: Power,
		},
		/// An account delegated its power, or prolonged its delegation.
		PowerDelegated {
			/// The community.
			community: CommunityId,
			/// The class.
			class: Class,
			/// What it covers.
			topic: Topic,
			/// Whose power.
			who: T::AccountId,
			/// The delegate.
			to: T::AccountId,
			/// First day on which anybody may end it.
			expires: Day,
		},
		/// A delegation ended.
		DelegationEnded {
			/// The community.
			community: CommunityId,
			/// The class.
			class: Class,
			/// What it covered.
			topic: Topic,
			/// Whose power.
			who: T::AccountId,
			/// The delegate.
			to: T::AccountId,
		},
		/// Revenue was divided among whoever has bonded.
		RevenueDivided {
			/// The community.
			community: CommunityId,
			/// The pot.
			pot: Pot,
			/// How much, in planck.
			amount: BalanceOf<T>,
			/// Units that it was divided among.
			units: Power,
			/// What one unit has earned since the beginning, in planck with 64 fractional bits; wraps round.
			per_unit: u128,
		},
		/// Revenue that could not be divided went to the community's treasury: nobody has bonded into the pot.
		RevenueToTreasury {
			/// The community.
			community: CommunityId,
			/// The pot.
			pot: Pot,
			/// How much, in planck.
			amount: BalanceOf<T>,
		},
		/// What a bond had earned was credited to it, before the bond changed.
		Settled {
			/// The community.
			community: CommunityId,
			/// The pot.
			pot: Pot,
			/// Whose bond.
			who: T::AccountId,
			/// How much was credited, in planck.
			amount: BalanceOf<T>,
		},
		/// Revenue was paid out.
		Claimed {
			/// The community.
			community: CommunityId,
			/// The pot.
			pot: Pot,
			/// To whom.
			who: T::AccountId,
			/// How much, in planck.
			amount: BalanceOf<T>,
		},
	}

	/// Errors. Each says what to do about it.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such community, or it is closed. Look the number up in `bonds.communities`.
		UnknownCommunity,
		/// The X Community is never closed.
		XNeverCloses,
		/// Somebody still has a bond, power or unclaimed revenue in the community. Close it when they have left.
		CommunityNotEmpty,
		/// There is no such asset. Create it before it becomes shares.
		UnknownAsset,
		/// The asset is the shares of another community. Create one for each community.
		AssetTaken,
		/// The community has shares already, and they cannot be replaced.
		SharesAttachedBefore,
		/// The community has no shares. Bond AUTON, or wait until it has some.
		NoShares,

		/// The amount is zero. State at least 1 planck or share.
		AmountIsZero,
		/// The tier would have more than nothing and less than `MinBond`. Bond more, or take all of it.
		BondTooSmall,
		/// The account has less than what would be frozen, all its bonds and what still vests together. Bond less: compare
		/// its total balance with `balances.freezes`, or `assetsFreezer.freezes` for shares.
		BalanceTooLow,
		/// Treasuries, reserves and accounts of communities cannot bond or be delegated to. Use an account of a person.
		AccountExcluded,
		/// The account has `MaxBonds` bonds. Unbond, withdraw and claim all of one first.
		TooManyBonds,
		/// The new tier is not longer than the old one. To shorten, unbond and bond again.
		TierNotLonger,
		/// The tier has less than the amount. Look it up in `bonds.bonds`.
		NotEnoughBonded,
		/// Parts of the bond are released on `MaxChunks` days already. Withdraw what is due, or wait for the next one.
		TooManyChunks,
		/// Nothing of this bond is unbonding. Call `unbond` first.
		NothingToWithdraw,
		/// Nothing that is unbonding is due. Wait for the day that `Unbonded` named.
		StillUnbonding,

		/// Nothing is owed. Revenue arrives when the community earns some.
		NothingToClaim,
		/// Claims in this community are stopped while a dispute lasts. Nothing is lost: claim afterwards.
		ClaimsFrozen,

		/// Power of this class comes from bonds. Bond, or unbond.
		PowerIsBonded,
		/// Members of this class do not vote as accounts. Investors, fans, contributors and holders of AUTON can delegate.
		ClassNotDelegable,
		/// An account cannot delegate to itself.
		DelegateToSelf,
		/// The account has no power in this class. Bond, or join, before delegating.
		NothingToDelegate,
		/// The delegate has delegated its own power. Delegate to whom it delegates to.
		DelegateDelegates,
		/// Others have delegated to this account. Have them end it, or end it with `expire_delegation`, before delegating.
		HasDelegators,
		/// The account does not delegate for this class and topic.
		NotDelegating,
		/// The delegation lasts until the day that `PowerDelegated` named. Until then the delegator, with `undelegate`, and the
		/// delegate may end it.
		NotExpired,

		/// The account has all that is frozen, and nothing is left to be removed.
		NothingToPoke,
		/// What is missing comes off the account's newest bond of AUTON first. Poke that one: the last in `bonds.portfolios`.
		PokeNewerBond,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(!T::BlocksPerDay::get().is_zero(), "BlocksPerDay is zero");
			assert!(!T::MinBond::get().is_zero(), "MinBond is zero");
			assert!(T::MaxBonds::get() > 0 && T::MaxChunks::get() > 0, "nobody could bond or unbond");
			// A treasury is told from a pot by the last bytes of its account.
			let [treasury, shares, auton] = [
				Self::treasury_of(CommunityId::MAX),
				Self::pot_account(CommunityId::MAX, Pot::Shares),
				Self::pot_account(CommunityId::MAX, Pot::Auton),
			];
			assert!(
				treasury != shares && treasury != auton && shares != auton,
				"an account is too short for the pallet's sub-accounts"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call(weight = <T as Config>::WeightInfo)]
	impl<T: Config> Pallet<T> {
		/// Bonds AUTON or shares in a community. They are frozen, earn the pot's revenue at once, and give voting power from
		/// the next day on. Whoever bonds first into a pot pays the existential deposit of its account.
		///
		/// - `community`: number of the community.
		/// - `pot`: what to bond, `Auton` or the community's `Shares`.
		/// - `amount`: in planck or shares. The tier must then have at least `MinBond` planck, or one share.
		/// - `tier`: delay of the release, which decides the weight.
		///
		/// Emits [`Event::Bonded`] and [`Event::PowerSet`].
		#[pallet::call_index(0)]
		pub fn bond(
			origin: OriginFor<T>,
			community: CommunityId,
			pot: Pot,
			#[pallet::compact] amount: BalanceOf<T>,
			tier: Tier,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_bond(&who, community, pot, amount, tier)
		}

		/// Moves part of a bond to a longer tier, where it weighs more.
		///
		/// - `community`, `pot`: the bond.
		/// - `from`: the tier that it is in.
		/// - `to`: a longer one.
		/// - `amount`: in planck or shares; at most what is in `from`. Each tier has nothing or at least `MinBond` afterwards.
		///
		/// Emits [`Event::Extended`] and [`Event::PowerSet`].
		#[pallet::call_index(1)]
		pub fn extend(
			origin: OriginFor<T>,
			community: CommunityId,
			pot: Pot,
			from: Tier,
			to: Tier,
			#[pallet::compact] amount: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_extend(&who, community, pot, from, to, amount)
		}

		/// Unbonds part of a bond. It gives no power and no revenue from now on, and stays frozen for the tier's delay, counted
		/// from the end of today.
		///
		/// - `community`, `pot`: the bond.
		/// - `tier`: the tier to take from.
		/// - `amount`: in planck or shares. Nothing or at least `MinBond` stays in the tier.
		///
		/// Emits [`Event::Unbonded`] and [`Event::PowerSet`].
		#[pallet::call_index(2)]
		pub fn unbond(
			origin: OriginFor<T>,
			community: CommunityId,
			pot: Pot,
			tier: Tier,
			#[pallet::compact] amount: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_unbond(&who, community, pot, tier, amount)
		}

		/// Releases what has unbonded and is due.
		///
		/// - `community`, `pot`: the bond.
		///
		/// Emits [`Event::Withdrawn`], and [`Event::BondRemoved`] when nothing is left.
		#[pallet::call_index(3)]
		pub fn withdraw(origin: OriginFor<T>, community: CommunityId, pot: Pot) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(&who, community, pot)
		}

		/// Pays out the revenue that a bond has earned.
		///
		/// - `community`, `pot`: the bond.
		///
		/// Emits [`Event::Claimed`], and [`Event::BondRemoved`] when nothing is left.
		#[pallet::call_index(4)]
		pub fn claim(origin: OriginFor<T>, community: CommunityId, pot: Pot) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_claim(&who, community, pot)
		}

		/// Delegates the caller's power in a class to another account, for 180 days. Called again, it prolongs or redirects.
		/// The delegate must not delegate itself, and nobody may have delegated to the caller.
		///
		/// - `community`: number of the community.
		/// - `class`: `Investor`, `Fan`, `Contributor` or `Token`.
		/// - `topic`: what it covers. One for `Routine` never covers what is `Critical`.
		/// - `to`: the delegate.
		///
		/// Emits [`Event::PowerDelegated`], after [`Event::DelegationEnded`] when it redirects.
		#[pallet::call_index(5)]
		pub fn delegate(
			origin: OriginFor<T>,
			community: CommunityId,
			class: Class,
			topic: Topic,
			to: T::AccountId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_delegate(&who, community, class, topic, to)
		}

		/// Ends the caller's delegation.
		///
		/// - `community`, `class`, `topic`: the delegation.
		///
		/// Emits [`Event::DelegationEnded`].
		#[pallet::call_index(6)]
		pub fn undelegate(origin: OriginFor<T>, community: CommunityId, class: Class, topic: Topic) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_undelegate(&who, community, class, topic)
		}

		/// Ends somebody's delegation that has expired; the delegate may end it at any time. The caller is anyone. Called 40 days
		/// after its end, it removes what is left of it.
		///
		/// - `who`: the delegator.
		/// - `community`, `class`, `topic`: the delegation.
		///
		/// Emits [`Event::DelegationEnded`].
		#[pallet::call_index(7)]
		pub fn expire_delegation(
			origin: OriginFor<T>,
			who: T::AccountId,
			community: CommunityId,
			class: Class,
			topic: Topic,
		) -> DispatchResult {
			let caller = ensure_signed(origin)?;
			Self::do_expire_delegation(&caller, &who, community, class, topic)
		}

		/// Shrinks a bond to what is there, after a slash has left the account with less than what is frozen. What is missing
		/// comes off its newest bond of AUTON first; of that, off what is unbonding, the latest due first, then off the tiers,
		/// the shortest first. Where nothing is missing, it removes a history of power that no closed day needs any more. The
		/// caller is anyone.
		///
		/// - `who`: whose bond.
		/// - `community`, `pot`: the bond.
		///
		/// Emits [`Event::BondShrunk`] and [`Event::PowerSet`].
		#[pallet::call_index(8)]
		pub fn poke_bond(origin: OriginFor<T>, who: T::AccountId, community: CommunityId, pot: Pot) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_poke_bond(&who, community, pot)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The present governance day.
		pub fn today() -> Day {
			let days = frame_system::Pallet::<T>::block_number().checked_div(&Self::blocks_per_day());
			days.unwrap_or_else(Zero::zero).saturated_into()
		}

		/// Blocks of a governance day, from the first block on.
		pub fn blocks_per_day() -> BlockNumberFor<T> {
			DayLength::<T>::get().unwrap_or_else(T::BlocksPerDay::get)
		}

		/// An open community.
		pub fn community(community: CommunityId) -> Option<CommunityInfoOf<T>> {
			Communities::<T>::get(community)
		}

		/// The account of a community's treasury.
		pub fn treasury_of(community: CommunityId) -> T::AccountId {
			Self::sub_account(communities::TREASURY, community)
		}

		/// A pot of revenue.
		pub fn pot(community: CommunityId, pot: Pot) -> PotInfoOf<T> {
			Pots::<T>::get(community, pot)
		}

		/// An account's own power at the end of a day. Nothing when the day is not closed, or more than 40 days ago.
		pub fn power_of(community: CommunityId, class: Class, who: T::AccountId, day: Day) -> Option<Power> {
			OwnPower::<T>::get((community, class, who)).at(day, Self::today()).copied()
		}

		/// Power of a whole class at the end of a day. Nothing when the day is not closed, or more than 40 days ago.
		pub fn class_total(community: CommunityId, class: Class, day: Day) -> Option<Power> {
			ClassTotals::<T>::get(community, class).at(day, Self::today()).copied()
		}

		/// Power that others had delegated to an account at the end of a day. Nothing when the day is not closed, or more than
		/// 40 days ago.
		pub fn inbound_of(
			community: CommunityId,
			class: Class,
			topic: Topic,
			who: T::AccountId,
			day: Day,
		) -> Option<Power> {
			Inbound::<T>::get((community, class, topic, who)).power.at(day, Self::today()).copied()
		}

		/// Whom an account delegates to now.
		pub fn delegation_of(
			community: CommunityId,
			class: Class,
			topic: Topic,
			who: T::AccountId,
		) -> Option<DelegationViewOf<T>> {
			let delegation = Delegations::<T>::get((community, class, topic, who))?;
			let to = delegation.to.latest().clone()?;
			Some(DelegationView { to, expires: delegation.expires })
		}

		/// Revenue that an account can claim now, in planck.
		pub fn claimable(who: T::AccountId, community: CommunityId, pot: Pot) -> BalanceOf<T> {
			let bond = Bonds::<T>::get((community, pot, &who)).unwrap_or_default();
			bond.owed.saturating_add(Self::pending(&Pots::<T>::get(community, pot), &bond))
		}

		/// A bond, with what is unbonding of it and what it can claim.
		pub fn bond_of(who: T::AccountId, community: CommunityId, pot: Pot) -> Option<BondViewOf<T>> {
			let amounts = Bonds::<T>::get((community, pot, &who))?.amounts;
			Some(BondView {
				community,
				pot,
				amounts,
				power: amounts.power(),
				unbonding: Self::unbonding_of(who.clone(), community, pot),
				claimable: Self::claimable(who, community, pot),
			})
		}

		/// What is unbonding of a bond, the earliest due first.
		pub fn unbonding_of(who: T::AccountId, community: CommunityId, pot: Pot) -> Vec<Chunk<BalanceOf<T>>> {
			Unbonding::<T>::get((community, pot, who)).into_inner()
		}

		/// All bonds of an account, the oldest first; at most `MaxBonds`.
		pub fn portfolio(who: T::AccountId) -> Vec<BondViewOf<T>> {
			let bonds = Portfolios::<T>::get(&who).into_iter();
			bonds.filter_map(|(community, pot)| Self::bond_of(who.clone(), community, pot)).collect()
		}
	}
}

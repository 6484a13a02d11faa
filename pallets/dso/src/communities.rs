//! The tree: X, the communities of characters, models, identities and collectives, and groups under them.

use autonomy_primitives::{
	community::{Class, Communities as _, CommunityId, Day, PowerSink as _, PowerSource as _, X_COMMUNITY},
	CharacterId,
};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{
		fungible::{Inspect as _, Mutate as _, MutateHold as _},
		tokens::{Precision, Preservation},
		Get,
	},
};
use sp_runtime::traits::Zero;

use crate::{
	traits::Anchors as _,
	types::{Anchor, Badge, CommunityInfo, Kind, Place, MAX_DEPTH},
	Badges, BalanceOf, Charters, Communities, CommunityByAnchor, CommunityInfoOf, Config, Error, Event, FieldSteps,
	HoldReason, Pallet, PendingCharters, SpendWindows, Usages,
};

/// Entries of each kind that are removed with a community. It has no more, unless it has spent more different assets.
const MOST_CLEARED: u32 = 20;

impl<T: Config> Pallet<T> {
	/// Opens the X Community at genesis.
	pub(crate) fn open_x() {
		Communities::<T>::insert(X_COMMUNITY, Self::new_info(Kind::X, 0, None, Zero::zero()));
	}

	fn new_info(kind: Kind, depth: u8, depositor: Option<T::AccountId>, deposit: BalanceOf<T>) -> CommunityInfoOf<T> {
		let active_on = T::Power::today();
		CommunityInfo { kind, depth, depositor, deposit, groups: 0, live: 0, proposals: 0, seats: 0, active_on }
	}

	pub(crate) fn known(community: CommunityId) -> Result<CommunityInfoOf<T>, DispatchError> {
		Ok(Communities::<T>::get(community).ok_or(Error::<T>::UnknownCommunity)?)
	}

	pub(crate) fn mutate_community<R>(
		community: CommunityId,
		change: impl FnOnce(&mut CommunityInfoOf<T>) -> Result<R, DispatchError>,
	) -> Result<R, DispatchError> {
		Communities::<T>::try_mutate(community, |info| change(info.as_mut().ok_or(Error::<T>::UnknownCommunity)?))
	}

	/// The community above; none for X.
	pub(crate) fn parent_of(kind: Kind) -> Option<CommunityId> {
		match kind {
			Kind::X => None,
			Kind::Group { parent } => Some(parent),
			Kind::Anchored(anchor) => Some(Self::above(anchor).unwrap_or(X_COMMUNITY)),
		}
	}

	/// The community of the character that an item is a sub-identity of.
	fn above(anchor: Anchor) -> Option<CommunityId> {
		match T::Anchors::place(anchor) {
			Some(Place::Under(parent)) => T::Anchors::community(Anchor::Character(parent)),
			Some(Place::InX | Place::Pooled(_)) | None => None,
		}
	}

	/// The community that an item's own AI has its seat in. Members of a pooled collective have none.
	pub(crate) fn seated_in(anchor: Anchor) -> Option<CommunityId> {
		match T::Anchors::place(anchor)? {
			Place::InX => Some(X_COMMUNITY),
			Place::Under(parent) => T::Anchors::community(Anchor::Character(parent)),
			Place::Pooled(_) => None,
		}
	}

	/// A community that is open, or that is opened now because it has an item of its own. `payer` pays the deposit.
	pub(crate) fn ensure_open(
		community: CommunityId,
		payer: &T::AccountId,
	) -> Result<CommunityInfoOf<T>, DispatchError> {
		if community == X_COMMUNITY && !Communities::<T>::contains_key(community) {
			// The chain got the pallet by an upgrade.
			Self::open_x();
		}
		if let Some(info) = Communities::<T>::get(community) {
			return Ok(info);
		}
		let anchor = T::Anchors::anchor(community).ok_or(Error::<T>::UnknownCommunity)?;
		Self::open(community, Kind::Anchored(anchor), Self::depth_of(anchor), payer)
	}

	fn depth_of(anchor: Anchor) -> u8 {
		if Self::above(anchor).is_some() {
			2
		} else {
			1
		}
	}

	pub(crate) fn do_open_community(payer: &T::AccountId, anchor: Anchor) -> Result<CommunityId, DispatchError> {
		ensure!(T::Anchors::exists(anchor), Error::<T>::UnknownAnchor);
		ensure!(!CommunityByAnchor::<T>::contains_key(anchor), Error::<T>::OpenBefore);
		let community = match T::Anchors::community(anchor) {
			Some(community) => community,
			None => T::Registry::open(None)?,
		};
		Self::open(community, Kind::Anchored(anchor), Self::depth_of(anchor), payer)?;
		Ok(community)
	}

	pub(crate) fn do_open_group(payer: &T::AccountId, parent: CommunityId) -> Result<CommunityId, DispatchError> {
		let above = Self::ensure_open(parent, payer)?;
		ensure!(above.depth < MAX_DEPTH, Error::<T>::TooDeep);
		ensure!(above.groups < T::MaxGroups::get(), Error::<T>::TooManyGroups);
		ensure!(Self::is_member(parent, &above, payer), Error::<T>::NotMember);
		Self::mutate_community(parent, |info| {
			info.groups = info.groups.saturating_add(1);
			Ok(())
		})?;
		let community = T::Registry::open(None)?;
		Self::open(community, Kind::Group { parent }, above.depth.saturating_add(1), payer)?;
		// Somebody has to be able to propose.
		Self::set_badge(community, payer.clone(), Class::Contributor, 1)?;
		Ok(community)
	}

	fn open(
		community: CommunityId,
		kind: Kind,
		depth: u8,
		payer: &T::AccountId,
	) -> Result<CommunityInfoOf<T>, DispatchError> {
		let deposit = T::CommunityDeposit::get();
		T::Currency::hold(&HoldReason::Community.into(), payer, deposit)?;
		let info = Self::new_info(kind, depth, Some(payer.clone()), deposit);
		Communities::<T>::insert(community, &info);
		if let Kind::Anchored(anchor) = kind {
			CommunityByAnchor::<T>::insert(anchor, community);
		}
		Self::deposit_event(Event::CommunityOpened { community, kind, depositor: payer.clone(), deposit });
		Ok(info)
	}

	pub(crate) fn do_close_community(who: &T::AccountId, community: CommunityId) -> DispatchResult {
		let info = Self::known(community)?;
		ensure!(info.depositor.as_ref() == Some(who), Error::<T>::NotDepositor);
		Self::end_community(community, info)
	}

	pub(crate) fn do_reap_dormant(community: CommunityId) -> DispatchResult {
		let info = Self::known(community)?;
		let dormant = info.active_on.saturating_add(T::DormantDays::get()) <= T::Power::today();
		ensure!(dormant, Error::<T>::NotDormant);
		Self::end_community(community, info)
	}

	fn end_community(community: CommunityId, info: CommunityInfoOf<T>) -> DispatchResult {
		let parent = Self::parent_of(info.kind).ok_or(Error::<T>::XNeverCloses)?;
		let is_empty = info.groups == 0 && info.proposals == 0 && info.seats == 0;
		ensure!(is_empty, Error::<T>::CommunityNotEmpty);
		match info.kind {
			Kind::X => return Err(Error::<T>::XNeverCloses.into()),
			Kind::Anchored(anchor) => {
				CommunityByAnchor::<T>::remove(anchor);
				Self::end_seats_of(community)?;
				if T::Anchors::community(anchor).is_none() {
					Self::close_registered(community, parent)?;
				} else {
					// One that belongs to an item of another pallet goes on there, and keeps its charter. Whoever holds
					// the item does not end the say of the others by closing it.
					ensure!(!Self::have_others_a_say(community, info.kind), Error::<T>::CommunityNotEmpty);
				}
			}
			Kind::Group { parent } => {
				Self::mutate_community(parent, |above| {
					above.groups = above.groups.saturating_sub(1);
					Ok(())
				})?;
				Self::close_registered(community, parent)?;
			}
		}
		Communities::<T>::remove(community);
		if let Some(depositor) = &info.depositor {
			Self::release(HoldReason::Community, depositor, info.deposit)?;
		}
		Self::deposit_event(Event::CommunityClosed { community });
		Ok(())
	}

	/// Whether anybody but owners had power among the people of a community at the end of yesterday.
	fn have_others_a_say(community: CommunityId, kind: Kind) -> bool {
		let Some(day) = T::Power::snapshot_day() else { return false };
		let mut others = kind.tag().classes().iter().filter(|class| **class != Class::Owner);
		others.any(|class| T::Power::total_at(community, *class, day).is_some_and(|total| total > 0))
	}

	/// Closes a community that this pallet has opened. What its treasury has goes to the one above.
	fn close_registered(community: CommunityId, parent: CommunityId) -> DispatchResult {
		T::Registry::close(community)?;
		let (from, to) = (T::Registry::treasury(community), T::Registry::treasury(parent));
		let rest = T::Currency::balance(&from);
		if !rest.is_zero() {
			T::Currency::transfer(&from, &to, rest, Preservation::Expendable)?;
		}
		// Its number is never used again.
		Charters::<T>::remove(community);
		PendingCharters::<T>::remove(community);
		Usages::<T>::remove(community);
		let _ = FieldSteps::<T>::clear_prefix(community, MOST_CLEARED, None);
		let _ = SpendWindows::<T>::clear_prefix(community, MOST_CLEARED, None);
		Ok(())
	}

	/// Releases money on hold.
	pub(crate) fn release(reason: HoldReason, who: &T::AccountId, amount: BalanceOf<T>) -> DispatchResult {
		if !amount.is_zero() {
			T::Currency::release(&reason.into(), who, amount, Precision::BestEffort)?;
		}
		Ok(())
	}

	/// Whether an account had power among the people of a community at the end of yesterday, or holds its item.
	pub(crate) fn is_member(community: CommunityId, info: &CommunityInfoOf<T>, who: &T::AccountId) -> bool {
		if let Kind::Anchored(anchor) = info.kind {
			if T::Anchors::owner(anchor).as_ref() == Some(who) {
				return true;
			}
			if let Anchor::Collective(collective) = anchor {
				let holds = |member: CharacterId| T::Anchors::owner(Anchor::Character(member)).as_ref() == Some(who);
				if T::Anchors::members(collective).into_iter().any(holds) {
					return true;
				}
			}
		}
		let Some(day) = T::Power::snapshot_day() else { return false };
		let classes = info.kind.tag().classes().iter().filter(|class| class.is_delegable());
		let mut powers = classes.map(|class| T::Power::power_at(community, *class, who, day).unwrap_or(0));
		powers.any(|power| power > 0)
	}

	// --- badges of contributors ---

	/// Gives a badge, or renews it. Its power counts from tomorrow. An account has one badge in a community.
	pub(crate) fn set_badge(community: CommunityId, who: T::AccountId, class: Class, points: u8) -> DispatchResult {
		if let Some(before) = Badges::<T>::get(community, &who).filter(|before| before.class != class) {
			T::Power::set_power(community, before.class, &who, 0)?;
		}
		T::Power::set_power(community, class, &who, points.into())?;
		let expires: Day = T::Power::today().saturating_add(T::BadgeDays::get());
		let badge = Badge { points, expires, class };
		Badges::<T>::insert(community, &who, badge);
		Self::deposit_event(Event::BadgeSet { community, who, badge });
		Ok(())
	}

	/// Ends a badge.
	pub(crate) fn end_badge(community: CommunityId, who: T::AccountId) -> DispatchResult {
		let badge = Badges::<T>::take(community, &who).ok_or(Error::<T>::NoBadge)?;
		T::Power::set_power(community, badge.class, &who, 0)?;
		Self::deposit_event(Event::BadgeEnded { community, who });
		Ok(())
	}

	pub(crate) fn do_lapse_badge(community: CommunityId, who: T::AccountId) -> DispatchResult {
		let badge = Badges::<T>::get(community, &who).ok_or(Error::<T>::NoBadge)?;
		ensure!(badge.expires <= T::Power::today(), Error::<T>::BadgeRuns);
		Self::end_badge(community, who)
	}
}

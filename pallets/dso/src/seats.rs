//! Seats: those of holders of items, which vote for themselves, and those of AIs one level up.

use autonomy_governance::{
	basis_points, creation_burn, period_of, seat_weight, Bounds, Perbill, SeatRule, CONTROLLER_CAP,
};
use autonomy_primitives::community::{Class, CommunityId, Day, Power, PowerSink as _, PowerSource as _};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{
		fungible::Mutate as _,
		tokens::{Fortitude, Precision, Preservation},
		Get,
	},
};
use sp_runtime::{
	traits::{AccountIdConversion, Zero},
	ArithmeticError, SaturatedConversion,
};

use crate::{
	traits::{Anchors as _, UsageSink},
	types::{AiSeat, Anchor, Kind, Openings, Place, Refreshes, Seat, Usage, MAX_REFRESHES},
	AiSeatOf, AiSeats, BalanceOf, Communities, CommunityInfoOf, Config, Error, Event, ModelSeats, Pallet, SeatOpenings,
	Seats, Usages,
};

/// Days of the window in which openings count.
const OPENING_DAYS: u32 = 30;
/// Power of one planck in the shortest tier of a bond.
const LIGHTEST: Power = 2;
/// Days of refreshes that a seat remembers.
const REFRESHES: usize = MAX_REFRESHES as usize;

impl<T: Config> Pallet<T> {
	/// The account that an item's seat has power as. Nobody has a key to it.
	pub fn seat_account(anchor: Anchor) -> T::AccountId {
		T::PalletId::get().into_sub_account_truncating((b"own", anchor))
	}

	/// The account that a community's AI has power as. Nobody has a key to it.
	pub fn ai_account(child: CommunityId) -> T::AccountId {
		T::PalletId::get().into_sub_account_truncating((b"ai", child))
	}

	/// The largest part of the AI house that one controller votes with.
	pub(crate) fn controller_cap() -> Perbill {
		let bounds: Bounds = CONTROLLER_CAP;
		let points = bounds.clamp(T::SeatRules::get().controller_cap.into());
		basis_points(u16::try_from(points).unwrap_or(u16::MAX))
	}

	// --- holders ---

	/// Whether holders of an item have a seat in a community: it is the item's own, or that of a collective it is in.
	fn belongs(info: &CommunityInfoOf<T>, anchor: Anchor) -> bool {
		match info.kind {
			Kind::Anchored(Anchor::Collective(collective)) => match anchor {
				Anchor::Character(member) => T::Anchors::members(collective).contains(&member),
				Anchor::Model(_) | Anchor::Identity(_) | Anchor::Collective(_) => false,
			},
			Kind::Anchored(own) => own == anchor,
			Kind::X | Kind::Group { .. } => false,
		}
	}

	pub(crate) fn do_claim_seat(who: T::AccountId, community: CommunityId, anchor: Anchor) -> DispatchResult {
		ensure!(T::Anchors::owner(anchor).as_ref() == Some(&who), Error::<T>::NotHolder);
		let info = Self::ensure_open(community, &who)?;
		ensure!(Self::belongs(&info, anchor), Error::<T>::NotSeatedHere);
		let since = T::Power::today();
		let before = Seats::<T>::get(community, anchor);
		ensure!(before.as_ref().is_none_or(|seat| seat.holder != who), Error::<T>::SeatClaimed);
		Self::mutate_community(community, |info| {
			info.active_on = since;
			if before.is_none() {
				info.seats = info.seats.saturating_add(1);
			}
			Ok(())
		})?;
		T::Power::set_power(community, Class::Owner, &Self::seat_account(anchor), 1)?;
		Seats::<T>::insert(community, anchor, Seat { holder: who.clone(), since });
		Self::deposit_event(Event::SeatClaimed { community, anchor, holder: who, since });
		Ok(())
	}

	pub(crate) fn do_purge_seat(community: CommunityId, anchor: Anchor) -> DispatchResult {
		let seat = Seats::<T>::get(community, anchor).ok_or(Error::<T>::NoSeat)?;
		let info = Self::known(community)?;
		let stands = T::Anchors::owner(anchor) == Some(seat.holder) && Self::belongs(&info, anchor);
		ensure!(!stands, Error::<T>::SeatStands);
		Self::remove_seat(community, anchor)
	}

	/// Gives a seat up.
	pub(crate) fn do_leave_seat(who: &T::AccountId, community: CommunityId, anchor: Anchor) -> DispatchResult {
		let seat = Seats::<T>::get(community, anchor).ok_or(Error::<T>::NoSeat)?;
		ensure!(seat.holder == *who, Error::<T>::NotHolder);
		Self::remove_seat(community, anchor)
	}

	fn remove_seat(community: CommunityId, anchor: Anchor) -> DispatchResult {
		T::Power::set_power(community, Class::Owner, &Self::seat_account(anchor), 0)?;
		Seats::<T>::remove(community, anchor);
		Self::mutate_community(community, |info| {
			info.seats = info.seats.saturating_sub(1);
			Ok(())
		})?;
		Self::deposit_event(Event::SeatPurged { community, anchor });
		Ok(())
	}

	// --- AIs ---

	/// What a community is of; only those can have a seat above.
	fn anchor_of(child: CommunityId) -> Result<Anchor, DispatchError> {
		match Self::known(child)?.kind {
			Kind::Anchored(anchor) => Ok(anchor),
			Kind::X | Kind::Group { .. } => Err(Error::<T>::NoAi.into()),
		}
	}

	pub(crate) fn do_open_ai_seat(payer: &T::AccountId, child: CommunityId) -> DispatchResult {
		Self::ensure_open(child, payer)?;
		ensure!(!AiSeats::<T>::contains_key(child), Error::<T>::SeatClaimed);
		let anchor = Self::anchor_of(child)?;
		let parent = Self::seated_in(anchor).ok_or(Error::<T>::NoAi)?;
		ensure!(Communities::<T>::contains_key(parent), Error::<T>::UnknownCommunity);
		let burned = Self::opening_burn();
		if !burned.is_zero() {
			T::Currency::burn_from(payer, burned, Preservation::Preserve, Precision::Exact, Fortitude::Polite)?;
		}
		let mut openings = Self::openings();
		openings.opened = openings.opened.saturating_add(1);
		SeatOpenings::<T>::put(openings);
		let seat = AiSeat { parent, weight: 0, controller: None, refreshed: Default::default() };
		Self::deposit_event(Event::AiSeatOpened { child, parent, burned });
		Self::refresh(child, anchor, parent, seat)
	}

	pub(crate) fn do_refresh_seat(child: CommunityId) -> DispatchResult {
		let seat = AiSeats::<T>::get(child).ok_or(Error::<T>::NoSeat)?;
		let anchor = Self::anchor_of(child).ok();
		let Some((anchor, parent)) = anchor.and_then(|anchor| Some((anchor, Self::seated_in(anchor)?))) else {
			return Self::end_ai_seat(child, &seat);
		};
		let today = period_of(T::Power::today());
		let is_due = seat.refreshed.last().is_none_or(|day| period_of(*day) < today);
		// Who has left a collective does not weigh in it any longer than it takes to say so.
		let shrinks = matches!(anchor, Anchor::Collective(_)) && Self::weight_of(child, anchor) < seat.weight;
		if !is_due && !shrinks && parent == seat.parent {
			return Self::note_controller(child, anchor, seat);
		}
		if parent != seat.parent {
			ensure!(Communities::<T>::contains_key(parent), Error::<T>::UnknownCommunity);
			T::Power::set_power(seat.parent, Class::Ai, &Self::ai_account(child), 0)?;
		}
		Self::refresh(child, anchor, parent, seat)
	}

	/// Whoever has bought an AI since the last refresh is its controller from now on. What it weighs stays.
	fn note_controller(child: CommunityId, anchor: Anchor, mut seat: AiSeatOf<T>) -> DispatchResult {
		let controller = Self::controller_of(anchor);
		ensure!(controller != seat.controller, Error::<T>::RefreshedLately);
		seat.controller = controller.clone();
		AiSeats::<T>::insert(child, &seat);
		Self::deposit_event(Event::AiSeatRefreshed { child, parent: seat.parent, weight: seat.weight, controller });
		Ok(())
	}

	fn refresh(child: CommunityId, anchor: Anchor, parent: CommunityId, mut seat: AiSeatOf<T>) -> DispatchResult {
		let weight = Self::weight_of(child, anchor);
		T::Power::set_power(parent, Class::Ai, &Self::ai_account(child), weight.into())?;
		Self::note_refresh(&mut seat.refreshed, T::Power::today())?;
		(seat.parent, seat.weight, seat.controller) = (parent, weight, Self::controller_of(anchor));
		AiSeats::<T>::insert(child, &seat);
		Self::deposit_event(Event::AiSeatRefreshed { child, parent, weight, controller: seat.controller });
		Ok(())
	}

	/// Notes a refresh: the first day of each period, so that nobody can push the days that a live proposal needs out of the
	/// list.
	fn note_refresh(refreshed: &mut Refreshes, today: Day) -> DispatchResult {
		if refreshed.last().is_none_or(|day| period_of(*day) < period_of(today)) {
			if refreshed.len() >= REFRESHES {
				refreshed.remove(0);
			}
			refreshed.try_push(today).map_err(|_| ArithmeticError::Overflow)?;
		}
		Ok(())
	}

	fn end_ai_seat(child: CommunityId, seat: &AiSeatOf<T>) -> DispatchResult {
		T::Power::set_power(seat.parent, Class::Ai, &Self::ai_account(child), 0)?;
		AiSeats::<T>::remove(child);
		Self::deposit_event(Event::AiSeatEnded { child, parent: seat.parent });
		if let Some(seat) = ModelSeats::<T>::get(child) {
			Self::end_model_seat(child, &seat)?;
		}
		Ok(())
	}

	/// Ends what seats the AI of a community has.
	pub(crate) fn end_seats_of(child: CommunityId) -> DispatchResult {
		match AiSeats::<T>::get(child) {
			Some(seat) => Self::end_ai_seat(child, &seat),
			None => Ok(()),
		}
	}

	// --- AIs in the communities of models ---

	/// The community of the model that a community's AI talks with.
	pub(crate) fn model_of(child: CommunityId) -> Option<CommunityId> {
		let Kind::Anchored(anchor) = Communities::<T>::get(child)?.kind else { return None };
		T::Anchors::community(Anchor::Model(T::Anchors::mind(anchor)?.model))
	}

	/// Takes the weight of an AI's seat in the community of its model from that of its seat above, which has been paid for.
	pub(crate) fn do_refresh_model_seat(child: CommunityId) -> DispatchResult {
		let (above, before) = (AiSeats::<T>::get(child), ModelSeats::<T>::get(child));
		// It may have moved into a collective before anybody has taken its seat above away.
		let above = above.filter(|_| Self::place_of(child).is_some());
		let parent = Self::model_of(child).filter(|parent| Communities::<T>::contains_key(parent));
		let (Some(above), Some(parent)) = (above, parent) else {
			let seat = before.ok_or(Error::<T>::NoSeat)?;
			return Self::end_model_seat(child, &seat);
		};
		let mut refreshed = match before {
			Some(seat) => {
				let is_same =
					seat.parent == parent && seat.weight == above.weight && seat.controller == above.controller;
				let is_due = seat.refreshed.last() < above.refreshed.last();
				ensure!(!is_same || is_due, Error::<T>::RefreshedLately);
				if seat.parent == parent {
					seat.refreshed
				} else {
					T::Power::set_power(seat.parent, Class::Ai, &Self::ai_account(child), 0)?;
					Default::default()
				}
			}
			None => Default::default(),
		};
		T::Power::set_power(parent, Class::Ai, &Self::ai_account(child), above.weight.into())?;
		// The weight is as old as that of the seat above.
		Self::note_refresh(&mut refreshed, above.refreshed.last().copied().unwrap_or(0))?;
		let AiSeat { weight, controller, .. } = above;
		ModelSeats::<T>::insert(child, AiSeat { parent, weight, controller: controller.clone(), refreshed });
		Self::deposit_event(Event::AiSeatRefreshed { child, parent, weight, controller });
		Ok(())
	}

	fn end_model_seat(child: CommunityId, seat: &AiSeatOf<T>) -> DispatchResult {
		T::Power::set_power(seat.parent, Class::Ai, &Self::ai_account(child), 0)?;
		ModelSeats::<T>::remove(child);
		Self::deposit_event(Event::AiSeatEnded { child, parent: seat.parent });
		Ok(())
	}

	/// The seat of an AI in a community: in the one above, or in that of its model.
	pub(crate) fn ai_seat_in(community: CommunityId, child: CommunityId) -> Option<AiSeatOf<T>> {
		let seats = [AiSeats::<T>::get(child), ModelSeats::<T>::get(child)];
		seats.into_iter().flatten().find(|seat| seat.parent == community)
	}

	/// Who votes with an AI's seat: the holder of its item; of a collective, that of its oldest member's.
	fn controller_of(anchor: Anchor) -> Option<T::AccountId> {
		match anchor {
			Anchor::Collective(collective) => {
				let oldest = T::Anchors::members(collective).into_iter().next()?;
				T::Anchors::owner(Anchor::Character(oldest))
			}
			Anchor::Character(_) | Anchor::Model(_) | Anchor::Identity(_) => T::Anchors::owner(anchor),
		}
	}

	/// Weight of a seat by what its use has burned and what is bonded behind it. A pooled collective has the sum of its
	/// members', of which there are at most 16.
	fn weight_of(child: CommunityId, anchor: Anchor) -> u32 {
		match anchor {
			Anchor::Collective(collective) => {
				let is_pooled =
					|member: &u32| T::Anchors::place(Anchor::Character(*member)) == Some(Place::Pooled(collective));
				let members = T::Anchors::members(collective).into_iter().filter(is_pooled);
				let communities = members.filter_map(|member| T::Anchors::community(Anchor::Character(member)));
				communities.map(Self::own_weight).fold(0, u32::saturating_add)
			}
			Anchor::Character(_) | Anchor::Model(_) | Anchor::Identity(_) => Self::own_weight(child),
		}
	}

	fn own_weight(child: CommunityId) -> u32 {
		let rules = T::SeatRules::get();
		let day = T::Power::snapshot_day();
		let backing = day.and_then(|day| T::Power::total_at(child, Class::Backing, day)).unwrap_or(0);
		let backed = backing.checked_div(LIGHTEST).unwrap_or(0);
		let rule = SeatRule { burn: rules.burn.saturated_into(), backing: rules.backing.saturated_into() };
		seat_weight(Self::burned_lately(child), backed, &rule)
	}

	/// What the use of an AI has burned in the last closed period, in planck.
	pub(crate) fn burned_lately(child: CommunityId) -> u128 {
		let (usage, period) = (Usages::<T>::get(child), period_of(T::Power::today()));
		match period.checked_sub(usage.period) {
			Some(0) => usage.before,
			Some(1) => usage.burned,
			Some(_) | None => 0,
		}
	}

	/// What opening a seat burns now, in planck.
	pub(crate) fn opening_burn() -> BalanceOf<T> {
		let rules = T::SeatRules::get();
		let openings = Self::openings();
		let into = T::Power::today().checked_rem(OPENING_DAYS).unwrap_or(0);
		// The period before counts by the part of it that lies in the last 30 days.
		let before = openings.before.saturating_mul(OPENING_DAYS.saturating_sub(into)).div_ceil(OPENING_DAYS);
		let opened = openings.opened.saturating_add(before);
		creation_burn(rules.opening.saturated_into(), opened, rules.target.max(1)).saturated_into()
	}

	/// Seats opened, as of the present period.
	fn openings() -> Openings {
		let (stored, period) = (SeatOpenings::<T>::get(), period_of(T::Power::today()));
		match period.checked_sub(stored.period) {
			Some(0) | None => stored,
			Some(1) => Openings { period, opened: 0, before: stored.opened },
			Some(_) => Openings { period, opened: 0, before: 0 },
		}
	}
}

impl<T: Config> UsageSink<BalanceOf<T>> for Pallet<T> {
	fn on_burned(community: CommunityId, amount: BalanceOf<T>) {
		let (amount, period) = (amount.saturated_into::<u128>(), period_of(T::Power::today()));
		if amount.is_zero() {
			return;
		}
		Usages::<T>::mutate(community, |usage| {
			*usage = match period.checked_sub(usage.period) {
				Some(0) | None => Usage { burned: usage.burned.saturating_add(amount), ..*usage },
				Some(1) => Usage { period, burned: amount, before: usage.burned },
				Some(_) => Usage { period, burned: amount, before: 0 },
			};
		});
		Self::deposit_event(Event::UsageRecorded { community, amount: amount.saturated_into() });
	}
}

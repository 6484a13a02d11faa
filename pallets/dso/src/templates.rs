//! Templates, charters within their bounds, and changes that come late and in small steps.

use alloc::{boxed::Box, vec::Vec};
use autonomy_governance::{
	are_weights, basis_points, shares_floor, Bounds, Perbill, Phase, StepRule, Steps, Track, FRANCHISE_DELAY_DAYS,
};
use autonomy_primitives::{
	community::{Class, Communities as _, CommunityId, Day, Power, PowerSource as _},
	CharacterId,
};
use codec::Encode;
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{fungibles::Inspect as _, Get},
};
use sp_runtime::{ArithmeticError, PerThing, SaturatedConversion};

use crate::{
	actions::{ActionKind, TierRow, MAX_POINTS},
	traits::Anchors as _,
	types::{Changes, Charter, Field, KindTag, Pending, Template, TemplateFault, TemplateVersion, TrackTerms},
	CallSteps, Charters, Config, Error, Event, FieldSteps, Pallet, PendingCharters, ProposalOf, TemplateVersions,
	Templates, TrackRules,
};

/// Power of one planck or share in the lightest tier of a bond.
const LIGHTEST: Power = 2;
/// Members whose power a class has at least in the denominator.
const FLOOR_MEMBERS: u32 = 5;

/// Most days of voting. Extended twice they are 36: power of the snapshot can be read for 40.
const MOST_VOTING_DAYS: u32 = 24;

/// What the bounds of a field can be at most: X can change the one, only an upgrade the other.
pub const fn limits(field: Field) -> (u32, u32) {
	match field {
		Field::OwnerWeight
		| Field::InvestorWeight
		| Field::FanWeight
		| Field::ContributorWeight
		| Field::TokenWeight
		| Field::ComputeWeight
		| Field::DecisionLimit => (0, 10_000),
		// A decision of the AI never weighs more than that of its members.
		Field::AiOwnShare => (0, 5_000),
		Field::Participation => (100, 10_000),
		Field::Quorum => (100, 5_000),
		Field::Approval => (5_000, 8_000),
		Field::VotingDays => (1, MOST_VOTING_DAYS),
		Field::LockDays => (1, 28),
		Field::SpendLimit => (0, 2_500),
		Field::OwnerFloor => (1, 16),
		Field::FanFloor | Field::ContributorFloor | Field::ComputeFloor => (FLOOR_MEMBERS, 100_000),
		Field::InvestorFloor => (2_000, 10_000),
		Field::OwnAi => (0, 2_000),
	}
}

/// What the pallet begins with.
pub fn default_template(kind: KindTag) -> Template {
	let worth = FLOOR_MEMBERS.saturating_mul(MAX_POINTS.into());
	let nothing = Bounds::new(0, 0, 0);
	let bounds = Field::ALL.map(|field| match field {
		Field::OwnerWeight => match kind {
			KindTag::Character | KindTag::Model | KindTag::Identity => Bounds::new(1_500, 3_000, 4_500),
			KindTag::Collective => Bounds::new(6_000, 8_000, 10_000),
			KindTag::X | KindTag::Group => nothing,
		},
		Field::InvestorWeight => match kind {
			KindTag::Character | KindTag::Model | KindTag::Identity => Bounds::new(1_500, 3_000, 4_500),
			KindTag::X | KindTag::Collective | KindTag::Group => nothing,
		},
		Field::FanWeight => match kind {
			KindTag::Character | KindTag::Identity => Bounds::new(1_500, 2_500, 4_500),
			KindTag::X | KindTag::Model | KindTag::Collective | KindTag::Group => nothing,
		},
		Field::ContributorWeight => match kind {
			KindTag::X => Bounds::new(0, 2_000, 4_000),
			KindTag::Character | KindTag::Identity => Bounds::new(0, 1_500, 3_000),
			KindTag::Model => Bounds::new(1_000, 2_000, 4_000),
			KindTag::Collective => Bounds::new(0, 2_000, 4_000),
			KindTag::Group => Bounds::new(10_000, 10_000, 10_000),
		},
		Field::TokenWeight => match kind {
			KindTag::X => Bounds::new(6_000, 8_000, 10_000),
			KindTag::Character | KindTag::Model | KindTag::Identity | KindTag::Collective | KindTag::Group => nothing,
		},
		Field::ComputeWeight => match kind {
			KindTag::Model => Bounds::new(1_000, 2_000, 4_000),
			KindTag::X | KindTag::Character | KindTag::Identity | KindTag::Collective | KindTag::Group => nothing,
		},
		Field::AiOwnShare => Bounds::new(2_000, 4_000, 5_000),
		Field::Participation => Bounds::new(500, 2_000, 5_000),
		Field::Quorum => Bounds::new(500, 1_000, 4_000),
		Field::Approval => Bounds::new(5_000, 5_000, 8_000),
		Field::VotingDays => Bounds::new(3, 5, 10),
		Field::LockDays => Bounds::new(1, 2, 7),
		Field::SpendLimit => Bounds::new(500, 1_000, 2_500),
		Field::OwnerFloor => Bounds::new(1, 1, 16),
		// As if every one of five members had the most points.
		Field::FanFloor | Field::ContributorFloor | Field::ComputeFloor => Bounds::new(worth, worth, 10_000),
		Field::InvestorFloor => Bounds::new(2_000, 2_000, 5_000),
		Field::OwnAi => match kind {
			// Those that run on a model count in its community without anybody having seated them.
			KindTag::Model => Bounds::new(0, 2_000, 2_000),
			KindTag::X | KindTag::Character | KindTag::Identity | KindTag::Collective | KindTag::Group => {
				Bounds::new(0, 0, 2_000)
			}
		},
		Field::DecisionLimit => Bounds::new(500, 2_500, 10_000),
	});
	Template { bounds, actions: ActionKind::mask(kind), concurrence: 2 }
}

/// Whether a template is sound: ordered bounds within the limits, weights that can be whole, an approval that AIs cannot
/// put out of reach, and no action that communities of the kind cannot take.
pub fn check_template(kind: KindTag, template: &Template) -> Result<(), TemplateFault> {
	for field in Field::ALL {
		let (bounds, (least, most)) = (template.bounds_of(field), limits(field));
		if !bounds.is_sound() || bounds.least < least || bounds.most > most {
			return Err(TemplateFault::Bounds(field));
		}
	}
	let sum = |pick: fn(&Bounds) -> u32| {
		let weights = kind.classes().iter().filter_map(|class| Field::weight_of(*class));
		weights.map(|field| pick(&template.bounds_of(field))).fold(0, u32::saturating_add)
	};
	let default = sum(|bounds| bounds.default);
	if default != 10_000 {
		return Err(TemplateFault::Weights(default));
	}
	let (approval, own_ai) = (template.bounds_of(Field::Approval).most, template.bounds_of(Field::OwnAi).most);
	if approval.saturating_add(own_ai) > 10_000 {
		return Err(TemplateFault::Approval);
	}
	let foreign = template.actions & !ActionKind::mask(kind);
	if foreign != 0 {
		return Err(TemplateFault::Actions(foreign));
	}
	Ok(())
}

/// How far a field may move. What counts points or items moves by single ones where a fifth is less.
fn step_rule(field: Field) -> StepRule {
	match field {
		Field::OwnerFloor | Field::FanFloor | Field::ContributorFloor | Field::ComputeFloor => {
			StepRule { absolute: 1, ..StepRule::FRANCHISE }
		}
		Field::OwnerWeight
		| Field::InvestorWeight
		| Field::FanWeight
		| Field::ContributorWeight
		| Field::TokenWeight
		| Field::ComputeWeight
		| Field::AiOwnShare
		| Field::Participation
		| Field::Quorum
		| Field::Approval
		| Field::VotingDays
		| Field::LockDays
		| Field::SpendLimit
		| Field::InvestorFloor
		| Field::OwnAi
		| Field::DecisionLimit => StepRule::FRANCHISE,
	}
}

fn weight_class(field: Field) -> Option<Class> {
	Class::ALL.into_iter().find(|class| Field::weight_of(*class) == Some(field))
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_set_template(kind: KindTag, template: Box<Template>) -> DispatchResult {
		ensure!(check_template(kind, &template).is_ok(), Error::<T>::TemplateUnsound);
		let version = TemplateVersions::<T>::get(kind).checked_add(1).ok_or(ArithmeticError::Overflow)?;
		TemplateVersions::<T>::insert(kind, version);
		Templates::<T>::insert(kind, version, &*template);
		Self::deposit_event(Event::TemplateSet { kind, version, template });
		Ok(())
	}

	/// The newest template of a kind.
	pub(crate) fn template_of(kind: KindTag) -> (TemplateVersion, Template) {
		let version = TemplateVersions::<T>::get(kind);
		(version, Self::template_at(kind, version))
	}

	/// A version of the template of a kind.
	fn template_at(kind: KindTag, version: TemplateVersion) -> Template {
		Templates::<T>::get(kind, version).unwrap_or_else(|| default_template(kind))
	}

	/// What is in force in a community: what it has chosen, within the newest bounds.
	pub(crate) fn charter_of(community: CommunityId, kind: KindTag) -> Charter {
		let (_, template) = Self::template_of(kind);
		Self::charter_within(community, &template)
	}

	/// What was in force in a community below on the day of a proposal's snapshot, within the bounds of its submission.
	pub(crate) fn charter_at(community: CommunityId, kind: KindTag, proposal: &ProposalOf<T>) -> Charter {
		let (characters, collectives) = proposal.templates;
		let version = match kind {
			KindTag::Character => characters,
			KindTag::Collective => collectives,
			// No AI of theirs has a seat above.
			KindTag::X | KindTag::Model | KindTag::Identity | KindTag::Group => TemplateVersions::<T>::get(kind),
		};
		Self::charter_on(community, &Self::template_at(kind, version), proposal.snap)
	}

	pub(crate) fn charter_within(community: CommunityId, template: &Template) -> Charter {
		Self::charter_on(community, template, T::Power::today())
	}

	fn charter_on(community: CommunityId, template: &Template, day: Day) -> Charter {
		let (chosen, pending) = (Charters::<T>::get(community), Self::effective(community, day));
		Charter(Field::ALL.map(|field| {
			let bounds = template.bounds_of(field);
			let late = pending.as_ref().and_then(|changes| changes.iter().find(|(of, _)| *of == field));
			let value = late.map(|(_, value)| *value).or_else(|| chosen.get(&field).copied());
			bounds.clamp(value.unwrap_or(bounds.default))
		}))
	}

	/// Changes that were waiting and are in force on a day.
	fn effective(community: CommunityId, day: Day) -> Option<Changes> {
		let pending = PendingCharters::<T>::get(community)?;
		(pending.effective <= day).then_some(pending.values)
	}

	/// Checks changes of a charter as they would be executed now.
	pub(crate) fn check_changes(community: CommunityId, kind: KindTag, changes: &Changes) -> DispatchResult {
		ensure!(!changes.is_empty(), Error::<T>::NothingChanges);
		let (_, template) = Self::template_of(kind);
		let charter = Self::charter_within(community, &template);
		let today = T::Power::today();
		let mut after = charter;
		for (index, (field, value)) in changes.iter().enumerate() {
			let twice = changes.iter().skip(index.saturating_add(1)).any(|(other, _)| other == field);
			ensure!(!twice, Error::<T>::FieldTwice);
			ensure!(template.bounds_of(*field).contains(*value), Error::<T>::FieldOutOfBounds);
			if field.is_franchise() {
				let steps = FieldSteps::<T>::get(community, field);
				let (before, after) = (charter.get(*field).into(), (*value).into());
				let step = Steps::step(steps, before, after, today, &step_rule(*field));
				ensure!(step.is_some(), Error::<T>::StepTooLarge);
			}
			if let Some(slot) = after.0.get_mut(*field as usize) {
				*slot = *value;
			}
		}
		let weights: Vec<(u16, Bounds)> = kind
			.classes()
			.iter()
			.filter_map(|class| Field::weight_of(*class))
			.map(|field| (u16::try_from(after.get(field)).unwrap_or(u16::MAX), template.bounds_of(field)))
			.collect();
		let touches = changes.iter().any(|(field, _)| weight_class(*field).is_some());
		ensure!(!touches || are_weights(&weights), Error::<T>::WeightsNotWhole);
		Ok(())
	}

	/// Writes changes of a charter. Franchise fields, and what is decided with them, wait for a week.
	pub(crate) fn do_set_charter(community: CommunityId, kind: KindTag, changes: Changes) -> DispatchResult {
		Self::check_changes(community, kind, &changes)?;
		let today = T::Power::today();
		if let Some(values) = Self::effective(community, today) {
			Self::choose(community, &values)?;
			PendingCharters::<T>::remove(community);
		}
		let effective = if changes.iter().any(|(field, _)| field.is_franchise()) {
			ensure!(!PendingCharters::<T>::contains_key(community), Error::<T>::ChangePending);
			let charter = Self::charter_of(community, kind);
			for (field, value) in changes.iter().filter(|(field, _)| field.is_franchise()) {
				let steps = FieldSteps::<T>::get(community, field);
				let (before, after) = (charter.get(*field).into(), (*value).into());
				let step = Steps::step(steps, before, after, today, &step_rule(*field));
				FieldSteps::<T>::insert(community, field, step.ok_or(Error::<T>::StepTooLarge)?);
			}
			let effective = today.saturating_add(FRANCHISE_DELAY_DAYS);
			PendingCharters::<T>::insert(community, Pending { effective, values: changes.clone() });
			effective
		} else {
			Self::choose(community, &changes)?;
			today
		};
		Self::deposit_event(Event::CharterSet { community, changes, effective });
		Ok(())
	}

	fn choose(community: CommunityId, changes: &Changes) -> DispatchResult {
		Charters::<T>::try_mutate(community, |chosen| {
			for (field, value) in changes {
				// There is room for every field.
				chosen.try_insert(*field, *value).map_err(|_| DispatchError::Corruption)?;
			}
			Ok(())
		})
	}

	/// Classes that changes of a charter leave with less to say.
	pub(crate) fn losers(community: CommunityId, kind: KindTag, changes: &Changes) -> Vec<Class> {
		let charter = Self::charter_of(community, kind);
		changes.iter().filter_map(|(field, value)| field.loser(charter.get(*field), *value)).collect()
	}

	// --- who votes as a fan ---

	/// Steps of what a fan has to have bonded and spent to vote, from what it is now to what it would be. `None` when that
	/// is too far.
	fn entry_steps(
		community: CommunityId,
		character: CharacterId,
		rows: &[TierRow],
		advanced_from: u8,
	) -> Option<Vec<([u8; 32], Steps)>> {
		let Some(before) = T::Anchors::entry(character) else { return Some(Vec::new()) };
		let counted = rows.iter().take(usize::from(advanced_from).saturating_add(1));
		let after = counted.fold(TierRow { bonded: 0, spent: 0 }, |most, row| TierRow {
			bonded: most.bonded.max(row.bonded),
			spent: most.spent.max(row.spent),
		});
		let least = T::ProposalDeposit::get().saturated_into();
		let rule = StepRule { absolute: least, ..StepRule::FRANCHISE };
		let today = T::Power::today();
		let moves = [(&b"bonded"[..], before.bonded, after.bonded), (&b"spent"[..], before.spent, after.spent)];
		let step = |(what, from, to): (&[u8], u128, u128)| {
			let key = sp_crypto_hashing::blake2_256(&(b"fans", community, what).encode());
			Steps::step(CallSteps::<T>::get(key), from, to, today, &rule).map(|steps| (key, steps))
		};
		moves.into_iter().map(step).collect()
	}

	/// Whether another table of tiers moves the line between fans who vote and others no further than it may.
	pub(crate) fn check_tiers(
		community: CommunityId,
		character: CharacterId,
		rows: &[TierRow],
		advanced_from: u8,
	) -> DispatchResult {
		let steps = Self::entry_steps(community, character, rows, advanced_from);
		ensure!(steps.is_some(), Error::<T>::StepTooLarge);
		Ok(())
	}

	/// Notes how far another table of tiers moves that line.
	pub(crate) fn note_tiers(
		community: CommunityId,
		character: CharacterId,
		rows: &[TierRow],
		advanced_from: u8,
	) -> DispatchResult {
		let steps = Self::entry_steps(community, character, rows, advanced_from);
		for (key, steps) in steps.ok_or(Error::<T>::StepTooLarge)? {
			CallSteps::<T>::insert(key, steps);
		}
		Ok(())
	}

	/// The least denominator of a class.
	pub(crate) fn floor_of(community: CommunityId, charter: &Charter, class: Class) -> Power {
		match class {
			Class::Owner => charter.get(Field::OwnerFloor).into(),
			Class::Fan => charter.get(Field::FanFloor).into(),
			Class::Contributor => charter.get(Field::ContributorFloor).into(),
			Class::Compute => charter.get(Field::ComputeFloor).into(),
			Class::Investor => {
				let issued = T::Registry::shares(community).map(T::Assets::total_issuance);
				let issued = issued.map_or(0, |issued| issued.saturated_into::<u128>());
				shares_floor(issued, charter.part(Field::InvestorFloor), LIGHTEST)
			}
			Class::Token => T::TokenFloor::get(),
			Class::Backing | Class::Ai => 0,
		}
	}

	pub(crate) fn do_set_track(track: Track, terms: Option<TrackTerms>) -> DispatchResult {
		if let Some(terms) = terms {
			ensure!(Self::fits_track(track, &terms), Error::<T>::TrackOutOfBounds);
			TrackRules::<T>::insert(track, terms);
		} else {
			TrackRules::<T>::remove(track);
		}
		Self::deposit_event(Event::TrackSet { track, terms });
		Ok(())
	}

	/// Terms of a track lie between a half and the double of the pallet's own, approval takes a half at least, and voting ends
	/// before the snapshot is forgotten.
	fn fits_track(track: Track, terms: &TrackTerms) -> bool {
		// Every track is open in the last phase.
		let Some(rule) = track.rule(Phase::Four) else { return false };
		let near = |value: u32, default: u32| value >= default.div_ceil(2).max(1) && value <= default.saturating_mul(2);
		let points = |part: Perbill| part.deconstruct().div_ceil(100_000);
		let approval = u32::from(terms.approval);
		let lock = rule.lock_days;
		(5_000..=8_000).contains(&approval)
			&& basis_points(terms.approval) <= rule.question.rule.ai_share.left_from_one()
			&& near(terms.support.into(), points(rule.question.rule.support))
			&& near(terms.voting_days, rule.voting_days)
			&& terms.voting_days <= MOST_VOTING_DAYS
			&& (terms.lock_days == lock || near(terms.lock_days, lock))
	}
}

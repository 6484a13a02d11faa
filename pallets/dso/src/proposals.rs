//! Proposals: what each kind of action asks for, submission, and the end.

use alloc::{boxed::Box, vec::Vec};
use autonomy_governance::{
	ai_share_in_force, basis_points, decide, deposit, is_deposit_burned, needs_objection, tally, AiVotes, ClassVotes,
	Failure, Perbill, Phase, Question, Rule, Track, Voting, FRANCHISE_DELAY_DAYS, SEAT_WEIGHT, SECOND_VOTE_DAYS,
};
use autonomy_primitives::community::{Class, CommunityId, Day, PowerSource as _, Topic, X_COMMUNITY};
use frame_support::{
	ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{
		fungible::MutateHold as _,
		tokens::{Fortitude, Precision},
		Get, QueryPreimage as _,
	},
};
use sp_runtime::{traits::Zero, ArithmeticError, PerThing, SaturatedConversion};

use crate::{
	actions::{Action, CharacterAction, ModelAction, MAX_CONVICTION, MAX_POINTS},
	traits::Anchors as _,
	types::{
		Anchor, Charter, Field, Kind, KindTag, Line, Lines, Moment, Outcome, Path, Proposal, ProposalId, Prose, Stage,
		Status, MAX_LIVE, MAX_LIVE_ON_TRACK,
	},
	ActionOf, ActiveKeys, CommunityInfoOf, Config, EndedProposals, Error, Event, HoldReason, LiveBy, LiveOnTrack,
	NextProposalId, Pallet, ProposalOf, Proposals, SecondVotes, TemplateVersions, TrackRules, Trainings,
};

/// Days in which an approved proposal can be executed.
pub const EXECUTION_DAYS: Day = 14;
/// Days of the nay-only objection.
const OBJECTION_DAYS: Day = 1;
/// Days in which the second vote has to be won.
pub const SECOND_VOTE_LIFETIME: Day = 90;

/// What an action asks for.
struct Plan {
	track: Option<Track>,
	topic: Topic,
	path: Path,
	question: Question,
	voting_days: Day,
	lock_days: Day,
	/// Classes whose consent it needs.
	consent: Vec<Class>,
	/// Whether the community's own AI votes.
	own_ai: bool,
}

impl<T: Config> Pallet<T> {
	/// The present block.
	pub(crate) fn now() -> Moment {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}

	/// Blocks of some days.
	pub(crate) fn days(days: Day) -> Moment {
		T::BlocksPerDay::get().saturated_into::<Moment>().saturating_mul(days)
	}

	/// How far a proposal is now.
	pub(crate) fn stage_of(proposal: &ProposalOf<T>) -> Stage {
		proposal.stage(Self::now(), Self::expiry(proposal))
	}

	pub(crate) fn known_proposal(id: ProposalId) -> Result<ProposalOf<T>, DispatchError> {
		Ok(Proposals::<T>::get(id).ok_or(Error::<T>::UnknownProposal)?)
	}

	// --- what an action asks for ---

	fn plan(community: CommunityId, info: &CommunityInfoOf<T>, action: &ActionOf<T>) -> Result<Plan, DispatchError> {
		let tag = info.kind.tag();
		let (_, template) = Self::template_of(tag);
		let charter = Self::charter_within(community, &template);
		ensure!(action.fits(info.kind) && template.allows(action.kind()), Error::<T>::ActionNotAllowed);
		ensure!(Self::phase() >= action.kind().opens(), Error::<T>::ActionTooEarly);
		Self::check_action(community, info, action)?;
		let mut plan = match info.kind {
			Kind::X => Self::plan_of_x(action)?,
			Kind::Anchored(_) | Kind::Group { .. } => {
				Self::plan_below(community, info.kind, &charter, template.concurrence, action)
			}
		};
		plan.consent.extend(Self::losers_of(community, info, action));
		if !plan.question.rule.is_sound() {
			plan.question.rule.ai_share = plan.question.rule.approval.left_from_one();
		}
		Ok(plan)
	}

	/// A community below X: its charter decides.
	fn plan_below(
		community: CommunityId,
		kind: Kind,
		charter: &Charter,
		concurrence: u8,
		action: &ActionOf<T>,
	) -> Plan {
		let limit = charter.part(Field::SpendLimit);
		let path = match action {
			Action::Spend { asset, amount, .. } => Self::path_of(community, asset, *amount, limit),
			Action::StartTraining { budget, .. } => Self::path_of(community, &None, *budget, limit),
			Action::Signal
			| Action::SetCharter(_)
			| Action::GrantBadge { .. }
			| Action::GrantComputeBadge { .. }
			| Action::LapseBadge { .. }
			| Action::Character(_)
			| Action::Model(_)
			| Action::PublishCheckpoint { .. }
			| Action::EndTraining(_)
			| Action::Dispatch { .. }
			| Action::Motion { .. } => Path::Small,
		};
		let is_critical = action.is_critical() || path == Path::Large;
		let phase = Self::phase();
		// Those that run on a model are asked in its community from the last phase on.
		let has_ais = !matches!(kind, Kind::Anchored(Anchor::Model(_))) || phase >= Phase::Four;
		let ai_share = if has_ais && !action.is_for_people_alone() {
			phase.own_ai_share_limit().min(charter.part(Field::OwnAi))
		} else {
			Perbill::zero()
		};
		let mut lock_days = charter.get(Field::LockDays);
		if matches!(action, Action::Character(CharacterAction::SetTiers { .. })) {
			lock_days = lock_days.max(FRANCHISE_DELAY_DAYS);
		}
		let is_own = matches!(kind, Kind::Anchored(Anchor::Character(_)));
		Plan {
			track: None,
			topic: if is_critical { Topic::Critical } else { Topic::Routine },
			path,
			question: Question {
				rule: Rule { approval: charter.part(Field::Approval), support: charter.part(Field::Quorum), ai_share },
				concurring: if is_critical { concurrence } else { 0 },
				ai_house: None,
			},
			voting_days: charter.get(Field::VotingDays),
			lock_days,
			consent: Vec::new(),
			own_ai: is_own && !ai_share.is_zero(),
		}
	}

	/// X: the track of the action decides.
	fn plan_of_x(action: &ActionOf<T>) -> Result<Plan, DispatchError> {
		let mut path = Path::Small;
		let track = match action {
			Action::Signal => Track::Wish,
			Action::SetCharter(_) | Action::GrantBadge { .. } | Action::LapseBadge { .. } => Track::Templates,
			Action::Spend { asset, amount, .. } => {
				path = Self::path_of(X_COMMUNITY, asset, *amount, Self::x_limit(Path::Small));
				match path {
					Path::Small | Path::Decision => Track::TreasurySmall,
					Path::Large => Track::TreasuryLarge,
				}
			}
			Action::Dispatch { track, .. } => match track {
				Track::Templates | Track::Interaction | Track::Economic | Track::Models | Track::Data => *track,
				Track::Wish
				| Track::TreasurySmall
				| Track::TreasuryLarge
				| Track::Constitution
				| Track::ConstitutionDual => return Err(Error::<T>::TrackDispatchesNothing.into()),
			},
			Action::Motion { dual: false, .. } => Track::Constitution,
			Action::Motion { dual: true, .. } => Track::ConstitutionDual,
			Action::Character(_)
			| Action::Model(_)
			| Action::StartTraining { .. }
			| Action::PublishCheckpoint { .. }
			| Action::EndTraining(_)
			| Action::GrantComputeBadge { .. } => return Err(Error::<T>::ActionNotAllowed.into()),
		};
		let mut rule = track.rule(Self::phase()).ok_or(Error::<T>::TrackClosed)?;
		if let Some(terms) = TrackRules::<T>::get(track) {
			rule.question.rule.approval = basis_points(terms.approval);
			rule.question.rule.support = basis_points(terms.support);
			(rule.voting_days, rule.lock_days) = (terms.voting_days, terms.lock_days);
		}
		let is_critical = action.is_critical() || track == Track::TreasuryLarge;
		Ok(Plan {
			track: Some(track),
			topic: if is_critical { Topic::Critical } else { Topic::Routine },
			path,
			question: rule.question,
			voting_days: rule.voting_days,
			lock_days: rule.lock_days,
			consent: if track == Track::Data { alloc::vec![Class::Contributor] } else { Vec::new() },
			own_ai: false,
		})
	}

	/// What can be known to be wrong with an action before anybody votes on it.
	fn check_action(community: CommunityId, info: &CommunityInfoOf<T>, action: &ActionOf<T>) -> DispatchResult {
		match action {
			Action::SetCharter(changes) => Self::check_changes(community, info.kind.tag(), changes),
			Action::Spend { amount, .. } => {
				ensure!(!amount.is_zero(), Error::<T>::AmountIsZero);
				Ok(())
			}
			Action::GrantBadge { points, .. } | Action::GrantComputeBadge { points, .. } => {
				ensure!((1..=MAX_POINTS).contains(points), Error::<T>::PointsOutOfRange);
				Ok(())
			}
			Action::Dispatch { track, hash, len } => Self::check_call(*track, hash, *len),
			Action::Motion { hash, len, .. } => {
				ensure!(T::Preimages::len(hash) == Some(*len), Error::<T>::PreimageMissing);
				Ok(())
			}
			Action::Character(action) => Self::check_character(community, info.kind, action),
			Action::StartTraining { budget, days, .. } => Self::check_training(*budget, *days),
			Action::PublishCheckpoint { training, payment, .. } => {
				Self::check_checkpoint(community, *training, *payment)
			}
			Action::EndTraining(training) => {
				ensure!(Trainings::<T>::contains_key(community, training), Error::<T>::UnknownTraining);
				Ok(())
			}
			Action::Signal | Action::LapseBadge { .. } | Action::Model(_) => Ok(()),
		}
	}

	fn check_character(community: CommunityId, kind: Kind, action: &CharacterAction) -> DispatchResult {
		match action {
			CharacterAction::SetTiers { rows, advanced_from } => match kind {
				Kind::Anchored(Anchor::Character(character)) => {
					Self::check_tiers(community, character, rows, *advanced_from)
				}
				Kind::X | Kind::Anchored(_) | Kind::Group { .. } => Err(Error::<T>::ActionNotAllowed.into()),
			},
			CharacterAction::VoteReferendum { balance, conviction, .. } => {
				ensure!(*balance > 0, Error::<T>::AmountIsZero);
				ensure!(*conviction <= MAX_CONVICTION, Error::<T>::ConvictionOutOfRange);
				Ok(())
			}
			CharacterAction::SetPersona { .. }
			| CharacterAction::SetModels { .. }
			| CharacterAction::SetSplit(_)
			| CharacterAction::SetActive(_)
			| CharacterAction::AcceptChild(_)
			| CharacterAction::AskParent(_)
			| CharacterAction::LeaveParent
			| CharacterAction::FoundCollective { .. }
			| CharacterAction::Invite(_)
			| CharacterAction::JoinCollective(_)
			| CharacterAction::LeaveCollective
			| CharacterAction::RemoveVote(_) => Ok(()),
		}
	}

	/// Classes that an action leaves with less revenue, weight or rights.
	pub(crate) fn losers_of(community: CommunityId, info: &CommunityInfoOf<T>, action: &ActionOf<T>) -> Vec<Class> {
		match action {
			Action::SetCharter(changes) => Self::losers(community, info.kind.tag(), changes),
			Action::Character(CharacterAction::SetTiers { .. }) => alloc::vec![Class::Fan],
			Action::Character(CharacterAction::SetSplit(split)) => {
				let Kind::Anchored(Anchor::Character(character)) = info.kind else { return Vec::new() };
				// What cannot be compared may be less for everybody.
				let before = T::Anchors::split(character).unwrap_or(crate::actions::Split {
					owner: u32::MAX,
					investors: u32::MAX,
					treasury: u32::MAX,
					fans: u32::MAX,
				});
				split.losers(&before).collect()
			}
			Action::Model(ModelAction::OpenSource) => {
				alloc::vec![Class::Investor, Class::Contributor, Class::Compute]
			}
			Action::Signal
			| Action::Spend { .. }
			| Action::GrantBadge { .. }
			| Action::LapseBadge { .. }
			| Action::Character(_)
			| Action::Model(_)
			| Action::Dispatch { .. }
			| Action::Motion { .. }
			| Action::StartTraining { .. }
			| Action::PublishCheckpoint { .. }
			| Action::EndTraining(_)
			| Action::GrantComputeBadge { .. } => Vec::new(),
		}
	}

	/// The classes of a community with what they had on a closed day.
	pub(crate) fn freeze_lines(
		community: CommunityId,
		kind: Kind,
		charter: &Charter,
		snap: Day,
		consent: &[Class],
	) -> Result<Lines, DispatchError> {
		let mut lines = Lines::new();
		for class in kind.tag().classes() {
			let total = T::Power::total_at(community, *class, snap).ok_or(Error::<T>::SnapshotGone)?;
			let weight = Field::weight_of(*class).map_or(0, |field| charter.get(field));
			let votes = ClassVotes {
				weight: u16::try_from(weight).unwrap_or(u16::MAX),
				total,
				floor: Self::floor_of(community, charter, *class),
				votes: Default::default(),
			};
			// A class without members has nobody to consent.
			let needs_consent = votes.has_members() && consent.contains(class);
			let line = Line { class: *class, votes, consent: needs_consent };
			lines.try_push(line).map_err(|_| ArithmeticError::Overflow)?;
		}
		Ok(lines)
	}

	// --- submission ---

	pub(crate) fn do_submit(
		who: T::AccountId,
		community: CommunityId,
		action: ActionOf<T>,
		prose: Prose,
	) -> Result<ProposalId, DispatchError> {
		let info = Self::ensure_open(community, &who)?;
		ensure!(Self::is_member(community, &info, &who), Error::<T>::NotMember);
		ensure!(!LiveBy::<T>::contains_key(community, &who), Error::<T>::OneLiveProposal);
		let mut proposal = Self::draft(who.clone(), community, &info, action, prose)?;
		let live = match proposal.track {
			Some(track) => {
				let live = LiveOnTrack::<T>::get(track);
				ensure!(live < MAX_LIVE_ON_TRACK, Error::<T>::TooManyLive);
				LiveOnTrack::<T>::insert(track, live.saturating_add(1));
				info.live
			}
			None => {
				ensure!(info.live < MAX_LIVE, Error::<T>::TooManyLive);
				info.live
			}
		};
		proposal.deposit = deposit(T::ProposalDeposit::get().saturated_into(), live).saturated_into();
		T::Currency::hold(&HoldReason::Proposal.into(), &who, proposal.deposit)?;
		let id = NextProposalId::<T>::get();
		NextProposalId::<T>::put(id.checked_add(1).ok_or(ArithmeticError::Overflow)?);
		Self::mutate_community(community, |info| {
			info.live = info.live.saturating_add(1);
			info.proposals = info.proposals.saturating_add(1);
			info.active_on = T::Power::today();
			Ok(())
		})?;
		LiveBy::<T>::insert(community, &who, id);
		Self::pin(&proposal.action);
		Self::deposit_event(Event::Submitted {
			proposal: id,
			community,
			proposer: who,
			track: proposal.track,
			topic: proposal.topic,
			action: Box::new(proposal.action.clone()),
			prose: proposal.prose.clone(),
			snap: proposal.snap,
			voting: proposal.voting,
			deposit: proposal.deposit,
		});
		Proposals::<T>::insert(id, proposal);
		Ok(id)
	}

	/// A proposal as it would be submitted now, without its deposit.
	fn draft(
		proposer: T::AccountId,
		community: CommunityId,
		info: &CommunityInfoOf<T>,
		action: ActionOf<T>,
		prose: Prose,
	) -> Result<ProposalOf<T>, DispatchError> {
		ensure!(core::str::from_utf8(&prose).is_ok(), Error::<T>::ProseNotUtf8);
		let plan = Self::plan(community, info, &action)?;
		let snap = T::Power::snapshot_day().ok_or(Error::<T>::TooEarly)?;
		let charter = Self::charter_of(community, info.kind.tag());
		let lines = Self::freeze_lines(community, info.kind, &charter, snap, &plan.consent)?;
		let own_weight = if plan.own_ai { u128::from(SEAT_WEIGHT) } else { 0 };
		let seats = T::Power::total_at(community, Class::Ai, snap).ok_or(Error::<T>::SnapshotGone)?;
		let now = Self::now();
		let start = now.saturating_add(T::QueuePeriod::get().saturated_into());
		Ok(Proposal {
			community,
			proposer,
			deposit: Zero::zero(),
			action,
			prose,
			track: plan.track,
			topic: plan.topic,
			path: plan.path,
			submitted: now,
			snap,
			templates: (
				TemplateVersions::<T>::get(KindTag::Character),
				TemplateVersions::<T>::get(KindTag::Collective),
			),
			voting: Voting::new(start, Self::days(plan.voting_days)),
			lock: Self::days(plan.lock_days),
			question: plan.question,
			lines,
			ai: AiVotes::new(seats.saturating_add(own_weight)),
			own_ai: plan.own_ai,
			status: Status::Voting,
		})
	}

	pub(crate) fn do_edit(who: &T::AccountId, id: ProposalId, action: ActionOf<T>, prose: Prose) -> DispatchResult {
		let before = Self::known_proposal(id)?;
		ensure!(before.proposer == *who, Error::<T>::NotProposer);
		ensure!(Self::stage_of(&before) == Stage::Queued, Error::<T>::VotingBegan);
		let info = Self::known(before.community)?;
		let mut after = Self::draft(before.proposer.clone(), before.community, &info, action, prose)?;
		ensure!(after.track == before.track, Error::<T>::OtherTrack);
		after.deposit = before.deposit;
		Self::pin(&after.action);
		Self::unpin(&before.action);
		Self::deposit_event(Event::Edited {
			proposal: id,
			topic: after.topic,
			action: Box::new(after.action.clone()),
			prose: after.prose.clone(),
			snap: after.snap,
			voting: after.voting,
		});
		Proposals::<T>::insert(id, after);
		Ok(())
	}

	pub(crate) fn do_withdraw(who: &T::AccountId, id: ProposalId) -> DispatchResult {
		let proposal = Self::known_proposal(id)?;
		ensure!(proposal.proposer == *who, Error::<T>::NotProposer);
		ensure!(Self::stage_of(&proposal) == Stage::Queued, Error::<T>::VotingBegan);
		Self::end(id, proposal, Outcome::Withdrawn, false)
	}

	/// Keeps the call of an action from being removed.
	fn pin(action: &ActionOf<T>) {
		if let Some((hash, _)) = action.preimage() {
			T::Preimages::request(&hash);
		}
	}

	pub(crate) fn unpin(action: &ActionOf<T>) {
		if let Some((hash, _)) = action.preimage() {
			if T::Preimages::is_requested(&hash) {
				T::Preimages::unrequest(&hash);
			}
		}
	}

	// --- the count ---

	/// What a proposal must meet now: as frozen, but the AIs never count more than the present phase lets them.
	pub(crate) fn question_of(proposal: &ProposalOf<T>) -> Question {
		let mut question = proposal.question;
		question.rule.ai_share = ai_share_in_force(question.rule.ai_share, Self::phase());
		question
	}

	/// Whether a proposal would pass now.
	pub(crate) fn result_of(proposal: &ProposalOf<T>) -> Result<Perbill, Failure> {
		decide(&Self::question_of(proposal), &proposal.classes(), &proposal.ai)
	}

	/// Whether it would pass if no AI had voted.
	fn passes_without_ai(proposal: &ProposalOf<T>) -> bool {
		let mut question = Self::question_of(proposal);
		question.rule.ai_share = Perbill::zero();
		question.ai_house = None;
		decide(&question, &proposal.classes(), &AiVotes::new(0)).is_ok()
	}

	pub(crate) fn do_close(id: ProposalId) -> DispatchResult {
		let mut proposal = Self::known_proposal(id)?;
		match Self::stage_of(&proposal) {
			Stage::Counting => (),
			Stage::Lapsed => return Self::end(id, proposal, Outcome::Expired, false),
			Stage::Queued
			| Stage::Open
			| Stage::Settling
			| Stage::Objection
			| Stage::Locked
			| Stage::Executable
			| Stage::Ended(_) => return Err(Error::<T>::NotDue.into()),
		}
		let result = Self::result_of(&proposal);
		let is_first = proposal.status == Status::Voting;
		if is_first && result.is_ok() && needs_objection(Self::passes_without_ai(&proposal), true) {
			let until = Self::now().saturating_add(Self::days(OBJECTION_DAYS));
			proposal.status = Status::Objection { until };
			Proposals::<T>::insert(id, &proposal);
			Self::deposit_event(Event::ObjectionOpened { proposal: id, until });
			return Ok(());
		}
		match result {
			Ok(approval) => Self::approve(id, proposal, approval),
			Err(Failure::AiHouse) if proposal.track == Some(Track::Constitution) => {
				let mut question = Self::question_of(&proposal);
				question.ai_house = None;
				match decide(&question, &proposal.classes(), &proposal.ai) {
					Ok(approval) if Self::is_second_vote(id, &proposal) => Self::approve(id, proposal, approval),
					Ok(_) => Self::reject(id, proposal, Failure::AiHouse),
					Err(failure) => Self::reject(id, proposal, failure),
				}
			}
			Err(failure) => Self::reject(id, proposal, failure),
		}
	}

	/// Whether people have decided the same before, long enough ago, against the AIs. Notes it when they do for the first
	/// time.
	fn is_second_vote(id: ProposalId, proposal: &ProposalOf<T>) -> bool {
		let Some(key) = proposal.action.key() else { return false };
		let today = T::Power::today();
		if let Some(first) = SecondVotes::<T>::get(key) {
			let waited = today.saturating_sub(first);
			// Who votes on both at the same time does not think twice.
			let was_proposed_before = proposal.snap.saturating_add(1) < first;
			if waited < SECOND_VOTE_DAYS || (was_proposed_before && waited <= SECOND_VOTE_LIFETIME) {
				return false;
			}
			if waited <= SECOND_VOTE_LIFETIME {
				SecondVotes::<T>::remove(key);
				return true;
			}
		}
		SecondVotes::<T>::insert(key, today);
		Self::deposit_event(Event::SecondVoteNeeded { proposal: id, from: today.saturating_add(SECOND_VOTE_DAYS) });
		false
	}

	fn reject(id: ProposalId, proposal: ProposalOf<T>, failure: Failure) -> DispatchResult {
		Self::deposit_event(Event::Rejected { proposal: id, failure });
		Self::end(id, proposal, Outcome::Rejected, false)
	}

	fn approve(id: ProposalId, mut proposal: ProposalOf<T>, approval: Perbill) -> DispatchResult {
		if let Some(key) = proposal.action.key() {
			// Something newer may have been approved, and forgotten since.
			if Self::now() >= Self::kept_until(&proposal) {
				return Self::end(id, proposal, Outcome::Expired, false);
			}
			if let Some(other) = ActiveKeys::<T>::get(proposal.community, key) {
				if other > id {
					return Self::end(id, proposal, Outcome::Superseded, false);
				}
				if let Some(older) = Proposals::<T>::get(other) {
					if matches!(older.status, Status::Approved { .. }) {
						Self::end(other, older, Outcome::Superseded, false)?;
					}
				}
			}
			ActiveKeys::<T>::insert(proposal.community, key, id);
		}
		Self::end_live(id, &mut proposal, None, false)?;
		let from = Self::now().saturating_add(proposal.lock);
		let expires = from.saturating_add(Self::days(EXECUTION_DAYS));
		proposal.status = Status::Approved { from, expires };
		Proposals::<T>::insert(id, &proposal);
		Self::deposit_event(Event::Approved { proposal: id, approval, from, expires });
		Ok(())
	}

	/// Gives the proposer's place and deposit back, or burns the deposit.
	fn end_live(
		id: ProposalId,
		proposal: &mut ProposalOf<T>,
		outcome: Option<Outcome>,
		is_spam: bool,
	) -> DispatchResult {
		let (community, who) = (proposal.community, proposal.proposer.clone());
		LiveBy::<T>::remove(community, &who);
		if let Some(track) = proposal.track {
			LiveOnTrack::<T>::mutate(track, |live| *live = live.saturating_sub(1));
		}
		Self::mutate_community(community, |info| {
			info.live = info.live.saturating_sub(1);
			Ok(())
		})?;
		let deposit = core::mem::replace(&mut proposal.deposit, Zero::zero());
		let classes: Vec<ClassVotes> = proposal.lines.iter().map(|line| line.votes).collect();
		// One that was taken back or stopped was not counted: nobody knows what support it would have found.
		let was_counted = !matches!(outcome, Some(Outcome::Withdrawn | Outcome::Cancelled));
		let burned = is_spam || (was_counted && is_deposit_burned(tally(&classes).support(), false));
		if burned {
			let reason = HoldReason::Proposal.into();
			T::Currency::burn_held(&reason, &who, deposit, Precision::BestEffort, Fortitude::Force)?;
		} else {
			Self::release(HoldReason::Proposal, &who, deposit)?;
		}
		Self::deposit_event(Event::DepositSettled { proposal: id, who, amount: deposit, burned });
		Ok(())
	}

	/// Ends a proposal, whatever it was.
	pub(crate) fn end(id: ProposalId, mut proposal: ProposalOf<T>, outcome: Outcome, is_spam: bool) -> DispatchResult {
		if proposal.is_live() {
			Self::end_live(id, &mut proposal, Some(outcome), is_spam)?;
		}
		// What is executed still needs its call.
		if outcome != Outcome::Done {
			Self::unpin(&proposal.action);
		}
		proposal.status = Status::Ended(outcome);
		Proposals::<T>::insert(id, &proposal);
		EndedProposals::<T>::insert(id, ());
		Self::deposit_event(Event::Ended { proposal: id, outcome });
		Ok(())
	}

	/// The phase that is in force.
	pub(crate) fn phase() -> Phase {
		Self::phase_on(T::Power::today())
	}
}

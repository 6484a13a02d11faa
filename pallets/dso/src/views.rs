//! What clients ask: whose power, where it comes from, what everybody says on a proposal, and what can be done now.

use alloc::{vec, vec::Vec};
use autonomy_governance::{ai_share, approval, deposit, tally, ClassVotes, ConsentRule};
use autonomy_primitives::community::{Class, CommunityId, PowerSource as _, Topic};
use frame_support::traits::Get as _;
use sp_runtime::SaturatedConversion;

use crate::{
	traits::Anchors as _,
	types::{
		AiPage, Anchor, Capacity, ClassPage, CommunityInfo, Doable, Field, Kind, Missing, PowerLine, ProposalId,
		ProposalPage, Stage, MAX_BATCH,
	},
	AiSeats, BalanceOf, ChildPolls, Communities, Config, Decisions, LiveBy, Pallet, PowerLineOf, ProposalOf,
	ProposalPageOf, Proposals, Seats, Unsettled,
};

impl<T: Config> Pallet<T> {
	/// Deposit of a proposal submitted now.
	pub(crate) fn present_deposit(community: CommunityId) -> BalanceOf<T> {
		let live = Communities::<T>::get(community).map_or(0, |info| info.live);
		deposit(T::ProposalDeposit::get().saturated_into(), live).saturated_into()
	}

	// --- power ---

	pub(crate) fn power_page(community: CommunityId, who: &T::AccountId) -> Vec<PowerLineOf<T>> {
		let (Some(info), Some(day)) = (Communities::<T>::get(community), T::Power::snapshot_day()) else {
			return Vec::new();
		};
		let charter = Self::charter_of(community, info.kind.tag());
		let mut lines = Vec::new();
		for class in info.kind.tag().classes() {
			let total = T::Power::total_at(community, *class, day).unwrap_or(0);
			let floor = Self::floor_of(community, &charter, *class);
			let weight = Field::weight_of(*class).map_or(0, |field| charter.get(field));
			let empty = PowerLine {
				class: *class,
				item: None,
				own: 0,
				standing: 0,
				inbound: (0, 0),
				delegate: (None, None),
				total: total.max(floor),
				weight: u16::try_from(weight).unwrap_or(u16::MAX),
			};
			if *class == Class::Owner {
				for anchor in Self::items_of(community, &info, who) {
					let account = Self::seat_account(anchor);
					let own = T::Power::power_at(community, Class::Owner, &account, day).unwrap_or(0);
					lines.push(PowerLine { item: Some(anchor), own, standing: own, ..empty.clone() });
				}
				continue;
			}
			let inbound = |topic| T::Power::inbound_at(community, *class, topic, who, day).unwrap_or(0);
			let delegate = |topic| T::Power::delegate_at(community, *class, topic, who, day);
			lines.push(PowerLine {
				own: T::Power::power_at(community, *class, who, day).unwrap_or(0),
				standing: T::Power::standing(community, *class, who),
				inbound: (inbound(Topic::Routine), inbound(Topic::Critical)),
				delegate: (delegate(Topic::Routine), delegate(Topic::Critical)),
				..empty
			});
		}
		lines
	}

	/// Items whose seats in a community an account has claimed and still holds.
	fn items_of(
		community: CommunityId,
		info: &CommunityInfo<T::AccountId, BalanceOf<T>>,
		who: &T::AccountId,
	) -> Vec<Anchor> {
		let items = match info.kind {
			Kind::Anchored(Anchor::Collective(collective)) => {
				T::Anchors::members(collective).into_iter().map(Anchor::Character).collect()
			}
			Kind::Anchored(anchor) => vec![anchor],
			Kind::X | Kind::Group { .. } => Vec::new(),
		};
		let holds = |anchor: &Anchor| {
			let claimed = Seats::<T>::get(community, anchor).is_some_and(|seat| seat.holder == *who);
			claimed && T::Anchors::owner(*anchor).as_ref() == Some(who)
		};
		items.into_iter().filter(holds).collect()
	}

	// --- a proposal ---

	pub(crate) fn proposal_page(id: ProposalId) -> Option<ProposalPageOf<T>> {
		let proposal = Proposals::<T>::get(id)?;
		let classes: Vec<ClassVotes> = proposal.lines.iter().map(|line| line.votes).collect();
		let (sum, most) = (tally(&classes), Self::question_of(&proposal).rule.ai_share);
		let pages = proposal.lines.iter().map(|line| ClassPage {
			line: *line,
			share_of_ayes: line.votes.share_of_ayes(),
			agrees: line.votes.agrees(&ConsentRule::CONSENT),
		});
		Some(ProposalPage {
			id,
			stage: Self::stage_of(&proposal),
			paused: Self::is_paused(&proposal),
			classes: pages.collect(),
			ais: Self::ai_pages(id, &proposal),
			tally: sum,
			human: sum.share_of_ayes(),
			ai_house: proposal.ai.share_of_ayes(),
			ai_share: ai_share(&sum, &proposal.ai, most),
			approval: approval(&sum, &proposal.ai, most),
			passes: Self::result_of(&proposal).is_ok(),
			missing: Self::missing(&proposal, &classes),
			proposal,
		})
	}

	/// What each AI says that was asked or whose members have voted.
	fn ai_pages(id: ProposalId, proposal: &ProposalOf<T>) -> Vec<AiPage> {
		let most = usize::try_from(MAX_BATCH).unwrap_or(usize::MAX);
		let mut children: Vec<CommunityId> = ChildPolls::<T>::iter_key_prefix(id).take(most).collect();
		children.extend(Decisions::<T>::iter_key_prefix(id).take(most));
		children.sort_unstable();
		children.dedup();
		children.truncate(most);
		let page = |child: CommunityId| {
			let (preview, decision) = Self::preview(id, proposal, child)?;
			let settled = ChildPolls::<T>::get(id, child).and_then(|poll| poll.settled);
			let shown = settled.unwrap_or(preview);
			Some(AiPage {
				child,
				decision,
				weight: preview.weight,
				members: shown.members,
				preference: shown.preference,
				settled,
			})
		};
		children.into_iter().filter_map(page).collect()
	}

	/// What a proposal lacks, all of it.
	fn missing(proposal: &ProposalOf<T>, classes: &[ClassVotes]) -> Vec<Missing> {
		let question = Self::question_of(proposal);
		let (sum, rule) = (tally(classes), question.rule);
		let mut missing = Vec::new();
		if sum.support() < rule.support {
			missing.push(Missing::Support { has: sum.support(), needs: rule.support });
		}
		let has = approval(&sum, &proposal.ai, rule.ai_share);
		if has.is_none_or(|has| has < rule.approval) {
			missing.push(Missing::Approval { has, needs: rule.approval });
		}
		if let (Some(needs), Some(has)) = (question.ai_house, proposal.ai.share_of_ayes()) {
			if has < needs {
				missing.push(Missing::AiHouse { has, needs });
			}
		}
		let count = |classes: usize| u8::try_from(classes).unwrap_or(u8::MAX);
		let members = || classes.iter().filter(|class| class.has_members());
		let has = count(members().filter(|class| class.agrees(&ConsentRule::CONCURRENCE)).count());
		let needs = question.concurring.min(count(members().count()));
		if has < needs {
			missing.push(Missing::Concurrence { has, needs });
		}
		for line in &proposal.lines {
			let refuses = line.consent && line.votes.has_members() && !line.votes.agrees(&ConsentRule::CONSENT);
			if refuses {
				missing.push(Missing::Consent(line.class));
			}
		}
		missing
	}

	// --- what can be done ---

	pub(crate) fn doables(id: ProposalId, who: &T::AccountId) -> Vec<Doable> {
		let Some(proposal) = Proposals::<T>::get(id) else { return Vec::new() };
		let is_proposer = LiveBy::<T>::get(proposal.community, who) == Some(id);
		match Self::stage_of(&proposal) {
			Stage::Queued if is_proposer => vec![Doable::Edit, Doable::Withdraw],
			Stage::Queued | Stage::Locked => Vec::new(),
			Stage::Open => {
				let mut doables: Vec<_> = Self::capacities(&proposal, who).into_iter().map(Doable::Vote).collect();
				if Self::can_be_asked(id, &proposal) {
					doables.push(Doable::RequestDecision);
				}
				doables
			}
			Stage::Settling => {
				let mut doables: Vec<_> = Self::capacities(&proposal, who).into_iter().map(Doable::Vote).collect();
				if Self::can_be_settled(id, &proposal) {
					doables.push(Doable::SettleAi);
				}
				doables
			}
			Stage::Objection => Self::capacities(&proposal, who).into_iter().map(Doable::Object).collect(),
			Stage::Counting | Stage::Lapsed => vec![Doable::Close],
			Stage::Executable if Self::is_paused(&proposal) => Vec::new(),
			Stage::Executable => vec![Doable::Execute],
			Stage::Ended(_) => vec![Doable::Reap],
		}
	}

	/// Whether the AI of the community itself can be asked. Which of those below can be is to be seen in their seats.
	fn can_be_asked(id: ProposalId, proposal: &ProposalOf<T>) -> bool {
		let own = proposal.community;
		let has_mind = match Communities::<T>::get(own).map(|info| info.kind) {
			// Those that run on it are too many to look for; their weight at the snapshot is known.
			Some(Kind::Anchored(Anchor::Model(_))) => proposal.ai.total > 0,
			Some(Kind::Anchored(anchor)) => T::Anchors::mind(anchor).is_some(),
			Some(Kind::X) => AiSeats::<T>::iter_keys().next().is_some(),
			Some(Kind::Group { .. }) | None => false,
		};
		has_mind && !Decisions::<T>::contains_key(id, own)
	}

	fn can_be_settled(id: ProposalId, proposal: &ProposalOf<T>) -> bool {
		let mut open = Unsettled::<T>::iter_key_prefix(id).take(usize::try_from(MAX_BATCH).unwrap_or(usize::MAX));
		open.any(|child| !Self::is_awaited(proposal, Decisions::<T>::get(id, child)))
	}

	/// In which capacities an account can vote on a proposal.
	fn capacities(proposal: &ProposalOf<T>, who: &T::AccountId) -> Vec<Capacity> {
		let Some(info) = Communities::<T>::get(proposal.community) else { return Vec::new() };
		let (community, snap) = (proposal.community, proposal.snap);
		let is_seated = |anchor: &Anchor| Seats::<T>::get(community, anchor).is_some_and(|seat| seat.since <= snap);
		let items = Self::items_of(community, &info, who).into_iter().filter(is_seated);
		let mut capacities: Vec<Capacity> = items.map(Capacity::Holder).collect();
		for line in &proposal.lines {
			if !line.class.is_delegable() {
				continue;
			}
			let own = T::Power::power_at(community, line.class, who, snap).unwrap_or(0);
			let own = own.min(T::Power::standing(community, line.class, who));
			let inbound = T::Power::inbound_at(community, line.class, proposal.topic, who, snap).unwrap_or(0);
			if own > 0 || inbound > 0 {
				capacities.push(Capacity::Member(line.class));
			}
		}
		capacities
	}
}

//! Benchmarks of every call, and of what other pallets tell this one.

use super::*;
use crate::{
	traits::{Anchors as _, BallotResults, BenchmarkHelper, UsageSink},
	types::{Ballot, Decision, Moment, PhaseInfo, Stage, VoterKey},
};
use alloc::vec;
use autonomy_governance::Day;
use autonomy_primitives::{
	community::{Class, X_COMMUNITY},
	CharacterId,
};
use frame_benchmarking::v2::*;
use frame_support::traits::fungible::{Inspect as _, Mutate};
use frame_system::RawOrigin;
use sp_runtime::{
	traits::{Bounded, Saturating},
	SaturatedConversion,
};

fn funded<T: Config>(who: &'static str) -> T::AccountId {
	let who: T::AccountId = account(who, 0, 0);
	T::Currency::set_balance(&who, BalanceOf::<T>::max_value() / 1_000_000u32.into());
	who
}

/// A member of X since yesterday.
fn member<T: Config>(who: &'static str) -> T::AccountId {
	let who = funded::<T>(who);
	T::BenchmarkHelper::bond_in_x(&who);
	T::BenchmarkHelper::next_day();
	who
}

fn go_to<T: Config>(block: Moment) {
	frame_system::Pallet::<T>::set_block_number(block.saturated_into());
}

fn go_on<T: Config>(days: Day) {
	go_to::<T>(Pallet::<T>::now().saturating_add(Pallet::<T>::days(days)));
}

/// A character of `owner` with its community.
fn community<T: Config>(owner: &T::AccountId) -> (CommunityId, Anchor) {
	let character: CharacterId = T::BenchmarkHelper::character(owner);
	let anchor = Anchor::Character(character);
	let community = Pallet::<T>::do_open_community(owner, anchor).expect("the character is there");
	(community, anchor)
}

fn prose() -> Prose {
	Prose::truncate_from(vec![b'x'; autonomy_primitives::job::MAX_PROSE_BYTES as usize])
}

fn badge<T: Config>() -> Box<ActionOf<T>> {
	Box::new(Action::GrantBadge { who: account("contributor", 0, 0), points: 5 })
}

fn proposed<T: Config>(who: &T::AccountId, action: Box<ActionOf<T>>) -> ProposalId {
	Pallet::<T>::do_submit(who.clone(), X_COMMUNITY, *action, prose()).expect("a member proposes")
}

/// A proposal of `who` that is open.
fn opened<T: Config>(who: &T::AccountId) -> ProposalId {
	let id = proposed::<T>(who, badge::<T>());
	go_to::<T>(Proposals::<T>::get(id).expect("proposed").voting.start);
	id
}

/// A proposal of `who` that has been voted for and has ended.
fn voted<T: Config>(who: &T::AccountId) -> ProposalId {
	let id = opened::<T>(who);
	Pallet::<T>::do_vote(who, id, Capacity::Member(Class::Token), Side::Aye).expect("a member votes");
	go_to::<T>(Proposals::<T>::get(id).expect("proposed").voting.end());
	id
}

/// A proposal that can be executed.
fn approved<T: Config>(who: &T::AccountId) -> ProposalId {
	let id = voted::<T>(who);
	Pallet::<T>::do_close(id).expect("its voting has ended");
	let lock = Proposals::<T>::get(id).expect("approved").lock;
	go_to::<T>(Pallet::<T>::now().saturating_add(lock));
	id
}

/// A community below X with an AI's seat.
fn seated<T: Config>(owner: &T::AccountId) -> CommunityId {
	let (child, _) = community::<T>(owner);
	Pallet::<T>::do_open_ai_seat(owner, child).expect("it can be paid");
	child
}

/// Accounts that have a badge in X, and power from tomorrow on.
fn contributors<T: Config>(count: u32) {
	for index in 0..count {
		let power = T::Power::set_power(X_COMMUNITY, Class::Contributor, &contributor::<T>(index), 1);
		power.expect("X is open");
		// Nobody reads what is said about them.
		if index % 1_000 == 0 {
			frame_system::Pallet::<T>::reset_events();
		}
	}
}

fn contributor<T: Config>(index: u32) -> T::AccountId {
	account("among", index, 0)
}

/// Their ballots on a proposal of X.
fn ballots<T: Config>(id: ProposalId, count: u32) {
	let ballot = Ballot { side: Some(Side::Aye), power: 1, overridden: 0 };
	for index in 0..count {
		let voter = VoterKey::Account(Class::Contributor, contributor::<T>(index));
		Ballots::<T>::insert((id, X_COMMUNITY, voter), ballot);
	}
	Proposals::<T>::mutate(id, |proposal| {
		let lines = proposal.iter_mut().flat_map(|proposal| proposal.lines.iter_mut());
		for line in lines.filter(|line| line.class == Class::Contributor) {
			line.votes.votes.ayes = count.into();
		}
	});
}

/// The community of the model that a character talks with.
fn model<T: Config>(owner: &T::AccountId, character: Anchor) -> CommunityId {
	let mind = T::Anchors::mind(character).expect("it talks");
	Pallet::<T>::do_open_community(owner, Anchor::Model(mind.model)).expect("the model is there")
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn open_community() {
		let who = funded::<T>("owner");
		let anchor = Anchor::Character(T::BenchmarkHelper::character(&who));

		#[extrinsic_call]
		_(RawOrigin::Signed(who), anchor);

		assert!(CommunityByAnchor::<T>::contains_key(anchor));
	}

	#[benchmark]
	fn open_group() {
		let who = member::<T>("member");

		#[extrinsic_call]
		_(RawOrigin::Signed(who), X_COMMUNITY);

		assert_eq!(Communities::<T>::get(X_COMMUNITY).expect("open").groups, 1);
	}

	#[benchmark]
	fn close_community() {
		let who = funded::<T>("owner");
		let (community, _) = community::<T>(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), community);

		assert!(!Communities::<T>::contains_key(community));
	}

	#[benchmark]
	fn reap_dormant() {
		let who = funded::<T>("owner");
		let (community, _) = community::<T>(&who);
		go_on::<T>(T::DormantDays::get());

		#[extrinsic_call]
		_(RawOrigin::Signed(who), community);

		assert!(!Communities::<T>::contains_key(community));
	}

	#[benchmark]
	fn claim_seat() {
		let who = funded::<T>("owner");
		let (community, anchor) = community::<T>(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), community, anchor);

		assert!(Seats::<T>::contains_key(community, anchor));
	}

	#[benchmark]
	fn purge_seat() {
		let who = funded::<T>("owner");
		let (community, anchor) = community::<T>(&who);
		Pallet::<T>::do_claim_seat(who.clone(), community, anchor).expect("it is its own");

		#[extrinsic_call]
		_(RawOrigin::Signed(who), community, anchor);

		assert!(!Seats::<T>::contains_key(community, anchor));
	}

	#[benchmark]
	fn open_ai_seat() {
		let who = funded::<T>("owner");
		let (child, _) = community::<T>(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), child);

		assert!(AiSeats::<T>::contains_key(child));
	}

	#[benchmark]
	fn refresh_seat() {
		let who = funded::<T>("owner");
		let child = seated::<T>(&who);
		go_on::<T>(30);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), child);

		assert_eq!(AiSeats::<T>::get(child).expect("seated").refreshed.len(), 2);
	}

	#[benchmark]
	fn set_template() -> Result<(), BenchmarkError> {
		let origin = T::TemplateOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
		let template = Box::new(templates::default_template(KindTag::Character));

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, KindTag::Character, template);

		assert_eq!(TemplateVersions::<T>::get(KindTag::Character), 1);
		Ok(())
	}

	#[benchmark]
	fn set_track() -> Result<(), BenchmarkError> {
		let origin = T::AdminOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
		let terms = TrackTerms { approval: 5_000, support: 100, voting_days: 7, lock_days: 0 };

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, Track::Wish, Some(terms));

		assert!(TrackRules::<T>::contains_key(Track::Wish));
		Ok(())
	}

	#[benchmark]
	fn lapse_badge() {
		let who = funded::<T>("contributor");
		Pallet::<T>::set_badge(X_COMMUNITY, who.clone(), Class::Contributor, 5).expect("X is open");
		go_on::<T>(T::BadgeDays::get());

		#[extrinsic_call]
		_(RawOrigin::Signed(who.clone()), X_COMMUNITY, who.clone());

		assert!(!Badges::<T>::contains_key(X_COMMUNITY, who));
	}

	#[benchmark]
	fn submit() {
		let who = member::<T>("member");

		#[extrinsic_call]
		_(RawOrigin::Signed(who), X_COMMUNITY, badge::<T>(), prose());

		assert_eq!(Proposals::<T>::iter().count(), 1);
	}

	#[benchmark]
	fn edit() {
		let who = member::<T>("member");
		let id = proposed::<T>(&who, badge::<T>());
		let other = Box::new(Action::LapseBadge { who: who.clone() });

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, other, prose());

		assert_eq!(Proposals::<T>::get(id).expect("proposed").action.kind(), ActionKind::Badges);
	}

	#[benchmark]
	fn withdraw() {
		let who = member::<T>("member");
		let id = proposed::<T>(&who, badge::<T>());

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id);

		assert!(EndedProposals::<T>::contains_key(id));
	}

	#[benchmark]
	fn vote() {
		let who = member::<T>("member");
		let id = opened::<T>(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, Capacity::Member(Class::Token), Side::Aye);

		assert_eq!(Ballots::<T>::iter().count(), 1);
	}

	#[benchmark]
	fn vote_child() {
		let owner = funded::<T>("owner");
		let (child, anchor) = community::<T>(&owner);
		Pallet::<T>::do_claim_seat(owner.clone(), child, anchor).expect("it is its own");
		Pallet::<T>::do_open_ai_seat(&owner, child).expect("it can be paid");
		let who = member::<T>("member");
		let id = opened::<T>(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(owner), id, child, Capacity::Holder(anchor), Side::Aye);

		assert!(ChildPolls::<T>::contains_key(id, child));
	}

	#[benchmark]
	fn unvote() {
		let who = member::<T>("member");
		let id = opened::<T>(&who);
		let capacity = Capacity::Member(Class::Token);
		Pallet::<T>::do_vote(&who, id, capacity, Side::Aye).expect("a member votes");

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, X_COMMUNITY, capacity);

		assert_eq!(Ballots::<T>::iter().count(), 0);
	}

	#[benchmark]
	fn request_decision() {
		let owner = funded::<T>("owner");
		let child = seated::<T>(&owner);
		go_on::<T>(10);
		let who = member::<T>("member");
		let id = opened::<T>(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, child);

		assert!(Decisions::<T>::contains_key(id, child));
	}

	#[benchmark]
	fn settle_ai(n: Linear<1, 50>) {
		let owner = funded::<T>("owner");
		let children: Vec<CommunityId> = (0..n).map(|_| community::<T>(&owner).0).collect();
		let who = member::<T>("member");
		let id = opened::<T>(&who);
		for child in &children {
			Decisions::<T>::insert(id, child, Decision::Given(Lean::AYE));
			Unsettled::<T>::insert(id, child, ());
		}
		go_to::<T>(Proposals::<T>::get(id).expect("proposed").voting.cut_off());

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, Batch::truncate_from(children));

		assert_eq!(ChildPolls::<T>::iter().count(), n as usize);
	}

	#[benchmark]
	fn close() {
		let who = member::<T>("member");
		let id = voted::<T>(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id);

		assert!(!Proposals::<T>::get(id).expect("proposed").is_live());
	}

	#[benchmark]
	fn execute() {
		let who = member::<T>("member");
		let id = approved::<T>(&who);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, Weight::zero());

		let proposal = Proposals::<T>::get(id).expect("approved");
		assert_eq!(Pallet::<T>::stage_of(&proposal), Stage::Ended(Outcome::Done));
	}

	#[benchmark]
	fn cancel() -> Result<(), BenchmarkError> {
		let origin = T::GuardOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
		let who = member::<T>("member");
		let id = opened::<T>(&who);

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, id, [0; 32], true);

		assert!(EndedProposals::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn pause() -> Result<(), BenchmarkError> {
		let origin = T::GuardOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, Scope::All, [0; 32]);

		assert!(Pauses::<T>::contains_key(Scope::All));
		Ok(())
	}

	#[benchmark]
	fn lift_pause() -> Result<(), BenchmarkError> {
		let origin = T::GuardOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
		Pallet::<T>::do_pause(Scope::All, [0; 32]).expect("nothing is stopped");
		go_to::<T>(Pallet::<T>::now().saturating_add(1));

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, Scope::All);

		assert!(Pauses::<T>::get(Scope::All).is_some_and(|stopped| stopped.until == Pallet::<T>::now()));
		Ok(())
	}

	/// What the gate does has a weight of its own: here it refuses.
	#[benchmark]
	fn flush_outbox() {
		for proposal in 0..MAX_MOTIONS {
			Pallet::<T>::push_motion(proposal, false, T::Hash::default(), 1).expect("there is room");
		}

		#[block]
		{
			let _ = Pallet::<T>::do_flush_outbox();
		}

		assert!(Outbox::<T>::get().len() >= (MAX_MOTIONS as usize).saturating_sub(1));
	}

	#[benchmark]
	fn drop_motion() {
		let who = funded::<T>("anyone");
		for proposal in 0..MAX_MOTIONS {
			Pallet::<T>::push_motion(proposal, false, T::Hash::default(), 1).expect("there is room");
		}
		go_on::<T>(181);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), MAX_MOTIONS.saturating_sub(1));

		assert_eq!(Outbox::<T>::get().len(), (MAX_MOTIONS as usize).saturating_sub(1));
	}

	#[benchmark]
	fn reap(n: Linear<1, 1_000>) {
		let who = member::<T>("member");
		let id = proposed::<T>(&who, badge::<T>());
		Pallet::<T>::do_withdraw(&who, id).expect("it is queued");
		for index in 1..n {
			let voter: T::AccountId = account("voter", index, 0);
			let ballot = Ballot { side: Some(Side::Aye), power: 1, overridden: 0 };
			Ballots::<T>::insert((id, X_COMMUNITY, VoterKey::Account(Class::Token, voter)), ballot);
		}

		#[extrinsic_call]
		_(RawOrigin::Signed(who), id, n);

		assert!(!Proposals::<T>::contains_key(id));
	}

	/// What a phase needs lies with other pallets: here it is read, whether it is there or not.
	#[benchmark]
	fn advance_phase() {
		#[block]
		{
			let _ = Pallet::<T>::do_advance_phase(Phase::One, Phase::Two);
		}
	}

	#[benchmark]
	fn regress_phase() {
		CurrentPhase::<T>::put(PhaseInfo { reached: Phase::Four, since: 0, suspension: None });

		#[extrinsic_call]
		_(RawOrigin::Root, Phase::One);

		assert_eq!(CurrentPhase::<T>::get().reached, Phase::One);
	}

	#[benchmark]
	fn refresh_model_seat() {
		let who = funded::<T>("owner");
		let (child, anchor) = community::<T>(&who);
		Pallet::<T>::do_open_ai_seat(&who, child).expect("it can be paid");
		model::<T>(&who, anchor);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), child);

		assert!(ModelSeats::<T>::contains_key(child));
	}

	#[benchmark]
	fn end_training() {
		let who = funded::<T>("owner");
		let (_, anchor) = community::<T>(&who);
		let community = model::<T>(&who, anchor);
		let budget = T::Currency::minimum_balance().saturating_mul(10u32.into());
		T::Currency::set_balance(&T::Registry::treasury(community), budget.saturating_mul(2u32.into()));
		let recipe = [1; 36];
		Pallet::<T>::do_start_training(community, types::Path::Large, recipe, who.clone(), budget, 1)
			.expect("the treasury has it");
		go_on::<T>(2);

		#[extrinsic_call]
		_(RawOrigin::Signed(who), community, 0);

		assert_eq!(Trainings::<T>::iter().count(), 0);
	}

	/// What the model does has a weight of its own: here it may refuse.
	#[benchmark]
	fn withdraw_data() {
		let who = funded::<T>("owner");
		let (_, anchor) = community::<T>(&who);
		let (community, root) = (model::<T>(&who, anchor), [1; 36]);
		DataGivers::<T>::insert(community, root, &who);

		#[block]
		{
			let _ = with_storage_layer(|| Pallet::<T>::do_withdraw_data(&who, community, root));
		}

		assert!(Communities::<T>::contains_key(community));
	}

	/// A vote among `m` members who have all voted. Its cost must not depend on them.
	#[benchmark(extra)]
	fn vote_among_members(m: Linear<10, 100_000>) {
		contributors::<T>(m);
		let who = member::<T>("member");
		let id = opened::<T>(&who);
		ballots::<T>(id, m);

		#[block]
		{
			Pallet::<T>::do_vote(&who, id, Capacity::Member(Class::Token), Side::Aye).expect("a member votes");
		}

		assert_eq!(Proposals::<T>::get(id).expect("proposed").lines.len(), 2);
	}

	/// The end of a vote of `m` members. Its cost must not depend on them.
	#[benchmark(extra)]
	fn close_among_members(m: Linear<10, 100_000>) {
		contributors::<T>(m);
		let who = member::<T>("member");
		let id = voted::<T>(&who);
		ballots::<T>(id, m);

		#[block]
		{
			Pallet::<T>::do_close(id).expect("its voting has ended");
		}

		assert!(!Proposals::<T>::get(id).expect("proposed").is_live());
	}

	/// Counting an AI of `m` members who have all voted. Its cost must not depend on them.
	#[benchmark(extra)]
	fn settle_among_members(m: Linear<10, 100_000>) {
		let owner = funded::<T>("owner");
		let child = seated::<T>(&owner);
		for index in 0..m {
			let power = T::Power::set_power(child, Class::Fan, &contributor::<T>(index), 1);
			power.expect("it is open");
			if index % 1_000 == 0 {
				frame_system::Pallet::<T>::reset_events();
			}
		}
		let who = member::<T>("member");
		let id = opened::<T>(&who);
		let proposal = Proposals::<T>::get(id).expect("proposed");
		let mut poll = Pallet::<T>::child_poll(id, child, &proposal).expect("the snapshot is there");
		for line in poll.lines.iter_mut().filter(|line| line.class == Class::Fan) {
			line.votes.votes.ayes = m.into();
		}
		ChildPolls::<T>::insert(id, child, poll);
		let ballot = Ballot { side: Some(Side::Aye), power: 1, overridden: 0 };
		for index in 0..m {
			let voter = VoterKey::Account(Class::Fan, contributor::<T>(index));
			Ballots::<T>::insert((id, child, voter), ballot);
		}
		go_to::<T>(proposal.voting.cut_off());
		let children = Batch::truncate_from(vec![child]);

		#[block]
		{
			Pallet::<T>::do_settle_ai(id, children).expect("its members have voted");
		}

		assert!(ChildPolls::<T>::get(id, child).expect("settled").settled.is_some());
	}

	/// Doing what `m` members have decided. Its cost must not depend on them.
	#[benchmark(extra)]
	fn execute_among_members(m: Linear<10, 100_000>) {
		contributors::<T>(m);
		let who = member::<T>("member");
		let id = approved::<T>(&who);
		ballots::<T>(id, m);

		#[block]
		{
			Pallet::<T>::do_execute(id, Weight::zero()).expect("it was approved");
		}

		let proposal = Proposals::<T>::get(id).expect("approved");
		assert_eq!(Pallet::<T>::stage_of(&proposal), Stage::Ended(Outcome::Done));
	}

	#[benchmark]
	fn on_burned() {
		#[block]
		{
			<Pallet<T> as UsageSink<BalanceOf<T>>>::on_burned(X_COMMUNITY, 1u32.into());
		}

		assert_eq!(Usages::<T>::get(X_COMMUNITY).burned, 1);
	}

	#[benchmark]
	fn on_ballot() {
		BallotJobs::<T>::insert(7, (0, X_COMMUNITY));

		#[block]
		{
			<Pallet<T> as BallotResults>::on_ballot(7, Some(50));
		}

		assert!(Decisions::<T>::contains_key(0, X_COMMUNITY));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}

//! Who decides, on the real runtime: communities of characters and models, the tracks of X, the holders of AUTON, the guard.

mod common;

use autonomy_primitives::{
	community::{Class, CommunityId, Pot, X_COMMUNITY},
	digest::cid,
	CharacterId,
};
use autonomy_runtime::{
	configs::{
		autonomy::BoundedTiers,
		governance::{BoundedSeatRules, GuardCollective, InWords, Items, TokenFloor},
		parameters::{dynamic, RuntimeParameters},
		system::ProxyType,
		works::TreasuryAccount,
	},
	genesis_config_presets::{DEVELOPMENT_DAY, DEVELOPMENT_NEEDS, LOCAL_DAY},
	AccountId, Balance, Balances, BlockNumber, Bonds, Characters, Democracy, Dso, GuardCommittee, Hash, Inference,
	Models, Parameters, Preimage, Runtime, RuntimeCall, RuntimeOrigin, AUTON, MICRO_AUTON, MILLI_AUTON,
};
use codec::Encode;
use common::*;
use frame_support::{
	assert_noop, assert_ok,
	traits::{
		fungible::{Inspect, InspectHold, Mutate},
		tokens::Preservation,
		Bounded, Get, InstanceFilter,
	},
	weights::Weight,
	BoundedVec,
};
use pallet_characters::{Bounds, CharacterDetails, FanTier, InteractionBounds, SplitBounds, Template, TierBounds};
use pallet_democracy::{AccountVote, Conviction, ReferendumInfo, Vote};
use pallet_dso::{
	traits::{Anchors, CallWords},
	ActionOf, Anchor, Capacity, CharacterAction, Error, Field, KindTag, ModelAction, Needs, Origin, Outcome, Phase,
	PhaseInfo, ProposalId, Scope, SeatRules, Shadow, Side, Split, Status, TierRow, Track,
};
use pallet_inference::{Event as InferenceEvent, Part};
use sp_keyring::Sr25519Keyring as Key;
use sp_runtime::{
	traits::{BlakeTwo256, Hash as _},
	DispatchError, MultiAddress, Permill,
};

type Action = ActionOf<Runtime>;

/// Blocks of a day in these tests: enough for every part of a period to be a block.
const DAY: BlockNumber = 10;
/// Whoever has bonded AUTON in X.
const HOLDERS: [Key; 3] = [Key::Alice, Key::Bob, Key::Charlie];
const BONDED: Balance = 300_000 * AUTON;

/// Runs on the chain of a preset, whose days are short, on the second day: the three holders have bonded in X.
fn on(preset: &str, run: impl FnOnce()) {
	chain(preset).execute_with(|| {
		pallet_bonds::DayLength::<Runtime>::put(DAY);
		next_block();
		for key in HOLDERS {
			assert_ok!(Bonds::bond(signed(key), X_COMMUNITY, Pot::Auton, BONDED, pallet_bonds::Tier::Days14));
		}
		days(2);
		run();
	});
}

fn test(run: impl FnOnce()) {
	on("development", run);
}

/// Goes to the first block of the day that is some days from now.
fn days(count: u32) {
	run_to((Bonds::today() + count) * DAY);
}

fn set_phase(phase: Phase) {
	let info = PhaseInfo { reached: phase, since: Bonds::today(), suspension: None };
	pallet_dso::CurrentPhase::<Runtime>::put(info);
}

fn note(call: &RuntimeCall) -> (Hash, u32) {
	let bytes = call.encode();
	let (hash, len) = (BlakeTwo256::hash(&bytes), bytes.len() as u32);
	if !pallet_preimage::RequestStatusFor::<Runtime>::contains_key(hash) {
		assert_ok!(Preimage::note_preimage(signed(Key::Dave), bytes));
	}
	(hash, len)
}

fn dispatch(track: Track, call: &RuntimeCall) -> Action {
	let (hash, len) = note(call);
	Action::Dispatch { track, hash, len }
}

fn motion(call: &RuntimeCall) -> Action {
	let (hash, len) = note(call);
	Action::Motion { dual: false, hash, len }
}

fn submit(who: Key, community: CommunityId, action: Action) -> Result<ProposalId, DispatchError> {
	let prose = b"It is time.".to_vec().try_into().expect("short");
	frame_support::storage::with_storage_layer(|| Dso::submit(signed(who), community, Box::new(action), prose))?;
	Ok(pallet_dso::NextProposalId::<Runtime>::get() - 1)
}

fn proposal(id: ProposalId) -> pallet_dso::ProposalOf<Runtime> {
	pallet_dso::Proposals::<Runtime>::get(id).expect("it is there")
}

/// Opens voting, has everybody vote for it, counts, and waits for the time-lock.
fn pass(id: ProposalId, voters: &[(Key, Capacity)]) {
	run_to(proposal(id).voting.start);
	for (who, capacity) in voters {
		assert_ok!(Dso::vote(signed(*who), id, *capacity, Side::Aye));
	}
	run_to(proposal(id).voting.end());
	assert_ok!(Dso::close(signed(Key::Eve), id));
	let Status::Approved { from, .. } = proposal(id).status else { panic!("{:?}", proposal(id).status) };
	run_to(from);
}

/// X decides for an action. It is not executed.
fn pass_in_x(action: Action) -> ProposalId {
	let id = submit(Key::Alice, X_COMMUNITY, action).expect("she has no other one there");
	pass(id, &HOLDERS.map(|key| (key, Capacity::Member(Class::Token))));
	id
}

/// A proposal that is refused changes nothing. What it needs is noted before.
fn refuses(who: Key, community: CommunityId, action: Action, why: impl Into<DispatchError>) {
	let why: DispatchError = why.into();
	assert_noop!(Dso::submit(signed(who), community, Box::new(action), Default::default()), why);
}

fn execute(id: ProposalId) -> frame_support::dispatch::DispatchResult {
	Dso::execute(signed(Key::Eve), id, Weight::MAX)
}

fn set_fee(parts: u32) -> RuntimeCall {
	let fee = dynamic::market::Parameters::Fee(dynamic::market::Fee, Some(Permill::from_parts(parts)));
	set(RuntimeParameters::Market(fee))
}

fn set(key_value: RuntimeParameters) -> RuntimeCall {
	RuntimeCall::Parameters(pallet_parameters::Call::set_parameter { key_value })
}

fn fee() -> Permill {
	dynamic::market::Fee::get()
}

fn bounds<T>(min: T, default: T, max: T) -> Bounds<T> {
	Bounds { min, default, max }
}

fn name(text: &str) -> pallet_characters::Name {
	text.as_bytes().to_vec().try_into().expect("short")
}

/// Eve's character that draws with Alice's model 0, and talks with it for all that matters here. Its fan club has five tiers,
/// which vote with one point to five.
fn character() -> CharacterId {
	register_model();
	let share = |min, default, max| {
		bounds(Permill::from_percent(min), Permill::from_percent(default), Permill::from_percent(max))
	};
	let tier = |text, bonded| TierBounds {
		name: name(text),
		bonded: bounds(0, bonded, 1_000 * AUTON),
		spent: bounds(0, 0, 1_000 * AUTON),
	};
	let template = Template {
		name: name("Musician"),
		split: SplitBounds {
			owner: share(20, 40, 70),
			investors: share(0, 20, 50),
			treasury: share(10, 20, 60),
			fans: share(0, 10, 30),
			platform: share(10, 10, 10),
		},
		interaction: InteractionBounds {
			max_message_bytes: bounds(1, 256, 1_024),
			max_reply_tokens: bounds(1, 128, 512),
			temperature_centi: bounds(0, 70, 200),
			price_permille: bounds(1_000, 1_000, 3_000),
		},
		tiers: BoundedVec::truncate_from(vec![
			tier("Listener", AUTON),
			tier("Guest", 2 * AUTON),
			tier("Regular", 4 * AUTON),
			tier("Companion", 8 * AUTON),
			tier("Friend", 10 * AUTON),
		]),
		advanced_from: bounds(0, 0, 4),
		round: None,
		dso: BoundedVec::default(),
	};
	assert_ok!(Characters::set_template(RuntimeOrigin::root(), None, Box::new(template)));
	let details = CharacterDetails {
		template: 0,
		name: name("Ada"),
		persona: cid(b"Ada"),
		image_model: Some(0),
		language_model: None,
		customisation: Characters::default_customisation(0).expect("the template is there"),
		round: None,
	};
	assert_ok!(Characters::create(signed(Key::Eve), Box::new(details)));
	pallet_characters::Characters::<Runtime>::mutate(0, |info| {
		info.as_mut().expect("it is there").language_model = Some(0);
	});
	0
}

fn home(character: CharacterId) -> CommunityId {
	Items::community(Anchor::Character(character)).expect("every character has one")
}

/// Eve sits in her character's community, and Ferdie is a fan of the highest tier.
///
/// Gives the character, its community, and who votes there.
fn with_community() -> (CharacterId, CommunityId, [(Key, Capacity); 2]) {
	let ada = character();
	let anchor = Anchor::Character(ada);
	assert_ok!(Dso::claim_seat(signed(Key::Eve), home(ada), anchor));
	let tier = pallet_bonds::Tier::Days14;
	assert_ok!(Bonds::bond(signed(Key::Ferdie), home(ada), Pot::Auton, 20 * AUTON, tier));
	assert_ok!(Characters::join(signed(Key::Ferdie), ada));
	let treasury = Bonds::treasury_of(home(ada));
	let given = <Balances as Mutate<AccountId>>::transfer(
		&account(Key::Dave),
		&treasury,
		10_000 * AUTON,
		Preservation::Preserve,
	);
	assert_ok!(given);
	days(2);
	(ada, home(ada), [(Key::Eve, Capacity::Holder(anchor)), (Key::Ferdie, Capacity::Member(Class::Fan))])
}

fn on_hold(who: Key) -> Balance {
	let reason = pallet_dso::HoldReason::Proposal.into();
	<Balances as InspectHold<AccountId>>::balance_on_hold(&reason, &account(who))
}

fn guard(ayes: u32) -> RuntimeOrigin {
	pallet_collective::RawOrigin::<AccountId, GuardCollective>::Members(ayes, 3).into()
}

// --- genesis ---

#[test]
fn presets_should_say_how_long_a_day_is_and_open_x() {
	for (preset, day, needs) in
		[("development", DEVELOPMENT_DAY, DEVELOPMENT_NEEDS), ("local", LOCAL_DAY, Needs::DEFAULT)]
	{
		chain(preset).execute_with(|| {
			assert_eq!((Bonds::blocks_per_day(), Dso::needs()), (day, needs));
			assert!(Dso::community(X_COMMUNITY).is_some());
			assert_eq!(pallet_collective::Members::<Runtime, GuardCollective>::get().len(), 3);
			assert!(pallet_sudo::Key::<Runtime>::exists());
			// Democracy's periods are days too.
			assert_eq!(<Runtime as pallet_democracy::Config>::VotingPeriod::get(), 7 * day);
			assert_eq!(TreasuryAccount::get(), Bonds::treasury_of(X_COMMUNITY));
		});
	}
}

#[test]
fn accounts_without_a_key_should_have_no_say() {
	test(|| {
		let keyless = [
			TreasuryAccount::get(),
			Bonds::treasury_of(7),
			Dso::seat_account(Anchor::Character(7)),
			Dso::ai_account(7),
			Models::account_id(),
			Characters::account_id(),
		];
		for who in keyless {
			let _ = <Balances as Mutate<AccountId>>::set_balance(&who, 1_000 * AUTON);
			let tier = pallet_bonds::Tier::Days14;
			assert_noop!(
				Bonds::bond(RuntimeOrigin::signed(who), X_COMMUNITY, Pot::Auton, 100 * AUTON, tier),
				pallet_bonds::Error::<Runtime>::AccountExcluded
			);
		}
	});
}

// --- communities of characters and models ---

#[test]
fn community_of_a_character_should_change_its_charter_in_the_first_phase() {
	test(|| {
		let (_, home, members) = with_community();
		let changes = BoundedVec::truncate_from(vec![(Field::VotingDays, 4)]);
		let id = submit(Key::Ferdie, home, Action::SetCharter(changes)).expect("a fan proposes");
		pass(id, &members);
		assert_ok!(execute(id));
		let charter = Dso::charter(home).expect("it is open");
		assert_eq!(charter.get(Field::VotingDays), 4);
		let beyond = BoundedVec::truncate_from(vec![(Field::VotingDays, 11)]);
		refuses(Key::Eve, home, Action::SetCharter(beyond), Error::<Runtime>::FieldOutOfBounds);
	});
}

#[test]
fn community_should_take_over_when_somebody_else_has_a_say() {
	test(|| {
		let ada = character();
		let rename = |n: u8| Characters::set_persona(signed(Key::Eve), ada, cid(&[n]));
		assert_ok!(rename(1));
		assert_ok!(Dso::claim_seat(signed(Key::Eve), home(ada), Anchor::Character(ada)));
		days(2);
		assert_ok!(rename(2));
		let tier = pallet_bonds::Tier::Days14;
		assert_ok!(Bonds::bond(signed(Key::Ferdie), home(ada), Pot::Auton, 20 * AUTON, tier));
		assert_ok!(Characters::join(signed(Key::Ferdie), ada));
		assert_ok!(rename(3));
		days(1);
		assert_noop!(rename(4), pallet_characters::Error::<Runtime>::NotGovernor);
		let persona = cid(b"chosen together");
		let action = Action::Character(CharacterAction::SetPersona { persona });
		let members =
			[(Key::Eve, Capacity::Holder(Anchor::Character(ada))), (Key::Ferdie, Capacity::Member(Class::Fan))];
		let id = submit(Key::Eve, home(ada), action).expect("the holder proposes");
		pass(id, &members);
		assert_ok!(execute(id));
		assert_eq!(Characters::character(ada).expect("it is there").info.persona, persona);
		assert_noop!(execute(id), Error::<Runtime>::NotApproved);
	});
}

#[test]
fn holder_should_not_close_the_community_to_decide_alone_again() {
	test(|| {
		let (ada, home, _) = with_community();
		assert_ok!(Dso::purge_seat(signed(Key::Eve), home, Anchor::Character(ada)));
		assert_noop!(Dso::close_community(signed(Key::Eve), home), Error::<Runtime>::CommunityNotEmpty);
		assert_noop!(
			Characters::set_persona(signed(Key::Eve), ada, cid(b"hers alone")),
			pallet_characters::Error::<Runtime>::NotGovernor
		);
	});
}

#[test]
fn community_should_divide_what_the_character_earns_and_leave_the_platform_its_part() {
	test(|| {
		let (ada, home, members) = with_community();
		let charter = || Characters::character(ada).expect("it is there").charter;
		let split = Split { owner: 400_000, investors: 200_000, treasury: 100_000, fans: 200_000 };
		let id = submit(Key::Ferdie, home, Action::Character(CharacterAction::SetSplit(split))).expect("it is whole");
		pass(id, &members);
		assert_ok!(execute(id));
		assert_eq!(charter().split.fans, Permill::from_percent(20));
		assert_eq!(charter().split.platform, Permill::from_percent(10));
		// What it leaves to the platform is X's to say.
		let greedy = Split { owner: 500_000, ..split };
		let id = submit(Key::Ferdie, home, Action::Character(CharacterAction::SetSplit(greedy))).expect("a proposal");
		pass(id, &members);
		assert_noop!(execute(id), pallet_characters::Error::<Runtime>::SplitOutOfBounds);
	});
}

#[test]
fn community_should_set_the_thresholds_of_the_fan_club_and_keep_its_names() {
	test(|| {
		let (ada, home, members) = with_community();
		assert_eq!(Items::entry(ada), Some(TierRow { bonded: AUTON, spent: 0 }));
		let rows = [1, 2, 4, 8, 9].map(|bonded| TierRow { bonded: bonded * AUTON, spent: 0 });
		let rows = BoundedVec::truncate_from(rows.to_vec());
		let action = Action::Character(CharacterAction::SetTiers { rows, advanced_from: 0 });
		let id = submit(Key::Ferdie, home, action).expect("a proposal");
		pass(id, &members);
		assert_ok!(execute(id));
		let tiers = Characters::character(ada).expect("it is there").charter.tiers;
		let friend = FanTier { name: name("Friend"), bonded: 9 * AUTON, spent: 0 };
		assert_eq!(tiers.last(), Some(&friend));
	});
}

#[test]
fn model_should_be_opened_by_its_community_in_the_fourth_phase() {
	test(|| {
		let model = register_model();
		let anchor = Anchor::Model(model);
		let home = Items::community(anchor).expect("every model has one");
		let alone = [(Key::Alice, Capacity::Holder(anchor))];
		assert_ok!(Models::set_price(signed(Key::Alice), model, PRICE + 1));
		assert_ok!(Dso::claim_seat(signed(Key::Alice), home, anchor));
		days(2);
		let badge = Action::GrantBadge { who: account(Key::Dave), points: 5 };
		let id = submit(Key::Alice, home, badge).expect("the holder proposes");
		pass(id, &alone);
		assert_ok!(execute(id));
		days(2);
		// Somebody who gave data has a say now, so the holder decides alone no more.
		assert_noop!(Models::set_price(signed(Key::Alice), model, PRICE), pallet_models::Error::<Runtime>::NotOwner);
		assert_noop!(Models::open_source(signed(Key::Alice), model), pallet_models::Error::<Runtime>::NotOwner);
		let open = || Action::Model(ModelAction::OpenSource);
		refuses(Key::Alice, home, open(), Error::<Runtime>::ActionTooEarly);
		set_phase(Phase::Four);
		let id = submit(Key::Alice, home, open()).expect("the phase is there");
		pass(id, &[alone[0], (Key::Dave, Capacity::Member(Class::Contributor))]);
		assert!(!Models::is_open(model));
		assert_ok!(execute(id));
		assert!(Models::is_open(model));
		// For ever: there is no way back, not even a second time.
		let id = submit(Key::Alice, home, open()).expect("a proposal");
		pass(id, &[alone[0], (Key::Dave, Capacity::Member(Class::Contributor))]);
		assert_noop!(execute(id), pallet_models::Error::<Runtime>::ModelIsOpen);
	});
}

#[test]
fn character_should_vote_in_a_referendum_with_its_treasury() {
	test(|| {
		let (ada, home, members) = with_community();
		// A community that wants to keep up with referenda votes in three days and waits for one.
		pallet_dso::Charters::<Runtime>::mutate(home, |chosen| {
			chosen.try_insert(Field::VotingDays, 3).expect("there is room");
			chosen.try_insert(Field::LockDays, 1).expect("there is room");
		});
		let remark = RuntimeCall::System(frame_system::Call::remark { remark: b"Let us meet.".to_vec() });
		let (hash, len) = note(&remark);
		assert_ok!(Democracy::propose(signed(Key::Dave), Bounded::Lookup { hash, len }, 1_000 * AUTON));
		while pallet_democracy::ReferendumCount::<Runtime>::get() == 0 {
			next_block();
		}
		let vote = |conviction| {
			let action =
				CharacterAction::VoteReferendum { referendum: 0, aye: true, balance: 5_000 * AUTON, conviction };
			Action::Character(action)
		};
		refuses(Key::Eve, home, vote(7), Error::<Runtime>::ConvictionOutOfRange);
		let id = submit(Key::Eve, home, vote(1)).expect("the holder proposes");
		pass(id, &members);
		assert_ok!(execute(id));
		let tally = || match pallet_democracy::ReferendumInfoOf::<Runtime>::get(0) {
			Some(ReferendumInfo::Ongoing(status)) => status.tally,
			other => panic!("{other:?}"),
		};
		assert_eq!((tally().ayes, tally().nays), (5_000 * AUTON, 0));
		// What it votes with is locked, and still the treasury's.
		let treasury = Bonds::treasury_of(home);
		assert!(<Balances as Inspect<AccountId>>::balance(&treasury) >= 10_000 * AUTON);
		assert!(!pallet_balances::Locks::<Runtime>::get(&treasury).is_empty());
		assert_eq!(Items::community(Anchor::Character(ada)), Some(home));
	});
}

// --- X ---

#[test]
fn motion_should_begin_the_next_phase_by_a_referendum_and_end_sudo() {
	on("local", || {
		let advance = pallet_dso::Call::advance_phase { from: Phase::One, to: Phase::Two };
		let id = pass_in_x(motion(&RuntimeCall::Dso(advance)));
		assert_ok!(execute(id));
		assert_eq!(Dso::motions().len(), 1);
		assert_ok!(Dso::flush_outbox(signed(Key::Eve)));
		assert!(Dso::motions().is_empty());
		assert!(pallet_democracy::NextExternal::<Runtime>::exists());
		while pallet_democracy::ReferendumCount::<Runtime>::get() == 0 {
			next_block();
		}
		let vote = Vote { aye: true, conviction: Conviction::Locked1x };
		for key in HOLDERS {
			let vote = AccountVote::Standard { vote, balance: 500_000 * AUTON };
			assert_ok!(Democracy::vote(signed(key), 0, vote));
		}
		let end = match pallet_democracy::ReferendumInfoOf::<Runtime>::get(0) {
			Some(ReferendumInfo::Ongoing(status)) => status.end,
			other => panic!("{other:?}"),
		};
		run_to(end);
		// What the phase needs is looked at when it begins.
		pallet_characters::ActiveCharacters::<Runtime>::put(20);
		pallet_inference::BondedOperators::<Runtime>::put(15);
		let today = Bonds::today();
		let shadow = Shadow {
			since: Some(today.saturating_sub(31)),
			period: today / 30,
			asked: 100,
			given: 95,
			..Default::default()
		};
		pallet_dso::ShadowVotes::<Runtime>::put(shadow);
		assert!(pallet_sudo::Key::<Runtime>::exists());
		run_to(end + 2 * DAY + 2);
		assert_eq!(Dso::phase_now(), Phase::Two);
		assert_eq!(pallet_sudo::Key::<Runtime>::get(), None, "only the holders are root from now on");
	});
}

#[test]
fn development_chain_should_keep_sudo_and_need_little() {
	test(|| {
		let advance = |from, to| Dso::advance_phase(RuntimeOrigin::root(), from, to);
		assert_noop!(advance(Phase::One, Phase::Two), Error::<Runtime>::TooFewCharacters);
		character();
		assert_noop!(advance(Phase::One, Phase::Two), Error::<Runtime>::TooFewWorkers);
		let operators = [
			(Key::Alice, Key::AliceStash),
			(Key::Bob, Key::BobStash),
			(Key::Charlie, Key::CharlieStash),
			(Key::Dave, Key::DaveStash),
			(Key::Eve, Key::EveStash),
		];
		operators.iter().for_each(|(owner, worker)| operator(*owner, *worker));
		assert_noop!(advance(Phase::One, Phase::Two), Error::<Runtime>::ShadowTooShort);
		let today = Bonds::today();
		let shadow = Shadow { since: Some(today - 1), period: today / 30, asked: 2, given: 1, ..Default::default() };
		pallet_dso::ShadowVotes::<Runtime>::put(shadow);
		assert_ok!(advance(Phase::One, Phase::Two));
		assert!(pallet_sudo::Key::<Runtime>::exists());
		assert_noop!(advance(Phase::Two, Phase::Three), Error::<Runtime>::PhaseTooYoung);
		days(1);
		assert_ok!(advance(Phase::Two, Phase::Three));
		days(1);
		assert_noop!(advance(Phase::Three, Phase::Four), Error::<Runtime>::NoProvenance);
	});
}

#[test]
fn economic_track_should_change_a_parameter_in_the_third_phase_and_in_small_steps() {
	test(|| {
		set_phase(Phase::Two);
		let lower = || dispatch(Track::Economic, &set_fee(15_000));
		refuses(Key::Bob, X_COMMUNITY, lower(), Error::<Runtime>::TrackClosed);
		set_phase(Phase::Three);

		// Nothing but numbers of its own, one at a time, within their bounds.
		let not_allowed = |action| refuses(Key::Bob, X_COMMUNITY, action, Error::<Runtime>::CallNotAllowed);
		let mint = RuntimeCall::Balances(pallet_balances::Call::force_set_balance {
			who: MultiAddress::Id(account(Key::Bob)),
			new_free: Balance::MAX,
		});
		not_allowed(dispatch(Track::Economic, &mint));
		not_allowed(dispatch(Track::Economic, &set_fee(100_001)));
		not_allowed(dispatch(Track::Interaction, &set_fee(15_000)));
		let split: pallet_inference::FeeSplit = dynamic::inference::FeeSplit::get();
		let two = pallet_inference::FeeSplit { burn: Permill::zero(), model: Permill::zero(), ..split };
		let two = dynamic::inference::Parameters::FeeSplit(dynamic::inference::FeeSplit, Some(two));
		let two = set(RuntimeParameters::Inference(two));
		not_allowed(dispatch(Track::Economic, &two));

		let id = pass_in_x(lower());
		assert_eq!(fee(), Permill::from_parts(20_000));
		assert_ok!(execute(id));
		assert_eq!(fee(), Permill::from_parts(15_000));

		// More than a quarter at once is too much, however it was voted on.
		let id = pass_in_x(dispatch(Track::Economic, &set_fee(11_000)));
		assert_noop!(execute(id), Error::<Runtime>::StepTooLarge);
		let id = pass_in_x(dispatch(Track::Economic, &set_fee(11_250)));
		assert_ok!(execute(id));
		assert_eq!(fee(), Permill::from_parts(11_250));
	});
}

#[test]
fn template_track_should_make_templates_in_the_first_phase() {
	test(|| {
		let (_, mut template) = Dso::template(KindTag::Character);
		template.concurrence = 1;
		let call = pallet_dso::Call::set_template { kind: KindTag::Character, template: Box::new(template) };
		let id = pass_in_x(dispatch(Track::Templates, &RuntimeCall::Dso(call)));
		assert_ok!(execute(id));
		let (version, template) = Dso::template(KindTag::Character);
		assert_eq!((version, template.concurrence), (1, 1));
	});
}

#[test]
fn root_alone_should_change_who_decides_in_x_and_what_asks_for_most() {
	test(|| {
		let not_allowed = |call| {
			let action = dispatch(Track::Templates, &RuntimeCall::Dso(call));
			refuses(Key::Bob, X_COMMUNITY, action, Error::<Runtime>::CallNotAllowed);
		};
		let (_, template) = Dso::template(KindTag::X);
		not_allowed(pallet_dso::Call::set_template { kind: KindTag::X, template: Box::new(template) });
		for track in [Track::TreasuryLarge, Track::Constitution, Track::ConstitutionDual] {
			not_allowed(pallet_dso::Call::set_track { track, terms: None });
		}
		let wish = pallet_dso::Call::set_track { track: Track::Wish, terms: None };
		let wish = dispatch(Track::Templates, &RuntimeCall::Dso(wish));
		assert_ok!(submit(Key::Bob, X_COMMUNITY, wish));
	});
}

#[test]
fn what_root_sets_out_of_bounds_should_be_read_within_them() {
	test(|| {
		let root = |parameter| {
			assert_ok!(Parameters::set_parameter(RuntimeOrigin::root(), parameter));
		};
		let floor = |amount| {
			let floor = dynamic::governance::Parameters::TokenFloor(dynamic::governance::TokenFloor, Some(amount));
			root(RuntimeParameters::Governance(floor));
			TokenFloor::get() / pallet_bonds::Tier::Days14.weight()
		};
		assert_eq!((floor(0), floor(Balance::MAX)), (AUTON, 1_000_000 * AUTON));

		let rules = SeatRules { burn: 0, backing: 0, opening: 0, target: 0, controller_cap: 10_000 };
		let rules = dynamic::governance::Parameters::Seats(dynamic::governance::Seats, Some(rules));
		root(RuntimeParameters::Governance(rules));
		let least = SeatRules {
			burn: MICRO_AUTON,
			backing: MICRO_AUTON,
			opening: MILLI_AUTON,
			target: 1,
			controller_cap: 3_300,
		};
		assert_eq!(BoundedSeatRules::get(), least);

		let mut tiers: pallet_inference::Tiers<Balance, BlockNumber> = dynamic::inference::Tiers::get();
		(tiers.ballot.committee, tiers.ballot.least_exposure) = (1, 0);
		tiers.text.least_exposure = Balance::MAX;
		let set = dynamic::inference::Parameters::Tiers(dynamic::inference::Tiers, Some(tiers));
		root(RuntimeParameters::Inference(set));
		let read = BoundedTiers::get();
		assert_eq!((read.ballot.committee, read.ballot.least_exposure), (5, AUTON));
		assert_eq!(read.text.least_exposure, 1_000_000 * AUTON);
		assert_eq!((read.image, read.creation), (tiers.image, tiers.creation));
	});
}

#[test]
fn proxy_for_governance_should_vote_and_burn_nothing() {
	let (proposal, capacity, side) = (0, Capacity::Member(Class::Token), Side::Aye);
	let vote = RuntimeCall::Dso(pallet_dso::Call::vote { proposal, capacity, side });
	let burn = RuntimeCall::Dso(pallet_dso::Call::open_ai_seat { child: 1 });
	assert!(ProxyType::Governance.filter(&vote) && !ProxyType::Governance.filter(&burn));
	for kind in [ProxyType::NonTransfer, ProxyType::Operator, ProxyType::ModelOwner, ProxyType::CancelProxy] {
		assert!(!kind.filter(&vote) && !kind.filter(&burn), "{kind:?}");
	}
}

#[test]
fn x_should_spend_from_the_treasury_that_the_platform_is_paid_into() {
	test(|| {
		let treasury = TreasuryAccount::get();
		let paid = <Balances as Mutate<AccountId>>::transfer(
			&account(Key::Dave),
			&treasury,
			10_000 * AUTON,
			Preservation::Preserve,
		);
		assert_ok!(paid);
		let to = account(Key::Ferdie);
		let before = <Balances as Inspect<AccountId>>::balance(&to);
		let spend = |amount| Action::Spend { asset: None, to: account(Key::Ferdie), amount };
		let id = pass_in_x(spend(400 * AUTON));
		assert_eq!(proposal(id).track, Some(Track::TreasurySmall));
		assert_ok!(execute(id));
		assert_eq!(<Balances as Inspect<AccountId>>::balance(&to), before + 400 * AUTON);
		// A quarter is the most, by the longer way.
		let id = pass_in_x(spend(4_000 * AUTON));
		assert_eq!(proposal(id).track, Some(Track::TreasuryLarge));
		assert_noop!(execute(id), Error::<Runtime>::SpendLimitReached);
	});
}

#[test]
fn cancelled_proposal_of_the_holders_should_pay_into_the_treasury_of_x() {
	test(|| {
		let remark = RuntimeCall::System(frame_system::Call::remark { remark: b"Buy now.".to_vec() });
		let (hash, len) = note(&remark);
		assert_ok!(Democracy::propose(signed(Key::Dave), Bounded::Lookup { hash, len }, 1_000 * AUTON));
		let before = <Balances as Inspect<AccountId>>::balance(&TreasuryAccount::get());
		assert_noop!(Democracy::cancel_proposal(guard(2), 0), DispatchError::BadOrigin);
		assert_ok!(Democracy::cancel_proposal(guard(3), 0));
		let after = <Balances as Inspect<AccountId>>::balance(&TreasuryAccount::get());
		assert_eq!(after - before, 1_000 * AUTON);
	});
}

#[test]
fn calls_should_be_said_in_plain_words() {
	test(|| {
		let words = |call: &RuntimeCall| InWords::words(call).expect("it has words");
		assert_eq!(words(&set_fee(15_000)), "the call parameters.set_parameter lowers market.Fee, from 20000 to 15000");
		let advance = RuntimeCall::Dso(pallet_dso::Call::advance_phase { from: Phase::One, to: Phase::Two });
		assert_eq!(words(&advance), "the call dso.advance_phase takes the chain from phase One to phase Two");
		let open = RuntimeCall::Models(pallet_models::Call::open_source { model: 7 });
		assert_eq!(words(&open), "the call models.open_source opens model 7 to everybody, for ever");
		assert_eq!(InWords::words(&RuntimeCall::System(frame_system::Call::remark { remark: vec![] })), None);
	});
}

// --- the guard ---

#[test]
fn guard_should_stop_things_and_do_nothing_else() {
	test(|| {
		let id = pass_in_x(Action::Signal);
		let reason = [1; 32];
		assert_noop!(Dso::pause(guard(1), Scope::All, reason), DispatchError::BadOrigin);
		assert_ok!(Dso::pause(guard(2), Scope::All, reason));
		assert_noop!(execute(id), Error::<Runtime>::Paused);
		assert_ok!(Dso::lift_pause(guard(2), Scope::All));
		assert_ok!(Dso::cancel(guard(2), id, reason, false));
		assert_noop!(execute(id), Error::<Runtime>::NotApproved);

		let bad = DispatchError::BadOrigin;
		assert_noop!(Parameters::set_parameter(guard(3), fee_parameter()), bad);
		assert_noop!(Dso::advance_phase(guard(3), Phase::One, Phase::Two), bad);
		let (_, template) = Dso::template(KindTag::Character);
		assert_noop!(Dso::set_template(guard(3), KindTag::Character, Box::new(template)), bad);
		assert_noop!(Democracy::external_propose_majority(guard(3), Bounded::Inline(Default::default())), bad);
		assert_noop!(Models::resolve_dispute(guard(3), 0, 1, true), bad);
		set_phase(Phase::Three);
		assert_ok!(Dso::regress_phase(guard(2), Phase::Two));
		days(14);
		assert_eq!(Dso::phase_now(), Phase::Three, "not for ever");
	});
}

fn fee_parameter() -> RuntimeParameters {
	RuntimeParameters::Market(dynamic::market::Parameters::Fee(dynamic::market::Fee, Some(Permill::zero())))
}

#[test]
fn guard_should_decide_by_a_motion_of_two_thirds() {
	test(|| {
		let pause = RuntimeCall::Dso(pallet_dso::Call::pause { scope: Scope::Community(X_COMMUNITY), reason: [2; 32] });
		let (hash, len) = (BlakeTwo256::hash_of(&pause), pause.encoded_size() as u32);
		assert_ok!(GuardCommittee::propose(signed(Key::Alice), 2, Box::new(pause), len));
		for key in [Key::Alice, Key::Bob] {
			assert_ok!(GuardCommittee::vote(signed(key), hash, 0, true));
		}
		let most = Weight::from_parts(100_000_000_000, 1_000_000);
		assert_ok!(GuardCommittee::close(signed(Key::Eve), hash, 0, most, len));
		assert!(pallet_dso::Pauses::<Runtime>::contains_key(Scope::Community(X_COMMUNITY)));
	});
}

#[test]
fn silence_in_the_guard_should_not_be_for_what_its_head_is_for() {
	test(|| {
		let members = HOLDERS.map(account).to_vec();
		assert_ok!(GuardCommittee::set_members(RuntimeOrigin::root(), members, Some(account(Key::Alice)), 3));
		let pause = RuntimeCall::Dso(pallet_dso::Call::pause { scope: Scope::All, reason: [2; 32] });
		let (hash, len) = (BlakeTwo256::hash_of(&pause), pause.encoded_size() as u32);
		assert_ok!(GuardCommittee::propose(signed(Key::Alice), 2, Box::new(pause), len));
		assert_ok!(GuardCommittee::vote(signed(Key::Alice), hash, 0, true));
		days(4);
		let most = Weight::from_parts(100_000_000_000, 1_000_000);
		assert_ok!(GuardCommittee::close(signed(Key::Eve), hash, 0, most, len));
		assert!(!pallet_dso::Pauses::<Runtime>::contains_key(Scope::All));
	});
}

// --- seats of AIs ---

#[test]
fn use_of_a_character_should_raise_the_weight_of_its_seat() {
	test(|| {
		let (ada, home, _) = with_community();
		let rules =
			SeatRules { burn: AUTON / 1_000, backing: 10 * AUTON, opening: AUTON, target: 20, controller_cap: 2_000 };
		let rules = dynamic::governance::Parameters::Seats(dynamic::governance::Seats, Some(rules));
		assert_ok!(Parameters::set_parameter(RuntimeOrigin::root(), RuntimeParameters::Governance(rules)));
		assert_ok!(Dso::open_ai_seat(signed(Key::Dave), home));
		let weight = || pallet_dso::AiSeats::<Runtime>::get(home).expect("it was opened").weight;
		assert_eq!(weight(), 0);

		three_operators();
		assert_ok!(Characters::order(signed(Key::FerdieStash), ada, Box::new(picture("a blue star")), AUTON));
		run_until(10, |event| matches!(event, InferenceEvent::JobAssigned { .. }));
		let operators = [(Key::Bob, Key::BobStash), (Key::Charlie, Key::CharlieStash), (Key::Dave, Key::DaveStash)];
		operators.iter().for_each(|(owner, worker)| commit(0, *owner, *worker, &sealed(1)));
		operators.iter().for_each(|(owner, _)| reveal(0, *owner, &sealed(1)));
		run_until(150, |event| matches!(event, InferenceEvent::JobFinalised { .. }));
		let (burned, shared) = inference_events()
			.into_iter()
			.find_map(|event| match event {
				InferenceEvent::JobFinalised { burned, payments, .. } => {
					Some((burned, payments.iter().any(|paid| paid.part == Part::Character)))
				}
				_ => None,
			})
			.expect("it became final in this block");
		assert!(burned >= 3 * AUTON / 1_000 && shared);
		assert_eq!(pallet_dso::Usages::<Runtime>::get(home).burned, burned);

		// A period counts once it is closed.
		let next = (Bonds::today() / 30 + 1) * 30;
		run_to(next * DAY);
		assert_ok!(Dso::refresh_seat(signed(Key::Dave), home));
		// Three times what a weight of 100 takes was burned, and twice was bonded behind it.
		assert_eq!(weight(), 200);
		assert_noop!(Dso::refresh_seat(signed(Key::Dave), home), Error::<Runtime>::RefreshedLately);
		assert!(Inference::provenance(0).is_some());
	});
}

// --- what is refused ---

#[test]
fn refusals_should_say_why() {
	test(|| {
		let (_, home, members) = with_community();
		// Nobody from outside, and nothing but what the community can do.
		refuses(Key::Bob, home, Action::Signal, Error::<Runtime>::NotMember);
		let call = dispatch(Track::Economic, &set_fee(1));
		refuses(Key::Eve, home, call, Error::<Runtime>::ActionNotAllowed);
		// Twice.
		let anchor = Anchor::Character(0);
		assert_noop!(Dso::claim_seat(signed(Key::Eve), home, anchor), Error::<Runtime>::SeatClaimed);
		let id = submit(Key::Eve, home, Action::Signal).expect("the holder proposes");
		refuses(Key::Eve, home, Action::Signal, Error::<Runtime>::OneLiveProposal);
		// Too early and too late.
		let vote = |(who, capacity): (Key, Capacity)| Dso::vote(signed(who), id, capacity, Side::Aye);
		assert_noop!(vote(members[0]), Error::<Runtime>::VotingClosed);
		assert_noop!(Dso::close(signed(Key::Eve), id), Error::<Runtime>::NotDue);
		run_to(proposal(id).voting.end());
		assert_noop!(vote(members[0]), Error::<Runtime>::VotingClosed);
		assert_ok!(Dso::close(signed(Key::Eve), id));
		assert_eq!(on_hold(Key::Eve), 0);
		// Spam.
		let deposit = Dso::deposit_now(home);
		let id = submit(Key::Ferdie, home, Action::Signal).expect("a fan proposes");
		assert_eq!(on_hold(Key::Ferdie), deposit);
		let issuance = Balances::total_issuance();
		assert_ok!(Dso::cancel(guard(2), id, [3; 32], true));
		assert_eq!((on_hold(Key::Ferdie), issuance - Balances::total_issuance()), (0, deposit));
		assert_eq!(proposal(id).status, Status::Ended(Outcome::Cancelled));
		// Nothing, and of another one.
		let nothing = Action::Spend { asset: None, to: account(Key::Eve), amount: 0 };
		refuses(Key::Eve, home, nothing, Error::<Runtime>::AmountIsZero);
		assert_noop!(
			Characters::set_persona(Origin::Community(home + 1).into(), 0, cid(b"another's")),
			pallet_characters::Error::<Runtime>::NotGovernor
		);
	});
}

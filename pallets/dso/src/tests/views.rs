use autonomy_governance::{Perbill, Side};
use autonomy_primitives::community::{Class, Topic};
use frame_support::assert_ok;

use super::{charter, with_members};
use crate::{mock::*, types::Anchor, Action, Capacity, Doable, Field, Missing, Stage};

#[test]
fn power_should_say_where_it_comes_from() {
	build_and_execute(|| {
		let community = with_members();
		let alices = Dso::power(community, account(ALICE));
		let owner = &alices[0];
		assert_eq!((owner.class, owner.item, owner.own), (Class::Owner, Some(Anchor::Character(ADA)), 1));
		assert_eq!(alices.len(), 4, "a line for each class");
		assert_ok!(Bonds::delegate(signed(BOB), community, Class::Investor, Topic::Routine, account(CAROL)));
		go_on(1);
		let bobs = Dso::power(community, account(BOB));
		// Bob holds nothing, so there is no line for holders.
		let investor = &bobs[0];
		assert_eq!((investor.class, investor.own, investor.standing), (Class::Investor, 2_000, 2_000));
		assert_eq!(investor.delegate, (Some(account(CAROL)), None));
		assert_eq!((investor.total, investor.weight), (2_000, 3_000));
		let carols = Dso::power(community, account(CAROL));
		assert_eq!(carols[0].inbound, (2_000, 0));
		assert_eq!(Dso::power(99, account(CAROL)), vec![]);
	});
}

#[test]
fn proposal_should_say_what_everybody_says_and_what_is_missing() {
	build_and_execute(|| {
		let community = with_members();
		let id = propose(ALICE, community, charter(&[(Field::OwnerWeight, 2_900), (Field::FanWeight, 2_600)]));
		let page = Dso::proposal(id).unwrap();
		let missing = [
			Missing::Support { has: Perbill::zero(), needs: Perbill::from_percent(10) },
			Missing::Approval { has: None, needs: Perbill::from_percent(50) },
			Missing::Concurrence { has: 0, needs: 2 },
			Missing::Consent(Class::Owner),
		];
		assert_eq!((page.missing, page.passes), (missing.to_vec(), false));
		open(id);
		vote(BOB, id, Class::Investor, Side::Aye);
		let page = Dso::proposal(id).unwrap();
		assert_eq!(page.missing, [Missing::Concurrence { has: 1, needs: 2 }, Missing::Consent(Class::Owner)]);
		assert_eq!((page.classes[1].share_of_ayes, page.classes[1].agrees), (Some(Perbill::one()), true));
		vote_as_holder(ALICE, id, ADA, Side::Aye);
		let page = Dso::proposal(id).unwrap();
		assert_eq!((page.missing, page.passes, page.human), (vec![], true, Some(Perbill::one())));
	});
}

#[test]
fn proposal_should_say_what_each_ai_says() {
	build_and_execute(|| {
		fan(CAROL, ADA);
		seat_ais(&[1, 2, 3, 4, 5], 100);
		let id = propose(BOB, X, Action::Signal);
		open(id);
		let job = ask(id, ADA);
		answer(job, Some(100));
		let page = Dso::proposal(id).unwrap();
		assert_eq!((page.ais.len(), page.ais[0].child, page.ais[0].weight), (1, of(ADA), 100));
		assert_eq!(page.ais[0].preference, percent(40), "nobody below has voted");
		assert_eq!(page.ais[0].settled, None);
		cut_off(id);
		settle(id, &[ADA]);
		assert!(Dso::proposal(id).unwrap().ais[0].settled.is_some());
	});
}

#[test]
fn doable_should_follow_the_stage() {
	build_and_execute(|| {
		let id = propose(ALICE, X, Action::Signal);
		let doable = |who| Dso::doable(id, account(who));
		assert_eq!((doable(ALICE), doable(BOB)), (vec![Doable::Edit, Doable::Withdraw], vec![]));
		open(id);
		let member = Capacity::Member(Class::Token);
		assert_eq!((doable(ALICE), doable(DAVE)), (vec![Doable::Vote(member)], vec![]));
		all_for(id);
		finish(id);
		assert_eq!(doable(DAVE), [Doable::Close]);
		close(id);
		assert_eq!(doable(DAVE), [Doable::Execute]);
		execute(id);
		assert_eq!(doable(DAVE), [Doable::Reap]);
		assert_eq!(Dso::proposal(id).unwrap().stage, Stage::Ended(crate::Outcome::Done));
		assert_eq!(Dso::doable(99, account(DAVE)), vec![]);
	});
}

use frame_support::{assert_noop, assert_ok};

use super::{adopt, collective, fan_power, info, rank};
use crate::{mock::*, CollectiveMode, Collectives, Customisations, Error};

#[test]
fn promise_should_not_be_lowered_by_customising_or_by_a_template() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Characters::invest(signed(BOB), ada, 1, 100));
		let mut less = chosen();
		less.split = split([500_000, 0, 300_000, 100_000, 100_000]);
		let customise = || Characters::customise(signed(ALICE), ada, Box::new(less.clone()));
		assert_noop!(customise(), Error::<Test>::PromiseLowered);
		// Nor by the community, nor after the round.
		Deciding::set(Some(community(ada)));
		let customise = || Characters::customise(signed(DSO), ada, Box::new(less.clone()));
		assert_noop!(customise(), Error::<Test>::PromiseLowered);
		run_to(DAY + 100);
		assert_ok!(Characters::close_round(signed(DAVE), ada));
		assert_noop!(customise(), Error::<Test>::PromiseLowered);
		// Bounds that leave investors nothing.
		let mut harsh = template();
		harsh.split.investors = bounds(ppm(0), ppm(0), ppm(0));
		harsh.split.treasury.default = ppm(400_000);
		assert_ok!(Characters::set_template(RuntimeOrigin::root(), Some(0), Box::new(harsh)));
		let charter = Characters::character(ada).unwrap().charter;
		assert_eq!(charter.split.investors, ppm(100_000));
		assert_eq!(crate::maths::total(&charter.split), 1_000_000);
	});
}

#[test]
fn identity_should_not_be_seated_twice() {
	build_and_execute(|| {
		let [ada, bea, cleo, dora] = [(); 4].map(|()| create(ALICE));
		collective(ada, bea, ALICE, CollectiveMode::Federated);
		assert_ok!(Characters::found_collective(signed(ALICE), cleo, name("Other"), CollectiveMode::Pooled));
		assert_ok!(Characters::invite(signed(ALICE), cleo, ada));
		assert_ok!(Characters::invite(signed(ALICE), cleo, dora));
		// In two collectives, whatever their modes.
		let join = |id| Characters::join_collective(signed(ALICE), 1, id);
		assert_noop!(join(ada), Error::<Test>::AlreadyInCollective);
		assert_noop!(join(cleo), Error::<Test>::AlreadyInCollective);
		// Under a parent and in a collective, in either order.
		adopt(ada, dora, ALICE);
		assert_noop!(join(dora), Error::<Test>::HasParent);
		let ask = Characters::ask_parent(signed(ALICE), bea, Some(cleo));
		assert_eq!(ask, Err(Error::<Test>::AlreadyInCollective.into()));
		assert_eq!(Collectives::<Test>::get(1).unwrap().members.into_inner(), vec![cleo]);
	});
}

#[test]
fn investor_should_not_go_over_caps_in_parts() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let invest = |who, shares| Characters::invest(signed(who), ada, shares, u128::MAX);
		assert_noop!(invest(BOB, 401), Error::<Test>::InvestorCapReached);
		assert_ok!(invest(BOB, 399));
		assert_noop!(invest(BOB, 2), Error::<Test>::InvestorCapReached);
		assert_ok!(invest(BOB, 1));
		// Selling them does not make room.
		assert_ok!(Assets::transfer(signed(BOB), FIRST_SHARES, account(DAVE), 400));
		assert_noop!(invest(BOB, 1), Error::<Test>::InvestorCapReached);
		assert_ok!(invest(CAROL, 400));
		assert_noop!(invest(DAVE, 201), Error::<Test>::NotEnoughShares);
		assert_ok!(invest(DAVE, 200));
		assert_noop!(invest(DAVE, 1), Error::<Test>::NotEnoughShares);
	});
}

#[test]
fn shares_should_not_be_minted_by_anybody() {
	build_and_execute(|| {
		create(ALICE);
		for who in [ALICE, BOB] {
			assert!(Assets::mint(signed(who), FIRST_SHARES, account(who), 1).is_err());
		}
	});
}

#[test]
fn fan_should_not_keep_a_tier_with_a_borrowed_bond() {
	build_and_execute(|| {
		use autonomy_primitives::community::Class;
		let ada = create(ALICE);
		bond(BOB, ada, 6_000);
		spend(BOB, ada, 1_000);
		assert_ok!(Characters::join(signed(BOB), ada));
		unbond(BOB, ada, 6_000);
		// Anyone takes the tier back, before it has counted on any closed day.
		assert_ok!(Characters::refresh_fan(signed(DAVE), ada, account(BOB)));
		assert_eq!((rank(ada, BOB), fan_power(ada, BOB)), ((0, 0), 0));
		let joined = Bonds::today();
		run_to(DAY * 2);
		assert_eq!(Bonds::power_of(community(ada), Class::Fan, account(BOB), joined), Some(0));
		// And the fan cannot claim it again.
		assert_noop!(Characters::upgrade(signed(BOB), ada), Error::<Test>::TierNotReached);
	});
}

#[test]
fn tightened_template_should_clamp_every_charter_without_a_write() {
	build_and_execute(|| {
		let ada = create(ALICE);
		bond(BOB, ada, 2_500);
		assert_ok!(Characters::join(signed(BOB), ada));
		let mut tight = template();
		tight.split.owner = bounds(ppm(400_000), ppm(400_000), ppm(700_000));
		tight.interaction.price_permille = bounds(1_000, 1_000, 1_200);
		tight.tiers[1].bonded = bounds(3_000, 3_000, 10_000);
		tight.tiers.truncate(2);
		tight.advanced_from = bounds(0, 0, 0);
		tight.dso.truncate(1);
		tight.dso[0] = bounds(30, 30, 40);
		assert_ok!(Characters::set_template(RuntimeOrigin::root(), Some(0), Box::new(tight)));
		let charter = Characters::character(ada).unwrap().charter;
		// What the owner gains is the treasury's, which is at its least then.
		assert_eq!(charter.split, split([400_000, 300_000, 100_000, 150_000, 50_000]));
		assert_eq!(charter.interaction.price_permille, 1_200);
		let tiers: Vec<_> = charter.tiers.iter().map(|tier| tier.bonded).collect();
		assert_eq!((tiers, charter.advanced_from, charter.dso.to_vec()), (vec![0, 3_000], 0, vec![30]));
		assert_eq!(Customisations::<Test>::get(ada), Some(chosen()));
		// A fan's tier follows, when somebody says so.
		assert_ok!(Characters::refresh_fan(signed(DAVE), ada, account(BOB)));
		assert_eq!(rank(ada, BOB), (0, 1));
	});
}

#[test]
fn community_should_decide_about_its_own_character_only() {
	build_and_execute(|| {
		let (ada, bea) = (create(ALICE), create(BOB));
		Deciding::set(Some(community(ada)));
		assert_ok!(Characters::set_active(signed(DSO), ada, false));
		assert_noop!(Characters::set_active(signed(DSO), bea, false), Error::<Test>::NotGovernor);
		assert!(info(bea).active);
	});
}

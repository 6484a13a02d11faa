use frame_support::assert_ok;

use super::{badge, info};
use crate::{memory, mock::*, CollectiveMode, Collectives, RoundQuote, Rounds, Seat};

#[test]
fn page_should_have_everything() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let page = Characters::character(ada).unwrap();
		assert_eq!((page.id, page.owner, page.treasury), (ada, Some(account(ALICE)), treasury(ada)));
		assert_eq!((page.info, page.charter, page.version), (info(ada), chosen(), 1));
		assert_eq!((page.round, page.memory), (Rounds::<Test>::get(ada), memory::no_memory(ada)));
		assert_eq!(page.seat, Seat::Own);
		assert_eq!(Characters::character(9), None);
		assert_eq!(Characters::character_of_community(community(ada)), Some(ada));
		assert_eq!(Characters::owner(ada), Some(account(ALICE)));
	});
}

#[test]
fn fan_page_should_say_what_is_deserved() {
	build_and_execute(|| {
		let ada = create(ALICE);
		bond(BOB, ada, 2_500);
		spend(BOB, ada, 40);
		let page = Characters::fan_page(ada, account(BOB)).unwrap();
		assert_eq!((page.badge, page.bonded, page.spent, page.deserved), (None, 2_500, 40, Some(1)));
		assert_ok!(Characters::join(signed(BOB), ada));
		assert_eq!(Characters::fan_page(ada, account(BOB)).unwrap().badge, badge(ada, BOB));
		assert_eq!(Characters::fan_page(9, account(BOB)), None);
	});
}

#[test]
fn quote_should_be_what_a_purchase_costs() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let quote = RoundQuote { cost: 1_045, left: 1_000, open: true };
		assert_eq!(Characters::round_quote(ada, 10), Some(quote));
		assert_eq!((Characters::round_quote(ada, 1_001), Characters::round_quote(9, 1)), (None, None));
		assert_ok!(Characters::invest(signed(BOB), ada, 10, 1_045));
		assert_eq!(Characters::invested(ada, account(BOB)), 10);
		assert_eq!(Characters::round(ada), Rounds::<Test>::get(ada));
		run_to(DAY + 100);
		assert_eq!(Characters::round_quote(ada, 1), Some(RoundQuote { cost: 110, left: 990, open: false }));
	});
}

#[test]
fn template_and_its_checks_should_be_readable() {
	build_and_execute(|| {
		assert_eq!((Characters::template(0), Characters::template(1)), (Some((1, template())), None));
		assert_eq!(Characters::check_template(template()), Ok(()));
		let default = Characters::default_customisation(0).unwrap();
		assert_eq!(default.split, split([400_000, 200_000, 200_000, 100_000, 100_000]));
		assert_eq!((default.tiers.len(), default.dso.to_vec()), (3, vec![10, 50]));
		assert_eq!(Characters::check_customisation(0, default, Some(round_terms())), Some(Ok(())));
		assert_eq!(Characters::check_customisation(1, chosen(), None), None);
	});
}

#[test]
fn collective_should_be_readable() {
	build_and_execute(|| {
		let (ada, bea) = (create(ALICE), create(ALICE));
		let id = super::collective(ada, bea, ALICE, CollectiveMode::Pooled);
		assert_eq!(Characters::collective(id), Collectives::<Test>::get(id));
		assert_eq!((Characters::seat(ada), Characters::seat(9)), (Some(Seat::Pooled(id)), None));
		assert_eq!(Characters::talk_of(1), None);
	});
}

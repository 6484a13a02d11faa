use autonomy_primitives::{community::Pot, payout::Payee};
use frame_support::assert_ok;

use crate::{mock::*, Collection};

#[test]
fn terms_should_be_the_charters_split() {
	build_and_execute(|| {
		let ada = create(ALICE);
		let terms = Characters::terms_of(ada).unwrap();
		let id = community(ada);
		let expected = vec![
			(Payee::Account(account(ALICE)), ppm(300_000)),
			(Payee::Pot(id, Pot::Shares), ppm(300_000)),
			(Payee::Pot(id, Pot::Auton), ppm(150_000)),
			(Payee::Account(account(PLATFORM)), ppm(50_000)),
			(Payee::Treasury(id), ppm(200_000)),
		];
		assert_eq!(terms.into_inner(), expected);
		assert_eq!(Characters::terms_of(9), None);
	});
}

#[test]
fn share_of_a_burnt_nft_should_be_the_treasurys() {
	build_and_execute(|| {
		let ada = create(ALICE);
		assert_ok!(Nfts::burn(signed(ALICE), Collection::<Test>::get().unwrap(), ada));
		let terms = Characters::terms_of(ada).unwrap();
		assert_eq!(terms.first(), Some(&(Payee::Treasury(community(ada)), ppm(300_000))));
	});
}

use autonomy_primitives::digest::cid;
use codec::Encode;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::{DispatchError, Permill};

use crate::{mock::*, Charter, Charters, Collection, DataRoots, Error, Event, MAX_DATA_ROOTS};

#[test]
fn community_should_set_price_and_close_the_model() {
	build_and_execute(|| {
		let model = registered("model");
		assert_ok!(Models::set_price(signed(COMMUNITY), model, 9));
		assert_ok!(Models::set_active(signed(COMMUNITY), model, false));
		let info = Models::model(model).unwrap().info;
		assert_eq!((info.price_per_unit, info.active), (9, false));
		// Also when the NFT is gone.
		assert_ok!(Nfts::burn(signed(1), Collection::<Test>::get().unwrap(), model));
		assert_ok!(Models::set_active(signed(COMMUNITY), model, true));
		assert_noop!(Models::set_active(signed(COMMUNITY), model + 1, true), Error::<Test>::UnknownModel);
	});
}

#[test]
fn set_charter_should_store_it() {
	build_and_execute(|| {
		let model = registered("model");
		let charter = charter(Some(1_000));
		assert_ok!(Models::set_charter(signed(COMMUNITY), model, charter));
		assert_eq!(Charters::<Test>::get(model), charter);
		assert_eq!(last_event(), Event::CharterSet { model, charter });
	});
}

#[test]
fn set_charter_should_fail_when_it_is_out_of_bounds() {
	build_and_execute(|| {
		let model = registered("model");
		let set = |charter: Charter| Models::set_charter(signed(1), model, charter);
		assert_noop!(set(charter(Some(999))), Error::<Test>::GainBelowBound);
		assert_noop!(set(charter(Some(0))), Error::<Test>::GainBelowBound);
		let heavy = Permill::from_parts(600_001);
		for n in 0..3 {
			let mut above = charter(None);
			let weights = [&mut above.weights.data, &mut above.weights.compute, &mut above.weights.training];
			for (index, weight) in weights.into_iter().enumerate() {
				if index == n {
					*weight = heavy;
				}
			}
			assert_noop!(set(above), Error::<Test>::ClassWeightAboveBound);
		}
		let no_set = Charter { evaluation_set: Some([7; 36]), ..charter(None) };
		assert_noop!(set(no_set), Error::<Test>::EvaluationSetNotCid);
		assert_noop!(Models::set_charter(signed(2), model, charter(None)), Error::<Test>::NotOwner);
		assert_noop!(Models::set_charter(RuntimeOrigin::none(), model, charter(None)), DispatchError::BadOrigin);
		assert_noop!(Models::set_charter(signed(1), model + 1, charter(None)), Error::<Test>::UnknownModel);
	});
}

#[test]
fn set_data_root_should_approve_and_withdraw() {
	build_and_execute(|| {
		let model = registered("model");
		let root = cid(b"cats");
		assert_ok!(Models::set_data_root(signed(1), model, root, true));
		assert_eq!(last_event(), Event::DataRootSet { model, root, approved: true });
		assert_noop!(Models::set_data_root(signed(1), model, root, true), Error::<Test>::DataRootUnchanged);
		assert_ok!(Models::set_data_root(signed(COMMUNITY), model, root, false));
		assert!(DataRoots::<Test>::get(model).is_empty());
		assert_noop!(Models::set_data_root(signed(1), model, root, false), Error::<Test>::DataRootUnchanged);
		assert_noop!(Models::set_data_root(signed(1), model, [7; 36], true), Error::<Test>::DataRootNotCid);
		assert_noop!(Models::set_data_root(signed(2), model, root, true), Error::<Test>::NotOwner);
		for n in 0..MAX_DATA_ROOTS {
			assert_ok!(Models::set_data_root(signed(1), model, cid(&n.encode()), true));
		}
		assert_noop!(Models::set_data_root(signed(1), model, root, true), Error::<Test>::TooManyDataRoots);
	});
}

#[test]
fn open_source_should_be_for_ever() {
	build_and_execute(|| {
		let model = registered("model");
		assert!(!Models::is_open(model));
		assert_noop!(Models::open_source(signed(2), model), Error::<Test>::NotOwner);
		assert_noop!(Models::open_source(signed(1), model + 1), Error::<Test>::UnknownModel);
		assert_noop!(Models::open_source(RuntimeOrigin::none(), model), DispatchError::BadOrigin);
		assert_ok!(Models::open_source(signed(1), model));
		assert_eq!(last_event(), Event::ModelOpened { model });
		assert!(Models::is_open(model));
		for who in [1, COMMUNITY] {
			assert_noop!(Models::open_source(signed(who), model), Error::<Test>::ModelIsOpen);
		}
	});
}

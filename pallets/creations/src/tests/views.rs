use frame_support::assert_ok;

use crate::{mock::*, Collections, Creations as CreationMap};

#[test]
fn views_should_give_what_is_stored() {
	build_and_execute(|| {
		assert_eq!(Creations::creation(open(), 0), None);
		assert_eq!(Creations::royalties(open(), 0), None);
		assert_eq!(Creations::metadata_json(open(), 0), None);
		assert_eq!(Creations::collection_metadata_json(9), None);
		let (collection, item) = minted(7, 1);
		let creation = Creations::creation(collection, item);
		assert_eq!(creation, CreationMap::<Test>::get(collection, item));
		assert_eq!(Creations::royalties(collection, item), creation.map(|creation| creation.royalties));
		assert_eq!(Creations::collection(collection), Collections::<Test>::get(collection));
		assert_eq!(Creations::creation_of_job(7), Some((collection, item)));
		assert_eq!(Creations::creation_of_job(8), None);
		assert_eq!(Creations::job_of_result(final_job(1, 7).result), Some(7));
		assert_eq!(Creations::job_of_result([0; 32]), None);
	});
}

#[test]
fn views_should_still_say_that_a_job_was_minted_when_its_work_is_burnt() {
	build_and_execute(|| {
		let (collection, item) = minted(7, 1);
		assert_ok!(Creations::burn(signed(1), collection, item));
		assert_eq!(Creations::creation(collection, item), None);
		assert_eq!(Creations::creation_of_job(7), Some((collection, item)));
		assert_eq!(Creations::job_of_result(final_job(1, 7).result), Some(7));
	});
}

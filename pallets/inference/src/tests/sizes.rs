//! How much storage the pallet takes.

use codec::{Encode, MaxEncodedLen};

use crate::{mock::*, JobOf, JuryOf, OperatorOf, Provenance, ProvenanceOf, SplitOf};

#[test]
fn stored_values_should_stay_within_their_sizes() {
	let sizes = [
		("job under way", JobOf::<Test>::max_encoded_len(), 12 * 1024),
		("its split", SplitOf::<Test>::max_encoded_len(), 1024),
		("jury", JuryOf::<Test>::max_encoded_len(), 5 * 1024),
		("operator", OperatorOf::<Test>::max_encoded_len(), 150),
		("provenance of a finished job", ProvenanceOf::<Test>::max_encoded_len(), 300),
	];
	for (name, size, most) in sizes {
		println!("{name}: at most {size} bytes");
		assert!(size <= most, "{name}: {size} bytes, {most} at most");
	}
}

#[test]
fn finished_job_should_leave_one_row() {
	build_and_execute(|| {
		serving_operators(3);
		add_character(&[]);
		let job = submit_for_character(ALICE);
		run_on(job);
		agree(job);
		run_out(job);
		let bytes = Provenance::<Test>::get(job).unwrap().encoded_size();
		println!("{bytes} bytes");
		assert_eq!(bytes, ProvenanceOf::<Test>::max_encoded_len());
	});
}
